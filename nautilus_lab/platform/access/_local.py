"""Rights by file: who can open a private socket is its owner."""

from __future__ import annotations

from dataclasses import dataclass, field

from nautilus_lab.exceptions import AccessDenied
from nautilus_lab.platform.access._key_file import Verifier
from nautilus_lab.platform.access._principal import Principal


@dataclass(frozen=True)
class LocalOwner:
    """Answers for callers on a socket that only its owner can open.

    A caller without a token is the owner. One who brings a token speaks for somebody else, a
    gateway for its viewers, and gets that person's rights; a process that asks for others must
    refuse those without a token itself.

    Parameters
    ----------
    tokens : Verifier, optional
        Verifies the tokens that are brought; without it they are refused.
    principal : Principal, optional
        The owner; the user of this process, with every role, when not given.
    """

    tokens: Verifier | None = None
    principal: Principal = field(default_factory=Principal.owner)

    def verify(self, token: str) -> Principal:
        """Return the owner, or whom the token speaks for; raises `AccessDenied`."""
        if not token:
            return self.principal
        if self.tokens is None:
            raise AccessDenied(
                "this socket accepts no tokens", remedy="call without one, as its owner"
            )
        return self.tokens.verify(token)
