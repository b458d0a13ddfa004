"""Checks of what is held: proposals that open nothing are not asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._check import Finding, bounded
from nautilus_lab.execution.gate._instrument import Line
from nautilus_lab.execution.gate._proposal import Proposal

# Whose position: the account's in one instrument, the account's in a symbol at all its venues, or
# one strategy's in one instrument.
Per: TypeAlias = Literal["instrument", "symbol", "strategy"]

_PER = ("instrument", "symbol", "strategy")


@dataclass(frozen=True, kw_only=True)
class MaxPositionUnits:
    """The position that fills could lead to has at most `max_units`.

    Parameters
    ----------
    max_units : float
        Units of the instrument, long or short.
    per : {"instrument", "symbol", "strategy"}, default="instrument"
        Whose position: the account's in one instrument, in the symbol at all its venues together,
        or that of the order's strategy in one instrument.
    """

    max_units: float
    per: Per = "instrument"
    name: str = field(default="max_position_units", init=False)

    def __post_init__(self) -> None:
        bounded("max_units", self.max_units)
        _check_per(self.per)

    @property
    def exposure(self) -> bool:
        """Whether proposals that open nothing for the account are not asked."""
        # What reduces the account's position may open one of the strategy's.
        return self.per != "strategy"

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure the position, all that works in its direction filled."""
        line, scope = _line(self.per, proposal, book)
        value, bound = abs(proposal.furthest(line)) / Book.UNIT, self.max_units
        passed = value <= bound or not (self.exposure or proposal.increases_in(line))
        return Finding(self.name, scope, value, bound, passed, "units")


@dataclass(frozen=True, kw_only=True)
class MaxPositionNotional:
    """The position that fills could lead to is worth at most `max_notional`, account currency.

    What is held and works is valued at the mark, the order at its own price if that is more.

    Parameters
    ----------
    max_notional : float
        Account currency, of a long or a short position.
    per : {"instrument", "symbol", "strategy"}, default="instrument"
        Whose position; see `MaxPositionUnits`. A symbol's is valued at this venue's mark.
    """

    max_notional: float
    per: Per = "instrument"
    name: str = field(default="max_position_notional", init=False)

    def __post_init__(self) -> None:
        bounded("max_notional", self.max_notional)
        _check_per(self.per)

    @property
    def exposure(self) -> bool:
        """Whether proposals that open nothing for the account are not asked."""
        return self.per != "strategy"

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Value the position, all that works in its direction filled."""
        line, scope = _line(self.per, proposal, book)
        found = proposal.instrument
        units = proposal.furthest(line)
        value = abs(units / Book.UNIT * found.multiplier * found.mark) + proposal.dearer(line)
        bound = self.max_notional
        passed = value <= bound or not (self.exposure or proposal.increases_in(line))
        return Finding(self.name, scope, value, bound, passed, book.currency)


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
        bounded("max_notional", self.max_notional)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Add up the book with the proposal in it."""
        value = book.gross + proposal.lengthened
        bound = self.max_notional
        return Finding(self.name, "account", value, bound, value <= bound, book.currency)


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
            bounded(f"the leverage at {venue}", times, least=1.0)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Compare what the account would have to carry with what it may."""
        venue = proposal.instrument.venue
        value = book.gross_at(venue) + proposal.lengthened
        bound = book.equity_at(venue) * self.leverage.get(venue, 1.0)
        # An account that lost more than it had covers nothing; a NaN must stay one.
        bound = 0.0 if bound < 0 else bound
        return Finding(self.name, f"account:{venue}", value, bound, value <= bound, book.currency)


@dataclass(frozen=True, kw_only=True)
class DailyLoss:
    """The account has not lost more since the day began than its limit.

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
            bounded("max_loss", self.max_loss)
        if self.max_fraction is not None and not 0 < self.max_fraction <= 1:
            raise InputError("max_fraction must lie in (0, 1]", value=self.max_fraction)

    def bound(self, day_start: float) -> float:
        """Return the loss that is allowed on a day that began with `day_start`."""
        if day_start != day_start:
            return math.nan
        bounds = [math.inf if self.max_loss is None else self.max_loss]
        if self.max_fraction is not None:
            bounds.append(self.max_fraction * day_start)
        return min(bounds)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure the loss since the day began; a gain is a loss below zero."""
        start = book.day_start_equity
        value, bound = start - book.equity, self.bound(start)
        return Finding(self.name, "account", value, bound, value <= bound, book.currency)


def _check_per(per: str) -> None:
    if per not in _PER:
        raise InputError(f"per must be one of {', '.join(_PER)}", value=per)


def _line(per: Per, proposal: Proposal, book: Book) -> tuple[Line, str]:
    """Return the units that a limit is of, and what they are called."""
    found = proposal.instrument
    if per == "instrument":
        return found.line, found.name
    if per == "symbol":
        return book.symbol(found.symbol), found.symbol
    return proposal.entry.own, f"{proposal.strategy}:{found.name}"
