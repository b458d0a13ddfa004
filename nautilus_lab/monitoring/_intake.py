"""Taking over what every process of a lab raised."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import Home, RunDirectory
from nautilus_lab.platform.store import (
    AlertCursor,
    AlertLedger,
    StoreWatch,
    TradingStore,
    alert_of,
)

_log = logging.getLogger(__name__)


class Tail:
    """Follows the alerts in the store of one trader, each once, whatever ends in between.

    What it found and how far it is are entered in one transaction of the desk's store. It must
    be used from one thread; `changed` may be asked from another.

    Parameters
    ----------
    rundir : RunDirectory
        The trader's.
    source : str
        What to call its store.
    ledger : AlertLedger
        Where to.
    """

    def __init__(self, rundir: RunDirectory, source: str, ledger: AlertLedger) -> None:
        self._rundir = rundir
        self._source = source
        self._ledger = ledger
        self._watch = StoreWatch(rundir.store)
        self._store: TradingStore | None = None
        self._file: tuple[int, int] | None = None
        self._positions: dict[str, tuple[int, int]] = {}

    def changed(self) -> bool:
        """Whether there may be something new; asks in microseconds."""
        return self._watch.changed()

    def read(self) -> int:
        """Enter what is new; returns how many alerts that were.

        Raises
        ------
        LabError
            When the store cannot be read, or what stands there is no alert.
        """
        try:
            found = self._rundir.store.stat()
        except FileNotFoundError:
            self.close()
            return 0
        if self._store is None or self._file != (found.st_dev, found.st_ino):
            self._open()
            self._file = (found.st_dev, found.st_ino)
        assert self._store is not None
        events, positions = self._store.alerts_since(self._positions)
        if events:
            last = {event.writer: event for event in events}
            self._ledger.enter(
                self._rundir.trader_id,
                [alert_of(event, self._source, self._rundir.trader_id) for event in events],
                [
                    AlertCursor(
                        writer=writer, epoch=event.epoch, seq=event.seq or 0, event_id=event.id
                    )
                    for writer, event in last.items()
                ],
            )
        self._positions = positions
        return len(events)

    def _open(self) -> None:
        self.close()
        self._store = store = TradingStore.open(self._rundir.store, read_only=True)
        self._positions = {
            cursor.writer: (cursor.epoch, cursor.seq)
            for cursor in self._ledger.cursors(self._rundir.trader_id)
            # Where another event has the number, another file stood here: all of it is new then.
            if store.event_id(cursor.writer, cursor.epoch, cursor.seq) == cursor.event_id
        }

    def close(self) -> None:
        """Let go of the store; a later `read` opens it again."""
        store, self._store, self._file = self._store, None, None
        if store is not None:
            store.close()

    def end(self) -> None:
        """Let go of everything."""
        self.close()
        self._watch.close()


class Intake:
    """The tails of every trader of a home, and the desk's own store.

    It must be used from one thread; `changed` may be asked from another.

    Parameters
    ----------
    home : Home
        Whose.
    ledger : AlertLedger
        Where alerts are entered.
    on_unread : callable
        Told the trader, and why its alerts cannot be read; and None when they can again.
    """

    def __init__(
        self,
        home: Home,
        ledger: AlertLedger,
        *,
        on_unread: Callable[[str, LabError | None], object],
    ) -> None:
        self._home = home
        self._ledger = ledger
        self._on_unread = on_unread
        self._desk = StoreWatch(home.store)
        self._tails: dict[str, Tail] = {}
        self._unread: dict[str, str] = {}  # trader -> the rule that its store broke

    def find_traders(self) -> None:
        """Follow those that are new, and no more those that are gone."""
        there = set(self._home.trader_ids)
        for trader in self._tails.keys() - there:
            self._tails.pop(trader).end()
            self._unread.pop(trader, None)
        for trader in sorted(there - self._tails.keys()):
            rundir = self._home.trader(trader)
            source = str(rundir.store.relative_to(self._home.path))
            self._tails[trader] = Tail(rundir, source, self._ledger)

    def changed(self) -> set[str]:
        """Return the traders whose store was written since the last call; "" is the desk's own.

        A store that could not be read is left out: that is tried again when all are read.
        """
        found = {
            trader
            for trader, tail in list(self._tails.items())
            if trader not in self._unread and tail.changed()
        }
        return found | {""} if self._desk.changed() else found

    def read(self, traders: set[str] | None = None) -> int:
        """Enter what is new of these traders, or of all; returns how many alerts that were.

        Raises
        ------
        StoreError
            When the desk's store cannot be written.
        """
        count = 0
        for trader, tail in list(self._tails.items()):
            if traders is not None and trader not in traders:
                continue
            try:
                count += tail.read()
            except LabError as error:
                self._ledger.check()  # what cannot be written is another matter
                tail.close()
                self._tell_unread(trader, error)
            else:
                if self._unread.pop(trader, None) is not None:
                    self._on_unread(trader, None)
        return count

    def _tell_unread(self, trader: str, error: LabError) -> None:
        if self._unread.get(trader) != error.rule:
            self._unread[trader] = error.rule
            _log.error("the alerts of %s cannot be read: %s", trader, error)
            self._on_unread(trader, error)

    def close(self) -> None:
        """Let go of every store."""
        for tail in self._tails.values():
            tail.end()
        self._tails.clear()
        self._desk.close()
