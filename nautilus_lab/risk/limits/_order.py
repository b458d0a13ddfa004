"""Limits of the order itself: reducing or not, every order is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nautilus_lab.risk.limits._asked import Asked, Held, Prepares, Traded
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Limit, bounded

_BPS = 10_000
_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True, repr=False)
class OfOrder(Limit):
    """A limit that only an order can break: nothing of it is there to be looked at again."""

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Find nothing: what is held is no order."""
        return iter(())


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxOrderQuantity(OfOrder):
    """One order has at most `max_units`.

    Parameters
    ----------
    max_units : float
        Units of the instrument.
    """

    name: ClassVar[str] = "max_order_quantity"
    number: ClassVar[int] = 1
    scopes: ClassVar[str] = "order; of instruments and strategies"
    formula: ClassVar[str] = "size <= max_units"

    max_units: float

    def _check(self) -> None:
        bounded("max_units", self.max_units)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure the whole order."""
        value, bound = asked.units, self.max_units
        return Finding(self.name, "order", value, bound, value <= bound, "units")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxOrderNotional(OfOrder):
    """One order is worth at most `max_notional`.

    Parameters
    ----------
    max_notional : float
        Account currency, of what the order may cost or bring at most.
    """

    name: ClassVar[str] = "max_order_notional"
    number: ClassVar[int] = 2
    scopes: ClassVar[str] = "order; of instruments and strategies"
    formula: ClassVar[str] = "size x price x multiplier <= max_notional"

    max_notional: float

    def _check(self) -> None:
        bounded("max_notional", self.max_notional)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Value the whole order."""
        value, bound = asked.notional, self.max_notional
        return Finding(self.name, "order", value, bound, value <= bound, held.currency)


@dataclass(frozen=True, kw_only=True, repr=False)
class PriceCollar(OfOrder):
    """A limit is near the market, and so not a slip of the finger.

    It is compared with the middle of the quote; that of a stop-limit order with its trigger.

    Parameters
    ----------
    bps : float
        The furthest it may be off, basis points of the reference.
    max_age_s : float, optional
        How old the quote may be; with an older one nothing passes, priced or not.
    window_s : float, optional
        Also compare with the middle that the present window of so many seconds began with, so
        that many small steps do not add up to a large one.
    """

    name: ClassVar[str] = "price_collar"
    number: ClassVar[int] = 3
    scopes: ClassVar[str] = "order, instrument"
    formula: ClassVar[str] = "|price / reference - 1| <= bps"

    bps: float
    max_age_s: float | None = None
    window_s: float | None = None

    def _check(self) -> None:
        bounded("bps", self.bps)
        for name in ("max_age_s", "window_s"):
            if getattr(self, name) is not None:
                bounded(name, getattr(self, name), least=1e-9)

    def prepare(self, book: Prepares) -> None:
        """Have the book keep what each window began with."""
        if self.window_s is not None:
            book.keep_opening(int(self.window_s * _NS))

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure how far off the limit is; 0 without one."""
        limit, traded, oldest = asked.limit, asked.instrument, self.max_age_s
        value = 0.0
        if limit is not None:
            trigger = asked.trigger
            value = off_by(limit, trigger) if trigger is not None else self._off(limit, traded)
        if oldest is not None and not age_of(asked.quote_ns, asked.now_ns) <= oldest:
            value = math.nan
        bound = self.bps
        return Finding(self.name, traded.name, value, bound, value <= bound, "bp")

    def _off(self, limit: float, traded: Traded) -> float:
        bid, ask = traded.bid, traded.ask
        if bid is None or ask is None:
            return math.nan
        # Twice all of it, since half of a bid and an ask need not be a whole number.
        twice, double = 2 * limit, bid + ask
        value = off_by(twice, double)
        if self.window_s is not None:
            opened = traded.opened
            if opened != double:
                drifted = off_by(twice, opened)
                return value if drifted <= value else drifted
        return value


@dataclass(frozen=True, kw_only=True, repr=False)
class NoDuplicate(OfOrder):
    """The same order of the same strategy does not pass twice within `window_s`.

    The same is: instrument, side, size, type and prices. Changes are not looked at; slices of an
    algorithm are, so the window must be shorter than its interval.

    Parameters
    ----------
    window_s : float
        Seconds.
    """

    name: ClassVar[str] = "duplicate_order"
    number: ClassVar[int] = 6
    scopes: ClassVar[str] = "strategy"
    formula: ClassVar[str] = "orders alike within window_s = 0"

    window_s: float

    def _check(self) -> None:
        bounded("window_s", self.window_s)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Count the ones alike that passed lately."""
        alike = asked.likeness is not None and held.recent.alike_within(
            asked.likeness, self.window_s * _NS, asked.now_ns
        )
        return Finding(self.name, asked.strategy, float(alike), 0.0, not alike, "orders")


def off_by(price: float, reference: float | None) -> float:
    """Return how far a price is off a reference, basis points; NaN without one."""
    return abs(price - reference) * _BPS / abs(reference) if reference else math.nan


def age_of(quote_ns: int | None, now_ns: int) -> float:
    """Return the age of a quote, seconds; NaN without one.

    One from the future is as old as it is early: of a clock that is ahead nobody knows how old
    its quotes are.
    """
    return math.nan if quote_ns is None else abs(now_ns - quote_ns) / _NS
