"""Checks of the order itself: reducing or not, every proposal is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._check import Finding, bounded
from nautilus_lab.execution.gate._proposal import Proposal
from nautilus_lab.risk import NotionalLimit

_NS = 1_000_000_000
_BPS = 10_000


@dataclass(frozen=True, kw_only=True)
class SoundOrder:
    """Its instrument is known, its size positive, its prices too where others cannot be.

    Every gate asks it first: emulated orders that are released have passed nobody else.
    """

    name: str = field(default="sound_order", init=False)
    exposure: bool = field(default=False, init=False)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Count what is wrong with the proposal; NaN where that is not known."""
        wrong = 0.0 if proposal.nautilus is not None else math.nan
        if not proposal.quantity > 0 or proposal.order.is_quote_quantity:
            wrong += 1
        if not proposal.instrument.any_price:
            for price in (proposal.limit, proposal.trigger):
                wrong += price is not None and not price > 0
        return Finding(self.name, "order", wrong, 0.0, wrong == 0, "faults")


@dataclass(frozen=True, kw_only=True)
class MaxOrderNotional:
    """One order is worth at most the limit's notional, account currency."""

    limit: NotionalLimit
    name: str = field(default="max_order_notional", init=False)
    exposure: bool = field(default=False, init=False)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Value the whole order."""
        value, bound = proposal.notional, self.limit.max_notional
        return Finding(self.name, "order", value, bound, value <= bound, book.currency)


@dataclass(frozen=True, kw_only=True)
class MaxOrderRate:
    """At most so many orders and changes pass within a second.

    Parameters
    ----------
    per_second : int
        From 1 to 9 999.
    """

    per_second: int
    name: str = field(default="max_order_rate", init=False)
    exposure: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.per_second < 10_000:
            raise InputError("per_second must lie in [1, 9999]", value=self.per_second)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Count what passed within the last second, and this one."""
        most = self.per_second
        value = book.recent.within_second(proposal.now_ns) + 1
        return Finding(self.name, "account", value, most, value <= most, "orders/s")


@dataclass(frozen=True, kw_only=True)
class PriceBand:
    """A limit is near the market, and so not a slip of the finger.

    It is compared with the middle of the quote; that of a stop-limit order with its trigger.

    Parameters
    ----------
    bps : float
        The furthest it may be off, basis points of the reference.
    """

    bps: float
    name: str = field(default="price_band", init=False)
    exposure: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        bounded("bps", self.bps)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure how far off the limit is; 0 without one."""
        limit, trigger, found = proposal.limit, proposal.trigger, proposal.instrument
        value = 0.0
        if limit is not None:
            # Twice the reference, since half of a bid and an ask need not be a whole number.
            double = None
            if trigger is not None:
                double = 2 * trigger
            elif found.bid is not None and found.ask is not None:
                double = found.bid + found.ask
            value = abs(2 * limit - double) * _BPS / abs(double) if double else math.nan
        return Finding(
            self.name, proposal.instrument.name, value, self.bps, value <= self.bps, "bp"
        )


@dataclass(frozen=True, kw_only=True)
class FreshQuote:
    """The quote that an order is judged by is at most `max_age_s` old.

    Parameters
    ----------
    max_age_s : float
        Seconds since the quote was made at its source. One from the future is as old as it is
        early: of a clock that is ahead nobody knows how old its quotes are.
    """

    max_age_s: float
    name: str = field(default="stale_quote", init=False)
    exposure: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        bounded("max_age_s", self.max_age_s)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure the quote's age."""
        quote = proposal.quote
        age = math.nan if quote is None else abs(proposal.now_ns - quote.ts_event) / _NS
        return Finding(
            self.name, proposal.instrument.name, age, self.max_age_s, age <= self.max_age_s, "s"
        )


@dataclass(frozen=True, kw_only=True)
class NoDuplicate:
    """The same order of the same strategy does not pass twice within `window_s`.

    The same is: instrument, side, size, type and prices. Changes are not looked at; slices of an
    algorithm are, so the window must be shorter than its interval.

    Parameters
    ----------
    window_s : float
        Seconds.
    """

    window_s: float
    name: str = field(default="duplicate_order", init=False)
    exposure: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        bounded("window_s", self.window_s)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Count the ones alike that passed lately."""
        alike = proposal.likeness is not None and book.recent.alike_within(
            proposal.likeness, self.window_s * _NS, proposal.now_ns
        )
        return Finding(self.name, proposal.strategy, float(alike), 0.0, not alike, "orders")
