"""What belongs into a history: what the stream brings, and what the traders' stores have."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import GapRow, HistoryStore, TradingStore

_log = logging.getLogger(__name__)

_PAGE = 1_000
_NOWHERE = (0, 0)

Writer = tuple[str, str]  # trader, writer
Position = tuple[int, int]  # epoch, seq


class Ledger:
    """A history, and how far each writer was followed.

    Where a writer's numbers skip, what is between is fetched from the store of its trader,
    before what follows is stored. What no store has is written down as a gap. An event that was
    stored before changes nothing. May be used from any thread.

    Parameters
    ----------
    store : HistoryStore
        Where it is kept; stays open.
    home : Home
        Whose traders' stores are asked.
    on_gap : callable
        Told each gap that stays.

    Attributes
    ----------
    stored : int
        Events that were new, since this was made.
    fetched : int
        Those of them that came out of traders' stores.
    gaps : int
        Gaps that stay.
    """

    def __init__(
        self, store: HistoryStore, home: Home, *, on_gap: Callable[[GapRow], object]
    ) -> None:
        self.stored = self.fetched = 0
        self.gaps = len(store.gaps())
        self._store = store
        self._home = home
        self._on_gap = on_gap
        self._held = store.positions()
        self._turn = threading.Lock()

    def take(self, envelopes: Sequence[Envelope]) -> None:
        """Store what the stream brought; when it returns, all of it is on the disk.

        Raises
        ------
        InputError
            When one is no event.
        StoreError
            When the history cannot be written.
        """
        reach("history.before_commit")
        with self._turn:
            known = self._store.known([envelope.id for envelope in envelopes])
            waiting: list[Envelope] = []
            for envelope in envelopes:
                if envelope.id in known:
                    continue
                if envelope.seq is not None and not self._follows(envelope, waiting):
                    self._add(waiting)
                    waiting = []
                    self._bring_up_to(envelope)
                waiting.append(envelope)
            self._add(waiting)
        reach("history.after_commit")

    def resync(self) -> int:
        """Fetch what the traders' stores have and the history lacks; return how much it was."""
        before = self.fetched
        for trader in self._home.trader_ids:
            if not self._home.trader(trader).store.exists():
                continue
            with self._turn:
                writers = {writer for whose, writer in self._held if whose == trader} | {"node"}
                for writer in sorted(writers):
                    try:
                        self._fetch((trader, writer), None)
                    except _CannotAsk as error:
                        _log.warning("the store of %s cannot be asked: %s", trader, error)
        return self.fetched - before

    def _follows(self, envelope: Envelope, waiting: Sequence[Envelope]) -> bool:
        """Whether nothing can be missing between an event and the last one of its writer."""
        writer, now = _writer(envelope), _position(envelope)
        last = next(
            (_position(e) for e in reversed(waiting) if e.seq is not None and _writer(e) == writer),
            self._held.get(writer),
        )
        return last is not None and now == (last[0], last[1] + 1)

    def _bring_up_to(self, envelope: Envelope) -> None:
        """Store what comes before an event, as far as it is to be had."""
        writer, now = _writer(envelope), _position(envelope)
        last = self._held.get(writer, _NOWHERE)
        if now <= last:
            _log.warning("%s/%s counts from the beginning again, at %s", *writer, now)
            last = self._held[writer] = _NOWHERE
        try:
            self._fetch(writer, now)
        except _CannotAsk as error:
            _log.warning("the store of %s/%s cannot be asked: %s", *writer, error)
            # Whether the end of an epoch is missing only its store knows.
            if now not in ((last[0], last[1] + 1), (last[0] + 1, 1)):
                self._missing(writer, last, now, str(error))
            return
        self._check(writer, now)

    def _fetch(self, writer: Writer, before: Position | None) -> None:
        """Store the events of a writer after what is held, out of its trader's store."""
        for page in self._pages(writer, before):
            self._check(writer, _position(page[0]))
            self.fetched += self._add(page)

    def _check(self, writer: Writer, now: Position) -> None:
        """Note what is missing before an event although its writer's store was asked."""
        last = self._held.get(writer, _NOWHERE)
        if now != (last[0], last[1] + 1) and not (now[0] > last[0] and now[1] == 1):
            self._missing(writer, last, now, "the trader's store does not have them either")

    def _pages(self, writer: Writer, before: Position | None) -> Iterator[list[Envelope]]:
        with (
            _asking(),
            TradingStore.open(self._home.trader(writer[0]).store, read_only=True) as store,
        ):
            if (latest := store.latest_epoch(writer[1])) < self._held.get(writer, _NOWHERE)[0]:
                if latest and before is None:
                    self._held[writer] = _NOWHERE  # it is another store than before
                else:
                    return
            after = self._held.get(writer, _NOWHERE)
            while page := store.outbox_after(writer[1], *after, limit=_PAGE):
                wanted = [
                    event
                    for event in page
                    if event.trader == writer[0] and (before is None or _position(event) < before)
                ]
                if wanted:
                    yield wanted
                if len(wanted) < len(page):
                    return
                after = _position(page[-1])

    def _add(self, envelopes: Sequence[Envelope]) -> int:
        if not envelopes:
            return 0
        held = {_writer(e): _position(e) for e in envelopes if e.seq is not None}
        new = self._store.add(envelopes, held=held)
        self._held |= held
        self.stored += new
        return new

    def _missing(self, writer: Writer, last: Position, now: Position, why: str) -> None:
        gap = GapRow(
            trader=writer[0],
            writer=writer[1],
            epoch=last[0],
            seq=last[1],
            next_epoch=now[0],
            next_seq=now[1],
            why=why,
            ts_ns=time.time_ns(),
        )
        self._store.add((), missing=(gap,))
        self.gaps += 1
        self._on_gap(gap)


class _CannotAsk(LabError):
    """A trader's store is not here, or cannot be read."""


class _asking:  # noqa: N801 (a context)
    """Tells what a trader's store raises apart from what the history does."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LabError):
            raise _CannotAsk(error.rule, value=error.value, remedy=error.remedy) from error


def _writer(envelope: Envelope) -> Writer:
    return envelope.trader, envelope.writer


def _position(envelope: Envelope) -> Position:
    return envelope.epoch, envelope.seq or 0
