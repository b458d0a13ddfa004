"""Which commands were begun, and how they ended: each is done once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from nautilus_lab.exceptions import InputError, NodeError
from nautilus_lab.platform.messages import Result


class CommandLog(Protocol):
    """Remembers commands by id, so that one which comes twice is done once."""

    def begin(self, command_id: str, fingerprint: str) -> Result | None:
        """Note that a command begins; return its result when it ended before.

        Raises
        ------
        InputError
            When the id stands for a command with another `fingerprint`.
        NodeError
            When the command was begun before and its end is not known.
        """
        ...

    def finish(self, result: Result) -> None:
        """Note how the command `result.id` ended."""
        ...


class MemoryCommandLog:
    """Remembers the last commands of this process.

    Parameters
    ----------
    most : int, default=10_000
        Commands remembered; the oldest is forgotten first.
    """

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[str, Result | None]] = OrderedDict()

    def begin(self, command_id: str, fingerprint: str) -> Result | None:
        """Note that a command begins; see `CommandLog.begin`."""
        if command_id not in self._known:
            self._known[command_id] = (fingerprint, None)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return None
        known, result = self._known[command_id]
        if known != fingerprint:
            raise InputError(
                "a command's id must be its own", value=command_id, remedy="make a new id"
            )
        if result is None:
            raise NodeError(
                "the command was begun before and its end is not known",
                value=command_id,
                remedy="look at what it was to change before asking again",
            )
        return result

    def finish(self, result: Result) -> None:
        """Note how the command `result.id` ended."""
        if result.id in self._known:
            self._known[result.id] = (self._known[result.id][0], result)
