"""Limits of how often: what a strategy that runs away breaks first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Asked, Held
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Counts, Holdings
from nautilus_lab.risk.limits._limit import Action, Limit, Mode, bounded, chosen
from nautilus_lab.risk.limits._order import OfOrder

_NS = 1_000_000_000
# so many are remembered
MOST = 9_999


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxMessageRate(OfOrder):
    """At most so many orders and changes pass within a second, within a minute, or both.

    Cancels always pass. They may be counted, as a venue counts them, and then take room from
    orders; `reserved` keeps room for them.

    Parameters
    ----------
    per_second, per_minute : int, optional
        From 1 to 9 999.
    per : {"account", "strategy"}, default="account"
        Whose.
    cancels : bool, default=False
        Whether cancels count.
    reserved : int, default=0
        How many of each bound are for cancels alone.
    """

    name: ClassVar[str] = "max_message_rate"
    number: ClassVar[int] = 4
    scopes: ClassVar[str] = "strategy, account"
    formula: ClassVar[str] = "messages within 1 s, within 60 s <= rate - reserved"

    per_second: int | None = None
    per_minute: int | None = None
    per: Literal["account", "strategy"] = "account"
    cancels: bool = False
    reserved: int = 0

    def _check(self) -> None:
        chosen("per", self.per, ("account", "strategy"))
        if self.per_second is None and self.per_minute is None:
            raise InputError("a rate needs a bound", remedy="pass per_second=50")
        for name in ("per_second", "per_minute"):
            rate = getattr(self, name)
            if rate is not None and not 1 <= rate <= MOST:
                raise InputError(f"{name} must lie in [1, {MOST}]", value=rate)
            if rate is not None and not 0 <= self.reserved < rate:
                raise InputError(
                    f"reserved must be at least 0 and less than {name}", value=self.reserved
                )

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        """What is left to orders of each rate; infinite for one that is not bounded."""
        second, minute = self.per_second, self.per_minute
        return (
            math.inf if second is None else second - self.reserved,
            math.inf if minute is None else minute - self.reserved,
        )

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Count what passed lately, and this one; of two bounds the one that is used more."""
        strategy = asked.strategy if self.per == "strategy" else ""
        second, minute = held.recent.rates(strategy, asked.now_ns, cancels=self.cancels)
        value, (bound, most), unit = second + 1, self._bounds, "messages/s"
        if not (minute + 1) * bound <= value * most:
            value, bound, unit = minute + 1, most, "messages/min"
        return Finding(self.name, strategy or "account", value, bound, value <= bound, unit)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxRepeats(OfOrder):
    """A strategy does not do the same again and again.

    Counted are its orders of one side in one instrument that were filled or may still be. One too
    many is denied, and the strategy sends nothing more until a person lets it.

    Parameters
    ----------
    most : int
        Within `window_s`.
    window_s : float
        Seconds.
    """

    name: ClassVar[str] = "max_repeats"
    number: ClassVar[int] = 5
    scopes: ClassVar[str] = "strategy"
    formula: ClassVar[str] = "executions alike within window_s <= most"
    latches: ClassVar[bool] = True

    most: int
    window_s: float

    def _check(self) -> None:
        bounded("most", self.most, least=1, most=MOST)
        bounded("window_s", self.window_s, least=1e-9)

    @cached_property
    def _window_ns(self) -> int:
        return int(self.window_s * _NS)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Count what was done alike lately, and this one; a change repeats nothing."""
        again = held.recent.applied_within(
            (asked.strategy, asked.instrument.name, asked.buy),
            self._window_ns,
            asked.now_ns,
        )
        value = again + (asked.likeness is not None)
        return Finding(self.name, asked.strategy, value, self.most, value <= self.most, "orders")


@dataclass(frozen=True, kw_only=True, repr=False)
class OfWindow(Limit):
    """A ratio of what a strategy did within a window; nothing before it did enough to be judged.

    Parameters
    ----------
    window_s : float
        Seconds.
    at_least : int
        Below so many messages or orders the ratio says nothing.
    """

    modes: ClassVar[tuple[Mode, ...]] = ("monitor",)

    mode: Mode = "monitor"
    action: Action = "disable"
    window_s: float = 300.0
    at_least: int = 20

    def _check(self) -> None:
        bounded("window_s", self.window_s, least=1e-9)
        bounded("at_least", self.at_least, least=1)

    @property
    def particular(self) -> bool:
        """Whether its scopes are single instruments or strategies."""
        return True

    def _ratios(
        self, holdings: Holdings, ratio: Callable[[Counts], float], bound: float, unit: str
    ) -> Iterator[Finding]:
        judged = False
        for (strategy, window_s), counts in holdings.counts.items():
            if window_s == self.window_s and self.concerns("", "", strategy):
                judged = True
                yield self._found(strategy, ratio(counts), bound, unit)
        if not judged:
            yield self._found("strategies", 0.0, bound, unit)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxOrderToTrade(OfWindow):
    """A strategy sends at most so many messages for each execution.

    Parameters
    ----------
    max_ratio : float
        Messages (orders, changes, cancels) for one fill.
    """

    name: ClassVar[str] = "max_order_to_trade"
    number: ClassVar[int] = 23
    scopes: ClassVar[str] = "strategy"
    formula: ClassVar[str] = "messages / fills within window_s <= max_ratio"

    max_ratio: float

    def _check(self) -> None:
        super()._check()
        bounded("max_ratio", self.max_ratio, least=1)

    def ratio(self, counts: Counts) -> float:
        """Return messages for each fill; without any fill as if there had been one."""
        # NaN is not too few.
        return 0.0 if counts.messages < self.at_least else counts.messages / max(1, counts.fills)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure each strategy's ratio."""
        yield from self._ratios(holdings, self.ratio, self.max_ratio, "messages/fill")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxRejects(OfWindow):
    """At most such a share of a strategy's orders is rejected or denied.

    Parameters
    ----------
    max_fraction : float
        In (0, 1].
    """

    name: ClassVar[str] = "max_rejects"
    number: ClassVar[int] = 23
    scopes: ClassVar[str] = "strategy"
    formula: ClassVar[str] = "rejects / orders within window_s <= max_fraction"

    max_fraction: float

    def _check(self) -> None:
        super()._check()
        bounded("max_fraction", self.max_fraction, least=math.ulp(0), most=1)

    def ratio(self, counts: Counts) -> float:
        """Return the share that was rejected."""
        return 0.0 if counts.orders < self.at_least else counts.rejects / counts.orders

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure each strategy's share."""
        yield from self._ratios(holdings, self.ratio, self.max_fraction, "of orders")
