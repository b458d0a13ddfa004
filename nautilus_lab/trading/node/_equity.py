"""What the account is worth, stored as the node goes on, and what its days began with."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.gate import Book, DayHighs, StrategyDays
from nautilus_lab.platform.store import EquityMoment, EquityRow, TradingStore
from nautilus_lab.risk.limits import LimitBook, MaxDrawdown

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_EVERY_NS = 60 * _NS
# Of the highest of a day less than this is lost with a process that is killed.
_RISE = 1e-4
_TRY_AGAIN_S = 10.0
_MOST_WAITING = 10_000
_SEEN = ""  # of no strategy: a node saw the day begin


class EquityKeeper:
    """Stores what the account is worth, each minute, as days (UTC) end and begin, and at the end.

    What nothing values is stored as not known, with the reason. A row that the store does not take
    waits, the latest ten thousand do.

    Parameters
    ----------
    store : TradingStore
        Where it is stored, and what earlier lives stored is found.
    book : Book
        The gate's: what limits are judged by.
    limits : LimitBook
        Say how many days are looked back.
    trader : str
        Whose account.
    epoch : int
        The node's.
    confirmations : int
        Looks in a row that believe a high; see `DayHighs`.
    simulated : bool
        Whether it is play money.
    now_ns : callable
        The kernel's clock.
    now_s : callable, optional
        Seconds that only go up.

    Attributes
    ----------
    highs : DayHighs
        The highest of each day, those of earlier lives included; who watches the limits observes.
    days : StrategyDays
        What strategies lost since the day began, in earlier lives as well.
    """

    def __init__(
        self,
        store: TradingStore,
        book: Book,
        limits: LimitBook,
        *,
        trader: str,
        epoch: int,
        confirmations: int,
        simulated: bool,
        now_ns: Callable[[], int],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._book = book
        self._trader = trader
        self._epoch = epoch
        self._simulated = simulated
        self._now_ns = now_ns
        self._now_s = now_s
        longest = max(
            (one.window_days or 1 for one in limits if isinstance(one, MaxDrawdown)), default=1
        )
        today = _day_of(now_ns())
        since = _begin_ns(today - timedelta(days=longest - 1))
        self.highs = DayHighs(store.day_highs(book.currency, since), confirmations=confirmations)
        self.days = StrategyDays(StoredDays(store))
        # What the loss of the day is counted from where no limit of it keeps that.
        self._began = (today, _began_with(store, today))
        self._last: EquityRow | None = None  # of the last look
        self._due_ns = 0
        self._high = math.nan  # as it was stored last
        self._waiting: deque[EquityRow] = deque(maxlen=_MOST_WAITING)
        self._try_after_s = -math.inf

    def __repr__(self) -> str:
        return f"EquityKeeper({self._trader}, {len(self._waiting)} rows wait)"

    def watch(self) -> None:
        """Store what it is time to; never raises. Call it four times a second."""
        try:
            self._look()
            self._store_waiting()
        except Exception:
            log.exception("what the account is worth could not be stored")

    def end(self) -> None:
        """Store what the account is worth as the node stops; never raises."""
        try:
            self.days.losses(self._book.profits(), self._now_ns())
            self._waiting.append(self._seen("stop"))
            self._try_after_s = -math.inf
            self._store_waiting()
        except Exception:
            log.exception("what the account was worth as the node stopped could not be stored")

    def _look(self) -> None:
        before, now = self._last, self._seen("regular")
        self._last = now
        if before is None:
            self._note(now, "begin")
        elif _day_of(before.ts_ns) < _day_of(now.ts_ns):
            self._note(before, "day end")
            self._note(now, "day begin")
        elif now.ts_ns >= self._due_ns:
            self._note(now, "regular")
        elif now.high is not None and not float(now.high) <= self._high * (1 + _RISE):
            self._note(now, "high")

    def _note(self, row: EquityRow, moment: EquityMoment) -> None:
        self._waiting.append(replace(row, moment=moment))
        self._due_ns = row.ts_ns + _EVERY_NS
        self._high = math.nan if row.high is None else float(row.high)

    def _seen(self, moment: EquityMoment) -> EquityRow:
        book, now_ns = self._book, self._now_ns()
        equity = _money(book.equity)
        return EquityRow(
            trader=self._trader,
            currency=book.currency,
            ts_ns=now_ns,
            moment=moment,
            equity=equity,
            high=_money(self.highs.of(_day_of(now_ns))),
            day_start=self._day_start(equity, now_ns),
            high_water=_money(book.high_water),
            unvalued=book.unknown if equity is None else "",
            strategies={name: _money(-lost) for name, lost in self.days.latest.items() if lost},
            epoch=self._epoch,
            simulated=self._simulated,
        )

    def _day_start(self, equity: Decimal | None, now_ns: int) -> Decimal | None:
        """Return what the day began with: as its limit has it, or the first that was known."""
        kept = _money(self._book.day_start_equity)
        day, began = self._began
        today = _day_of(now_ns)
        if today > day or began is None:
            began = equity if kept is None else kept
            self._began = (max(day, today), began)
        return began if kept is None else kept

    def _store_waiting(self) -> None:
        if not self._waiting or self._now_s() < self._try_after_s:
            return
        try:
            self._store.add_equity(tuple(self._waiting))
        except StoreError as error:
            self._try_after_s = self._now_s() + _TRY_AGAIN_S
            log.error("what the account is worth waits to be stored: %s", error)
            return
        self._waiting.clear()


class StoredDays:
    """What strategies had earned as a day began, in the trader's store; `DayStarts`."""

    def __init__(self, store: TradingStore) -> None:
        self._store = store

    def read(self, day: date) -> Mapping[str, float] | None:
        """Return what they had earned as it began; None where no node has seen the day yet.

        Who traded for the first time since then began with nothing. Who traded before and is not
        there was not valued until the last node ended: that is lost.
        """
        kept = self._store.strategy_days(day)
        if _SEEN not in kept:
            return None
        _, seen_ns = kept.pop(_SEEN)
        found = {name: math.nan if made is None else made for name, (made, _) in kept.items()}
        for name, first_ns in self._store.first_fills().items():
            found.setdefault(name, 0.0 if first_ns >= seen_ns else math.nan)
        return found

    def write(self, day: date, earned: Mapping[str, float], now_ns: int) -> None:
        """Keep what strategies had earned."""
        self._store.put_strategy_days(day, earned, now_ns)


def _began_with(store: TradingStore, day: date) -> Decimal | None:
    """Return what an earlier life of today counted the day from."""
    rows = store.equity(_begin_ns(day), _begin_ns(day + timedelta(days=1)))
    return next((row.day_start for row in reversed(rows) if row.day_start is not None), None)


def _money(amount: float) -> Decimal | None:
    return Decimal(f"{amount:.6f}") if math.isfinite(amount) else None


def _day_of(now_ns: int) -> date:
    return datetime.fromtimestamp(now_ns // _NS, UTC).date()


def _begin_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * _NS
