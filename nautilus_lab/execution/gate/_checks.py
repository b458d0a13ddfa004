"""The checks of the gate: each one question about one proposal, a number and its bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import msgspec
from nautilus_trader.model.enums import InstrumentClass

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._proposal import Proposal
from nautilus_lab.risk import NotionalLimit

_NS = 1_000_000_000
_BPS = 10_000.0
# what may cost nothing, or less
_ANY_PRICE = frozenset(
    {InstrumentClass.OPTION, InstrumentClass.OPTION_SPREAD, InstrumentClass.FUTURES_SPREAD}
)


class Finding(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes
    ----------
    limit : str
        The check's name: ``"max_order_notional"``.
    scope : str
        What the limit is of: ``"order"``, ``"AAPL.PAPER"``, ``"account"``.
    value, bound : float
        What was measured and what is allowed, in `unit`; NaN when it cannot be measured.
    passed : bool
        Whether the proposal may pass; never when the value is NaN.
    unit : str
        What both are counted in: ``"USD"``, ``"units"``, ``"s"``, ``"bp"``, ``"orders/s"``.
    """

    limit: str
    scope: str
    value: float
    bound: float
    passed: bool
    unit: str = ""

    @property
    def utilisation(self) -> float:
        """`value` as a fraction of `bound`; infinite above a bound of zero."""
        if self.bound > 0:
            return self.value / self.bound
        return math.inf if self.value > 0 else self.value

    def __str__(self) -> str:
        if self.value != self.value:
            return f"{self.limit.upper()}: what it would be cannot be measured"
        return f"{self.limit.upper()}: {self.value:.2f} is over the limit of {self.bound:.2f}"


class Check(Protocol):
    """One question that the gate asks about each proposal.

    A check is frozen and remembers nothing: what has happened stands in the book. It is as quick
    as it can be, since all of them run for each order. One that raises denies.

    Attributes
    ----------
    name : str
        What it goes by in denials and on the desk.
    exposure : bool
        Whether it limits what is held. Proposals that open nothing are not asked then.
    """

    @property
    def name(self) -> str: ...

    @property
    def exposure(self) -> bool: ...

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure what the proposal would lead to, and compare; raises when it cannot."""
        ...


def _bounded(name: str, value: float, *, least: float = 0.0) -> None:
    if not least <= value < math.inf:
        raise InputError(
            f"{name} must be finite and at least {least:g}",
            value=value,
            remedy="leave the check out to turn it off",
        )


@dataclass(frozen=True, kw_only=True)
class SoundOrder:
    """Sizes are positive, prices too where the instrument cannot have others.

    Every gate asks it first: emulated orders that are released have passed nobody else.
    """

    name: str = field(default="sound_order", init=False)
    exposure: bool = field(default=False, init=False)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Count what is wrong with the proposal."""
        wrong = float(not proposal.quantity > 0) + proposal.order.is_quote_quantity
        for price in (proposal.limit_price, proposal.trigger_price):
            if price is not None and not 0 < price < math.inf:
                kind = getattr(proposal.nautilus, "instrument_class", None)
                wrong += kind not in _ANY_PRICE or not math.isfinite(price)
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
        return Finding(self.name, "order", value, bound, value <= bound, "USD")


@dataclass(frozen=True, kw_only=True)
class MaxPositionUnits:
    """The position that fills could lead to has at most `max_units`.

    Parameters
    ----------
    max_units : float
        Units of the instrument, long or short.
    by_symbol : bool, default=False
        Whether positions in the same symbol at several venues add up.
    """

    max_units: float
    by_symbol: bool = False
    name: str = field(default="max_position_units", init=False)
    exposure: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        _bounded("max_units", self.max_units)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure the position, all that works in its direction filled."""
        instrument = proposal.instrument
        if not self.by_symbol:
            value = abs(proposal.position_after) / Book.UNIT
            scope = instrument.name
        else:
            line, scope = book.symbol(instrument.symbol), instrument.symbol
            after = (
                line.filled + line.buys + proposal.added
                if proposal.buy
                else line.filled - line.sells - proposal.added
            )
            value = abs(after) / Book.UNIT
        return Finding(self.name, scope, value, self.max_units, value <= self.max_units, "units")


@dataclass(frozen=True, kw_only=True)
class MaxPositionNotional:
    """The position that fills could lead to is worth at most `max_notional`, account currency.

    What is held and works is valued at the mark, the order at its own price if that is more.

    Parameters
    ----------
    max_notional : float
        Account currency, of a long or a short position.
    by_symbol : bool, default=False
        Whether positions in the same symbol at several venues add up, at this venue's mark.
    """

    max_notional: float
    by_symbol: bool = False
    name: str = field(default="max_position_notional", init=False)
    exposure: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        _bounded("max_notional", self.max_notional)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Value the position, all that works in its direction filled."""
        instrument = proposal.instrument
        after, scope = proposal.position_after, instrument.name
        if self.by_symbol:
            line, scope = book.symbol(instrument.symbol), instrument.symbol
            after += line.filled - instrument.line.filled
            if proposal.buy:
                after += line.buys - instrument.line.buys
            else:
                after -= line.sells - instrument.line.sells
        value = abs(after) * instrument.per_unit * instrument.mark + _dearer(proposal)
        bound = self.max_notional
        return Finding(self.name, scope, value, bound, value <= bound, "USD")


