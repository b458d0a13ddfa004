"""The limits of a running book, looked at again and again, and what follows."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.gate._adjusting import Adjusting
from nautilus_lab.execution.gate._day_highs import DayHighs
from nautilus_lab.execution.gate._gate import Gate
from nautilus_lab.execution.gate._high_water import HighWater
from nautilus_lab.execution.gate._strategy_days import StrategyDays
from nautilus_lab.platform.rundir import Standing
from nautilus_lab.risk.adjustment import AdjustmentRecord
from nautilus_lab.risk.limits import (
    DailyLoss,
    Finding,
    Holdings,
    LevelChange,
    Limit,
    LimitBook,
    LimitMonitor,
    LimitReport,
    MaxDrawdown,
)

log = logging.getLogger(__name__)

_FOUND_NOTHING = "no look at it found anything yet"
_ENDS_LOOSENINGS = ("HALTED", "KILLED")


class LimitWatch:
    """Monitors the limits of a gate's book, and does what their actions say.

    What is exceeded beyond doubt is told; nothing increases then, a strategy is disabled, or the
    trader's state is tightened, as the limit's action says. What cannot be measured holds back what
    increases at once, without waiting for it to be confirmed. The loss of the account's day is
    looked at here and ended by `StopLoss`.

    Limits that adjust themselves are adjusted before they are looked at, for gate and monitor in
    one step. One whose rule lacks an input lets nothing increase. A trader that is HALTED or KILLED
    ends what people loosened.

    Parameters
    ----------
    gate : Gate
        Whose book it is.
    limits : LimitBook
        What is looked at.
    tighten : callable
        Takes a state and a reason.
    on_change : callable, optional
        Called with each `LevelChange`.
    high_water : HighWater, optional
        Where the highest equity is kept.
    day_highs : DayHighs, optional
        Where the highest of each day is; in memory when not given.
    strategy_days : StrategyDays, optional
        Where what strategies lost since the day began is counted from; in memory when not given.
    adjusting : Adjusting, optional
        Where the limits that adjust themselves stand; in memory when not given.
    on_adjusted : callable, optional
        Called with each record of a change.

    Attributes
    ----------
    high_water : HighWater
        Where the highest equity is kept.
    """

    def __init__(
        self,
        gate: Gate,
        limits: LimitBook,
        *,
        tighten: Callable[[Standing, str], object],
        on_change: Callable[[LevelChange], object] = lambda change: None,
        high_water: HighWater | None = None,
        day_highs: DayHighs | None = None,
        strategy_days: StrategyDays | None = None,
        adjusting: Adjusting | None = None,
        on_adjusted: Callable[[AdjustmentRecord], object] = lambda record: None,
    ) -> None:
        self.adjusting = adjusting if adjusting is not None else Adjusting(limits)
        self._gate = gate
        self._tighten = tighten
        self._on_change = on_change
        self._monitor = LimitMonitor(limits, self._changed)
        self.high_water = high_water if high_water is not None else HighWater()
        self._day_highs = day_highs if day_highs is not None else DayHighs()
        self._days = strategy_days if strategy_days is not None else StrategyDays()
        self._windows = tuple({w for one in limits if (w := getattr(one, "window_s", None))})
        self._on_adjusted = on_adjusted
        drawdowns = [one for one in limits if isinstance(one, MaxDrawdown)]
        self._follows_equity = bool(self.adjusting or drawdowns)
        self._high_windows = tuple({one.window_days for one in drawdowns if one.window_days})
        # Also where no limit reads it yet: one that is added with a restart counts the whole day.
        self._follows_strategies = self._days.is_kept or any(
            isinstance(one, DailyLoss) and one.per == "strategy" for one in limits
        )
        # Until they were looked at for the first time nobody knows whether they hold.
        self.take()

    def __repr__(self) -> str:
        return f"LimitWatch({self._monitor!r})"

    @property
    def limits(self) -> LimitBook:
        """The limits as they hold."""
        return self._monitor.book

    @property
    def pending(self) -> bool:
        """Whether something was found that more looks must confirm: look again soon."""
        return self._monitor.pending or bool(self.adjusting.waiting)

    def look(self, now_ns: int) -> None:
        """Adjust what adjusts itself, look at everything that is monitored, do what follows."""
        book = self._gate.book
        self._day_highs.observe(book.equity, now_ns)
        losses = self._losses(now_ns) if self._follows_strategies else {}
        if not self.limits.monitored and not self.adjusting:
            return
        if self._follows_equity:
            try:
                book.high_water = self.high_water.observe(book.equity)
            except StoreError:
                log.exception("the highest equity is kept in memory only")
                book.high_water = self.high_water.equity
        holdings = book.holdings(
            now_ns,
            windows_s=self._windows,
            strategy_day_loss=losses,
            highs={days: self._day_highs.within(days, now_ns) for days in self._high_windows},
        )
        self._adjust(holdings)
        self._monitor.look(holdings)
        if self.adjusting.foretells:
            self.adjusting.observe(self._monitor.report(), now_ns)
        self._hold_back()

    def _adjust(self, holdings: Holdings) -> None:
        if not self.adjusting:
            return
        records = self.adjusting.look(holdings)
        if self._gate.state.state in _ENDS_LOOSENINGS:
            records += self.adjusting.revoke_all(by=self._gate.state.state, now_ns=holdings.now_ns)
        self.take()
        for record in records:
            self._on_adjusted(record)

    def take(self) -> None:
        """Have gate and monitor hold to what is adjusted: one step, between two orders."""
        held = self.adjusting.book
        both = zip(self._monitor.book, held, strict=True)
        self._gate.swap({id(old): new for old, new in both if old is not new})
        self._monitor.adjust(held, self.adjusting.standing)
        self._hold_back()

    def report(self) -> LimitReport:
        """Return what is believed of each limit and scope."""
        return self._monitor.report()

    def _losses(self, now_ns: int) -> dict[str, float]:
        """Return what was lost today by who holds something, or earned or lost something today."""
        book = self._gate.book
        found, holding = self._days.losses(book.profits(), now_ns), book.strategies_that_hold
        return {name: lost for name, lost in found.items() if lost or name in holding}

    def lost_over_limit(self, strategy: str) -> float | None:
        """Return what a strategy lost today where that is over a limit of its own; NaN as it is."""
        return next(
            (
                row.value
                for row in self._monitor.report()
                if row.limit == DailyLoss.name and row.scope == strategy and row.level == "breach"
            ),
            None,
        )

    def accept_day(self, strategy: str) -> None:
        """Count a strategy's loss of the day from now on: a person accepts it so far."""
        self._days.begin_anew(strategy)
        self._monitor.accept(DailyLoss.name, strategy)

    def _hold_back(self) -> None:
        held: dict[tuple[str, str], tuple[Limit, Finding]] = {}
        for limit in self._monitor.unseen:
            if limit.action == "no_increase":
                why = limit.awaits or _FOUND_NOTHING
                unknown = Finding(limit.name, "account", math.nan, math.nan, False, "", why)
                held[f"{limit.name}:{len(held)}", ""] = limit, unknown
        limits = tuple(self.limits)
        for place, why in self.adjusting.waiting.items():
            limit = limits[place]
            unknown = Finding(limit.name, "", math.nan, math.nan, False, "", why)
            held[f"{limit.name}:{place}", ""] = limit, unknown
        for place, limit, found in self._monitor.holding_back():
            if found.passed:
                found = msgspec.structs.replace(found, reason=self.limits.levels.clearing)
            held[f"{limit.name}:{place}", found.scope] = limit, found
        self._gate.held_back = held

    def _changed(self, change: LevelChange) -> None:
        if change.level == "breach":
            self._act(change)
        self._on_change(change)

    def _act(self, change: LevelChange) -> None:
        limit, reason = change.limit, change.text
        if limit is self.limits.day_stop:
            return
        if limit.action == "disable":
            if change.scope:
                self._gate.strategies.close(change.scope, reason)
        elif limit.action == "reduce_only":
            self._tighten("REDUCE_ONLY", reason)
        elif limit.action == "halt":
            self._tighten("HALTED", reason)
