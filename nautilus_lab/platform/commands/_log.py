"""Which commands were begun, and how they ended: each is done once."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from nautilus_lab.exceptions import InputError, OutcomeUnknown, StoreError
from nautilus_lab.platform.messages import Result, decode_reply, encode

if TYPE_CHECKING:
    # Clients import this package, and no database with it.
    from nautilus_lab.platform.store import TradingStore

_DAY_NS = 24 * 3_600 * 1_000_000_000


class CommandLog(Protocol):
    """Remembers commands by id, so that one which comes twice is done once."""

    def begin(
        self, command_id: str, fingerprint: str, *, name: str = "", principal: str = ""
    ) -> Result | None:
        """Note that a command begins; return its result when it ended before.

        Raises
        ------
        InputError
            When the id stands for a command with another `fingerprint`.
        OutcomeUnknown
            When the command was begun before and its end is not known; names its id.
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

    def begin(
        self, command_id: str, fingerprint: str, *, name: str = "", principal: str = ""
    ) -> Result | None:
        """Note that a command begins; see `CommandLog.begin`."""
        if command_id not in self._known:
            self._known[command_id] = (fingerprint, None)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return None
        known, result = self._known[command_id]
        return _earlier(command_id, fingerprint, known, result)

    def finish(self, result: Result) -> None:
        """Note how the command `result.id` ended."""
        if result.id in self._known:
            self._known[result.id] = (self._known[result.id][0], result)


class StoreCommandLog:
    """Remembers commands in a trader's store, so that a restart does none of them again.

    A command is in the store before its handler runs. One that was begun and has no end there
    fell with its process, or is being done: that it comes again is answered by `OutcomeUnknown`,
    and whoever sent it looks at what it was to change.

    Used from the thread that opened `store`.

    Parameters
    ----------
    store : TradingStore
        The trader's.
    days : float, default=30
        How long a command is remembered.
    most : int, default=100_000
        How many are remembered at most. A command that is forgotten and comes again is past its
        deadline, unless somebody gave it a new one.

    Examples
    --------
    >>> from nautilus_lab.platform.store import TradingStore
    >>> with TradingStore.open(":memory:") as store:
    ...     log = StoreCommandLog(store)
    ...     log.begin("id-1", "fingerprint")
    ...     log.finish(Result(id="id-1", ok=True, body=7))
    ...     StoreCommandLog(store).begin("id-1", "fingerprint").body
    7
    """

    def __init__(self, store: TradingStore, *, days: float = 30, most: int = 100_000) -> None:
        if not days > 0 or not most > 0:
            raise InputError(
                "commands must be remembered for some time, and some of them",
                value=f"{days} days, {most}",
            )
        self._store = store
        self._days = days
        self._most = most

    def __repr__(self) -> str:
        return f"StoreCommandLog({self._store!r}, {self._days:g} days)"

    def begin(
        self, command_id: str, fingerprint: str, *, name: str = "", principal: str = ""
    ) -> Result | None:
        """Note that a command begins; see `CommandLog.begin`.

        Raises
        ------
        StoreError
            When the store cannot write: what cannot be noted is not begun.
        """
        row = self._store.begin_command(command_id, fingerprint, name=name, principal=principal)
        if row is None:
            return None
        result = None
        if row.result is not None:
            reply = decode_reply(row.result)
            if not isinstance(reply, Result):
                raise StoreError(
                    "a command's end must be a result",
                    value=command_id,
                    remedy="stop the node, copy its store away, and restore a backup",
                )
            result = reply
        return _earlier(command_id, fingerprint, row.fingerprint, result)

    def finish(self, result: Result) -> None:
        """Note how the command `result.id` ended."""
        self._store.finish_command(result.id, encode(result))

    def prune(self) -> int:
        """Forget what is older than `days`, or more than `most`; return how many were forgotten."""
        before_ns = time.time_ns() - int(self._days * _DAY_NS)
        return self._store.forget_commands(before_ns=before_ns, most=self._most)


def _earlier(command_id: str, fingerprint: str, known: str, result: Result | None) -> Result:
    if known != fingerprint:
        raise InputError("a command's id must be its own", value=command_id, remedy="make a new id")
    if result is None:
        raise OutcomeUnknown(
            "the command was begun before and its end is not known",
            value=command_id,
            remedy="look at what it was to change before asking again",
        )
    return result
