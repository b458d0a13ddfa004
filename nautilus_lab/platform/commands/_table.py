"""The list of the commands a process answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands._schema import described, structs, written

LARGEST_COMMAND = 1 << 20  # bytes; what is larger is not read


class CommandBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every command's body: a field that the schema does not know is refused.

    An event may be read by an older reader, which skips what it does not know; a command is
    done as it was meant or not at all.
    """


@dataclass(frozen=True, kw_only=True)
class CommandSpec:
    """One command.

    Parameters
    ----------
    name : str
        Dotted: ``"node.stop"``.
    permission : Permission
        What the caller must be allowed.
    summary : str
        One sentence for the generated page.
    version : int, default=1
        Raised with every change of meaning; a caller of another version is refused.
    body : type of CommandBody, optional
        Its schema; without one the command takes no body.
    answer : type, optional
        What its result's body is: the type that its handler returns.
    reads : bool, default=False
        Whether it only reads, or does no more when it is done again. Such a command is answered
        afresh each time; any other is done once for each id.
    """

    name: str
    permission: Permission
    summary: str
    version: int = 1
    body: type[CommandBody] | None = None
    answer: Any = None
    reads: bool = False


class ListedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what `commands.list` answers; `permission` is a `Permission`'s value."""

    name: str
    version: int
    permission: str
    reads: bool


class CommandTable:
    """Commands by name.

    Examples
    --------
    >>> table = CommandTable(
    ...     CommandSpec(
    ...         name="node.status",
    ...         permission=Permission.NODE_READ,
    ...         summary="How it is.",
    ...         answer=str,
    ...         reads=True,
    ...     )
    ... )
    >>> print(table.markdown())
    | Command | Version | Permission | Body | Answer | Done | What it does |
    |---|---|---|---|---|---|---|
    | `node.status` | 1 | `node:read` | - | text | each time | How it is. |
    """

    def __init__(self, *specs: CommandSpec) -> None:
        self._specs = {spec.name: spec for spec in specs}
        if len(self._specs) != len(specs):
            raise InputError(
                "a command may be in a table once", value=sorted(spec.name for spec in specs)
            )

    def __repr__(self) -> str:
        return f"CommandTable({len(self)} commands)"

    def __iter__(self) -> Iterator[CommandSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def spec(self, name: str) -> CommandSpec:
        """Return the command called `name`.

        Raises
        ------
        InputError
            When there is none.
        """
        try:
            return self._specs[name]
        except KeyError:
            raise InputError(
                "a command must be one that is answered here",
                value=name,
                remedy=f"one of {', '.join(sorted(self._specs))}",
            ) from None

    def listed(self) -> list[ListedCommand]:
        """Return what a server answers to those who ask what it can be asked."""
        return [
            ListedCommand(
                name=spec.name,
                version=spec.version,
                permission=spec.permission.value,
                reads=spec.reads,
            )
            for spec in self
        ]

    def markdown(self) -> str:
        """Return the table as the documentation shows it."""
        lines = [
            "| Command | Version | Permission | Body | Answer | Done | What it does |",
            "|---" * 7 + "|",
        ]
        lines += [
            f"| `{spec.name}` | {spec.version} | `{spec.permission.value}` "
            f"| {'-' if spec.body is None else written(spec.body)} | {written(spec.answer)} "
            f"| {'each time' if spec.reads else 'once for each id'} | {spec.summary} |"
            for spec in self
        ]
        return "\n".join(lines)

    def schemas(self, *others: CommandTable) -> str:
        """Return what stands in bodies and answers, also of `others`, as the documentation does."""
        specs = [spec for table in (self, *others) for spec in table]
        kinds = [kind for spec in specs for kind in (spec.body, spec.answer)]
        return "\n\n".join(map(described, structs(*kinds)))
