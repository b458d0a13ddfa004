"""Limits of what was lost: today, and since equity stood highest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Asked, Held, Of
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Action, Limit, Mode, bounded, chosen, smaller

if TYPE_CHECKING:
    import pandas as pd

_NOT_BEGUN = "the equity that the day began with is not known yet"
_MOST_DAYS = 3_660


@dataclass(frozen=True, kw_only=True, repr=False)
class DailyLoss(Limit):
    """The account has not lost more since the day began than its limit.

    It denies at once what the stop-loss, which needs several looks, has not ended yet; and it
    denies while the loss is not known.

    Parameters
    ----------
    max_loss : float, optional
        Account currency; no limit when not given.
    max_fraction : float, optional
        Of the equity the day began with, in (0, 1].
    per : {"account", "strategy", "firm"}, default="account"
        Whose. What a strategy lost is looked at and not asked about, and without `max_fraction`:
        it has no equity of its own. The firm's is that of all accounts the book knows; nodes of
        one home share it out.
    """

    name: ClassVar[str] = "max_daily_loss"
    number: ClassVar[int] = 13
    scopes: ClassVar[str] = "strategy, account, firm"
    formula: ClassVar[str] = "equity the day began with - equity <= max_loss, <= max_fraction of it"
    modes: ClassVar[tuple[Mode, ...]] = ("both", "block", "monitor")

    max_loss: float | None = None
    max_fraction: float | None = None
    mode: Mode = "both"
    action: Action = "reduce_only"
    per: Of = "account"

    def _check(self) -> None:
        chosen("per", self.per, ("account", "strategy", "firm"))
        if self.max_loss is None and self.max_fraction is None:
            raise InputError(
                "a loss needs a limit", remedy="pass max_loss=20_000 or max_fraction=0.02"
            )
        if self.max_loss is not None:
            bounded("max_loss", self.max_loss)
        if self.max_fraction is not None and not 0 < self.max_fraction <= 1:
            raise InputError("max_fraction must lie in (0, 1]", value=self.max_fraction)
        if self.per == "strategy":
            if self.max_loss is None or self.max_fraction is not None:
                raise InputError(
                    "what a strategy may lose is an amount", remedy="pass max_loss=20_000"
                )
            if self.action == "reduce_only":
                object.__setattr__(self, "action", "disable")
            if self.mode == "both":
                object.__setattr__(self, "mode", "monitor")

    @property
    def exposure(self) -> bool:
        """Orders that open nothing are not asked."""
        return True

    def bound(self, day_start: float) -> float:
        """Return the loss that is allowed on a day that began with `day_start`."""
        return (
            math.nan
            if day_start != day_start
            else smaller(self.max_loss, self.max_fraction, day_start)
        )

    @property
    def particular(self) -> bool:
        """Whether its scopes are single instruments or strategies."""
        return self.per == "strategy"

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure the loss since the day began; a gain is a loss below zero."""
        start = held.day_start_equity
        value, bound = start - held.equity, self.bound(start)
        why = "" if start == start else _NOT_BEGUN
        return Finding(self.name, self.per, value, bound, value <= bound, held.currency, why)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure the loss so far."""
        unit = holdings.currency
        if self.per != "strategy":
            start = holdings.day_start_equity
            loss = start - holdings.net_asset_value
            yield self._found(self.per, loss, self.bound(start), unit)
            return
        bound = self.max_loss or 0.0
        none = True
        for strategy, loss in holdings.strategy_day_loss.items():
            if self.concerns("", "", strategy):
                none = False
                yield self._found(strategy, loss, bound, unit)
        if none:
            yield self._found("strategies", 0.0, bound, unit)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxDrawdown(Limit):
    """Equity is not further below its highest than such a fraction of it.

    ===================  ================================================================
    ``window_days``      the highest equity is that of
    ===================  ================================================================
    not given            all times
    ``1``                the UTC day so far: a drawdown within the day
    ``20``               the last 20 UTC days, of which today is one
    ===================  ================================================================

    A window forgets: who lost a third in a month is at no drawdown of a week. Hold one without a
    window beside it.

    Parameters
    ----------
    max_fraction : float
        Of the highest equity, in (0, 1].
    window_days : int, optional
        How many UTC days are looked back, at least 1; all there ever were when not given.
    """

    name: ClassVar[str] = "max_drawdown"
    number: ClassVar[int] = 14
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "1 - equity / highest equity (of window_days) <= max_fraction"
    modes: ClassVar[tuple[Mode, ...]] = ("monitor",)

    max_fraction: float
    window_days: int | None = None
    mode: Mode = "monitor"
    action: Action = "reduce_only"

    def _check(self) -> None:
        bounded("max_fraction", self.max_fraction, least=math.ulp(0), most=1.0)
        days = self.window_days
        if days is not None and (type(days) is not int or not 1 <= days <= _MOST_DAYS):
            raise InputError(
                f"window_days must be a whole number from 1 to {_MOST_DAYS:,}",
                value=days,
                remedy="pass window_days=1 for a drawdown within the day, or none for all times",
            )

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure how far equity is below its highest."""
        days = self.window_days
        scope, highest = "account", holdings.high_water
        if days is not None:
            scope, highest = f"account-{days}d", holdings.highs.get(days, math.nan)
        value = drawdown(holdings.net_asset_value, highest)
        yield self._found(scope, value, self.max_fraction, "of the high")


def drawdown(equity: float, high_water: float) -> float:
    """Return 1 - equity / high_water; NaN when either is not known, or there never was a gain."""
    return 1.0 - equity / high_water if high_water > 0 else math.nan


def highs_of(
    equity: pd.Series[float], windows_days: Iterable[int], *, now_ns: int
) -> dict[int, float]:
    """Return the highest equity within so many UTC days, today's so far included.

    Parameters
    ----------
    equity : Series, time -> float
        What the account was worth, by times with a zone.
    windows_days : iterable of int
        How many days each window has.
    now_ns : int
        UNIX nanoseconds; what came later has no part.

    Returns
    -------
    dict of int to float
        NaN for a window with nothing in it, or with a value that is not known.

    Raises
    ------
    InputError
        When the times have no zone.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2026-03-02", periods=3, tz="UTC")
    >>> now = days[-1].value
    >>> highs_of(pd.Series([120.0, 110.0, 100.0], index=days), (1, 2, 3), now_ns=now)
    {1: 100.0, 2: 110.0, 3: 120.0}
    """
    import pandas as pd

    if not isinstance(equity.index, pd.DatetimeIndex) or equity.index.tz is None:
        raise InputError(
            "the equity of a drawdown must have times with a zone",
            value=type(equity.index).__name__,
            remedy='equity.index = equity.index.tz_localize("UTC")',
        )
    now = pd.Timestamp(now_ns, unit="ns", tz="UTC")
    known = equity[equity.index <= now]
    found = {}
    for days in windows_days:
        within = known[known.index >= now.normalize() - pd.Timedelta(days=days - 1)]
        found[days] = float(within.max(skipna=False)) if len(within) else math.nan
    return found
