"""The one who asks."""

from __future__ import annotations

from dataclasses import dataclass, field

from nautilus_lab.exceptions import AccessDenied, InputError
from nautilus_lab.platform.access._roles import GRANTS, Permission, Role
from nautilus_lab.platform.latch import is_name, owner_name


@dataclass(frozen=True)
class Principal:
    """A person or a process, and the roles it was given.

    Parameters
    ----------
    name : str
        1 to 128 characters without white space.
    roles : frozenset of Role
        None at all may do nothing.
    token_id : str, optional
        The id (``jti``) of the token that was shown; empty for who needs none.

    Examples
    --------
    >>> ada = Principal("ada", frozenset({Role.VIEWER}))
    >>> ada.may(Permission.NODE_READ), ada.may(Permission.NODE_STOP)
    (True, False)
    """

    name: str
    roles: frozenset[Role]
    token_id: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise InputError(
                "a principal's name must have 1 to 128 characters that can be seen, no white space",
                value=self.name,
            )
        if not all(isinstance(role, Role) for role in self.roles):
            raise InputError("a principal's roles must be Role values", value=self.roles)

    @classmethod
    def owner(cls) -> Principal:
        """Return the user of this process with every role: what is theirs, they may do."""
        return cls(owner_name(), frozenset(Role))

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that the roles together permit."""
        return frozenset[Permission]().union(*(GRANTS[role] for role in self.roles))

    def may(self, permission: Permission) -> bool:
        """Whether any of the roles has `permission`."""
        return any(permission in GRANTS[role] for role in self.roles)

    def require(self, permission: Permission) -> None:
        """Do nothing if the principal may.

        Raises
        ------
        AccessDenied
            If it may not; names the permission, the principal and the roles that have it.
        """
        if not self.may(permission):
            able = ", ".join(role.value for role in Role if permission in GRANTS[role])
            raise AccessDenied(
                f"{permission.value} needs a role that has it",
                value=str(self),
                remedy=f"ask somebody with the role {able}",
            )

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(sorted(r.value for r in self.roles)) or 'no role'})"
