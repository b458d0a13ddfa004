"""Limits of what was lost: today, and since equity stood highest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Asked, Held, Of
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Action, Limit, Mode, bounded, chosen, smaller

_NOT_BEGUN = "the equity that the day began with is not known yet"


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

    Parameters
    ----------
    max_fraction : float
        Of the highest equity there was, in (0, 1].
    """

    name: ClassVar[str] = "max_drawdown"
    number: ClassVar[int] = 14
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "1 - equity / highest equity <= max_fraction"
    modes: ClassVar[tuple[Mode, ...]] = ("monitor",)

    max_fraction: float
    mode: Mode = "monitor"
    action: Action = "reduce_only"

    def _check(self) -> None:
        bounded("max_fraction", self.max_fraction, least=math.ulp(0), most=1.0)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure how far equity is below its highest."""
        value = drawdown(holdings.net_asset_value, holdings.high_water)
        yield self._found("account", value, self.max_fraction, "of the high")


def drawdown(equity: float, high_water: float) -> float:
    """Return 1 - equity / high_water; NaN when either is not known, or there never was a gain."""
    return 1.0 - equity / high_water if high_water > 0 else math.nan