@dataclass(frozen=True, kw_only=True)
class MaxGrossExposure:
    """All positions that fills could lead to are worth at most `max_notional` together.

    Parameters
    ----------
    max_notional : float
        Account currency, longs and shorts added.
    """

    max_notional: float
    name: str = field(default="max_gross_exposure", init=False)
    exposure: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        _bounded("max_notional", self.max_notional)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Add up the book with the proposal in it."""
        value = book.gross + _lengthened(proposal) + _dearer(proposal)
        bound = self.max_notional
        return Finding(self.name, "account", value, bound, value <= bound, "USD")


@dataclass(frozen=True, kw_only=True)
class EnoughMargin:
    """The venue's account covers all that fills could lead to, what is on its way included.

    At a leverage of 1 that is a cash account: purchases are paid in full, short sales are bound
    by what is held in cash.

    Parameters
    ----------
    leverage : mapping of str to float, optional
        Venue -> how many times its equity an account may hold; 1 where nothing is said.
    """

    leverage: Mapping[str, float] = MappingProxyType({})
    name: str = field(default="margin", init=False)
    exposure: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        for venue, times in self.leverage.items():
            _bounded(f"the leverage at {venue}", times, least=1.0)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Compare what the account would have to carry with what it may."""
        instrument = proposal.instrument
        venue = instrument.venue
        value = instrument.purse.gross + _lengthened(proposal) + _dearer(proposal)
        bound = book.equity_at(venue) * self.leverage.get(venue, 1.0)
        # An account that lost more than it had covers nothing; a NaN must stay one.
        bound = 0.0 if bound < 0 else bound
        return Finding(self.name, f"account:{venue}", value, bound, value <= bound, "USD")


@dataclass(frozen=True, kw_only=True)
class DailyLoss:
    """Nothing is opened once the loss of the day is over its limit.

    It denies at once what the stop-loss, which needs several looks, has not ended yet; and it
    denies while the loss is not known.

    Parameters
    ----------
    max_loss : float, optional
        Account currency; no limit when not given.
    max_fraction : float, optional
        Of the equity the day began with, in (0, 1].
    """

    max_loss: float | None = None
    max_fraction: float | None = None
    name: str = field(default="max_daily_loss", init=False)
    exposure: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        if self.max_loss is None and self.max_fraction is None:
            raise InputError(
                "a loss needs a limit", remedy="pass max_loss=20_000 or max_fraction=0.02"
            )
        if self.max_loss is not None:
            _bounded("max_loss", self.max_loss)
        if self.max_fraction is not None and not 0 < self.max_fraction <= 1:
            raise InputError("max_fraction must lie in (0, 1]", value=self.max_fraction)

    def bound(self, day_start: float) -> float:
        """Return the loss that is allowed on a day that began with `day_start`."""
        bounds = [math.inf]
        if self.max_loss is not None:
            bounds.append(self.max_loss)
        if self.max_fraction is not None:
            bounds.append(self.max_fraction * day_start)
        return math.nan if day_start != day_start else min(bounds)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure the loss since the day began; a gain is a loss below zero."""
        start = book.day_start_equity
        value, bound = start - book.equity, self.bound(start)
        return Finding(self.name, "account", value, bound, value <= bound, "USD")


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
        """Look when the first of the last `per_second` passed."""
        sent, most = book.sent, self.per_second
        full = len(sent) >= most and proposal.now_ns - sent[-most] < _NS
        return Finding(self.name, "account", most + full, most, not full, "orders/s")


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
        _bounded("bps", self.bps)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure how far off the limit is; 0 without one."""
        value = 0.0
        if proposal.limit_price is not None:
            reference = proposal.trigger_price
            if reference is None:
                reference = _middle(proposal)
            value = abs(proposal.limit_price / reference - 1) * _BPS if reference else math.nan
        return Finding(
            self.name, proposal.instrument.name, value, self.bps, value <= self.bps, "bp"
        )


@dataclass(frozen=True, kw_only=True)
class FreshQuote:
    """The quote that an order is judged by is at most `max_age_s` old.

    Parameters
    ----------
    max_age_s : float
        Seconds since the quote was made at its source.
    """

    max_age_s: float
    name: str = field(default="stale_quote", init=False)
    exposure: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _bounded("max_age_s", self.max_age_s)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure the quote's age; one from the future is no younger than 0."""
        quote = proposal.quote
        age = math.nan if quote is None else max(0.0, (proposal.now_ns - quote.ts_event) / _NS)
        return Finding(
            self.name, proposal.instrument.name, age, self.max_age_s, age <= self.max_age_s, "s"
        )


@dataclass(frozen=True, kw_only=True)
class NoDuplicate:
    """The same order of the same strategy does not pass twice within `window_s`.

    The same is: instrument, side, size, type and prices. Changes are not looked at.

    Parameters
    ----------
    window_s : float
        Seconds.
    """

    window_s: float
    name: str = field(default="duplicate_order", init=False)
    exposure: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _bounded("window_s", self.window_s)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Count the ones alike that passed lately."""
        count = 0.0
        if proposal.ask == "submit":
            last = book.alike.get(proposal.likeness)
            count = float(last is not None and proposal.now_ns - last < self.window_s * _NS)
        return Finding(self.name, proposal.strategy, count, 0.0, count == 0, "orders")


def _middle(proposal: Proposal) -> float:
    quote = proposal.quote
    if quote is None:
        raise ValueError(f"no quote values {proposal.instrument.name}")
    return (float(quote.bid_price) + float(quote.ask_price)) / 2


def _lengthened(proposal: Proposal) -> float:
    """Return what the proposal adds to what its instrument could be worth at most, at the mark."""
    instrument = proposal.instrument
    line = instrument.line
    grown = max(line.worst, abs(proposal.position_after)) - line.worst
    return grown * instrument.per_unit * instrument.mark if grown else 0.0


def _dearer(proposal: Proposal) -> float:
    """Return by how much the order is dearer at its own price than at the mark."""
    instrument = proposal.instrument
    units = max(proposal.added, 0) or proposal.leaves
    return max(0.0, proposal.price - instrument.mark) * units * instrument.per_unit
