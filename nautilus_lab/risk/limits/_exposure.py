"""Limits of what is held: orders that open nothing are not asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Asked, Held, Of, Per, Prepares, Sums
from nautilus_lab.risk.limits._exposed import OfExposure
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings, Position, Total, total_of
from nautilus_lab.risk.limits._limit import (
    Action,
    OfMoney,
    bounded,
    chosen,
    frozen_map,
    of_account,
    smaller,
    whole,
)

_NONE: Mapping[str, str] = MappingProxyType({})
_NO_WEIGHTS: Mapping[str, float] = MappingProxyType({})


def _of(scope: Of, holdings: Holdings) -> Iterator[tuple[str, tuple[Position, ...], float]]:
    """Yield what a sum is of, its positions, and the equity it is held against."""
    if scope == "firm":
        yield "firm", holdings.positions, holdings.net_asset_value
    elif scope == "account":
        for account, positions in holdings.by_account.items():
            yield account, positions, holdings.equity.get(account, math.nan)
    else:
        for strategy, positions in holdings.by_strategy.items():
            yield strategy, positions, holdings.net_asset_value


# --- one position -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, repr=False)
class OfPosition(OfExposure):
    """A limit of one position: the account's in an instrument or a symbol, or a strategy's.

    Parameters
    ----------
    per : {"instrument", "symbol", "strategy"}, default="instrument"
        Whose position: the account's in one instrument, in the symbol at all its venues together,
        or that of the order's strategy in one instrument.
    """

    per: Per = "instrument"

    def _check(self) -> None:
        chosen("per", self.per, ("instrument", "symbol", "strategy"))
        of_account(self, self.per)

    @property
    def particular(self) -> bool:
        """Its scopes are positions."""
        return True

    def _scope(self, asked: Asked) -> str:
        if self.per == "instrument":
            return asked.instrument.name
        if self.per == "symbol":
            return asked.instrument.symbol
        return f"{asked.strategy}:{asked.instrument.name}"

    def _each(self, holdings: Holdings) -> Iterator[tuple[str, tuple[Position, ...]]]:
        """Yield each position it is of, of a symbol the parts."""
        found: dict[str, list[Position]] = {}
        for one in holdings.shares if self.per == "strategy" else holdings.positions:
            if not one.furthest:
                continue
            if self.per == "strategy":
                scope = f"{one.strategy}:{one.instrument}"
            else:
                scope = one.instrument if self.per == "instrument" else one.symbol
            if self.concerns(one.instrument, one.symbol, one.strategy):
                found.setdefault(scope, []).append(one)
        for scope, parts in found.items():
            yield scope, tuple(parts)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxPositionUnits(OfPosition):
    """The position that fills could lead to has at most `max_units`.

    Parameters
    ----------
    max_units : float
        Units of the instrument, long or short.
    """

    name: ClassVar[str] = "max_position_units"
    number: ClassVar[int] = 7
    scopes: ClassVar[str] = "instrument, strategy, account"
    formula: ClassVar[str] = "|held + working + on its way| <= max_units"

    max_units: float

    def _check(self) -> None:
        super()._check()
        bounded("max_units", self.max_units)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure the position, all that works in its direction filled."""
        reach = asked.whole if self.per == "instrument" else asked.reach(self.per)
        value, bound = reach.units, self.max_units
        passed = value <= bound or (self.per == "strategy" and not reach.increases)
        return Finding(self.name, self._scope(asked), value, bound, passed, "units")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure every position."""
        none = True
        for scope, parts in self._each(holdings):
            none = False
            yield self._found(scope, _furthest(parts), self.max_units, "units")
        if none:
            yield self._found("positions", 0.0, self.max_units, "units")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxPositionNotional(OfPosition):
    """The position that fills could lead to is worth at most `max_notional`.

    What is held and works is valued at the mark, the order at its own price if that is more.

    Parameters
    ----------
    max_notional : float
        Account currency, of a long or a short position.
    """

    name: ClassVar[str] = "max_position_notional"
    number: ClassVar[int] = 7
    scopes: ClassVar[str] = "instrument, strategy, account"
    formula: ClassVar[str] = "|held + working + on its way| x price x multiplier <= max_notional"

    max_notional: float

    def _check(self) -> None:
        super()._check()
        bounded("max_notional", self.max_notional)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Value the position, all that works in its direction filled."""
        reach = asked.whole if self.per == "instrument" else asked.reach(self.per)
        value, bound = reach.value, self.max_notional
        passed = value <= bound or (self.per == "strategy" and not reach.increases)
        return Finding(self.name, self._scope(asked), value, bound, passed, held.currency)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Value every position."""
        none = True
        for scope, parts in self._each(holdings):
            none = False
            worth = _furthest(parts) * abs(parts[0].price)
            yield self._found(scope, worth, self.max_notional, holdings.currency)
        if none:
            yield self._found("positions", 0.0, self.max_notional, holdings.currency)


def _furthest(parts: Iterable[Position]) -> float:
    """Return the furthest that fills could lead several parts of one position, in units."""
    units = buys = sells = 0.0
    for part in parts:
        units += part.units
        buys += part.buys
        sells += part.sells
    return max(abs(units + buys), abs(units - sells)) if units == units else math.nan


# --- sums ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, repr=False)
class OfSum(OfExposure, OfMoney):
    """A limit of what positions add up to.

    Parameters
    ----------
    per : {"account", "strategy", "firm"}, default="account"
        Whose positions: all of the account, those of the order's strategy, or those of all
        accounts that the book knows.
    """

    per: Of = "account"

    def _check(self) -> None:
        super()._check()
        chosen("per", self.per, ("account", "strategy", "firm"))
        whole(self, self.per)

    @property
    def particular(self) -> bool:
        """Whether its scopes are strategies."""
        return self.per == "strategy"

    def prepare(self, book: Prepares) -> None:
        """Have a book add strategies up when it is of one."""
        if self.per == "strategy":
            book.add_up_strategies()

    def _each(self, holdings: Holdings) -> Iterator[tuple[str, Total, float]]:
        none = True
        for scope, positions, equity in _of(self.per, holdings):
            if self.per != "strategy" or self.concerns("", "", scope):
                none = False
                yield scope, total_of(positions), equity
        if none:
            yield self.per, total_of(()), holdings.net_asset_value


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxGrossExposure(OfSum):
    """All positions that fills could lead to are worth at most so much, longs and shorts added."""

    name: ClassVar[str] = "max_gross_exposure"
    number: ClassVar[int] = 8
    scopes: ClassVar[str] = "strategy, account, firm"
    formula: ClassVar[str] = "sum of |value| <= max_notional, <= max_fraction x NAV"

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Add up the book with the order in it."""
        if self.per == "strategy":
            reach = asked.reach("strategy")
            value = held.sums_of(asked.strategy).gross + reach.lengthened
            return self._found(
                asked.strategy,
                value,
                self.bound(held.equity),
                held.currency,
                waived=not reach.increases,
            )
        reach = asked.whole
        value, bound = held.total.gross + reach.lengthened, self.bound(held.equity)
        return Finding(self.name, self.per, value, bound, value <= bound, held.currency)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Add up what is held."""
        for scope, total, equity in self._each(holdings):
            yield self._found(scope, total.gross, self.bound(equity), holdings.currency)


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxNetExposure(OfSum):
    """All positions that fills could lead to are worth at most so much, shorts taken off longs.

    An order is measured in its own direction: a purchase by how long the book could get, so that
    what brings a short book nearer to even passes.

    Parameters
    ----------
    betas : mapping of str to float, optional
        Symbol -> what a position counts for one of the market's; a symbol that is not there
        cannot be measured. Without any, each counts as it is.
    """

    name: ClassVar[str] = "max_net_exposure"
    number: ClassVar[int] = 9
    scopes: ClassVar[str] = "strategy, account, firm"
    formula: ClassVar[str] = "|sum of value (x beta)| <= max_notional, <= max_fraction x NAV"

    betas: Mapping[str, float] = _NO_WEIGHTS

    def _check(self) -> None:
        super()._check()
        frozen_map(self, "betas")
        for symbol, beta in self.betas.items():
            if not -math.inf < beta < math.inf:
                raise InputError("a beta must be finite", value=f"{symbol}: {beta}")
        if self.betas and self.per == "strategy":
            raise InputError("betas are for an account or the firm", value="per='strategy'")

    @cached_property
    def _label(self) -> str:
        return f"beta:{hash(tuple(sorted(self.betas.items())))}"

    def prepare(self, book: Prepares) -> None:
        """Have a book add up what it is of."""
        super().prepare(book)
        if self.betas:
            book.weigh_by(self._label, self.betas)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Add up the book with the order in it, in the direction of the order."""
        bound, weight = self.bound(held.equity), 1.0
        if self.per == "strategy":
            reach, sums, scope = (
                asked.reach("strategy"),
                held.sums_of(asked.strategy),
                asked.strategy,
            )
        else:
            reach, sums, scope = asked.whole, held.total, self.per
            if self.betas:
                sums = held.grouped(self._label, asked.instrument.name)
                weight = self.betas.get(asked.instrument.symbol, math.nan)
        value = net_after(sums, asked.buy is (weight > 0), reach.added, weight)
        passed = value <= bound or (self.per == "strategy" and not reach.increases)
        return Finding(self.name, scope, value, bound, passed, held.currency)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Add up what is held."""
        if not self.betas:
            for scope, total, equity in self._each(holdings):
                yield self._found(scope, total.net, self.bound(equity), holdings.currency)
            return
        for scope, positions, equity in _of(self.per, holdings):
            long = short = 0.0
            for one in positions:
                ends = [end * self.betas.get(one.symbol, math.nan) for end in (one.long, one.short)]
                long += max(ends) if ends[0] == ends[0] else math.nan
                short += min(ends) if ends[0] == ends[0] else math.nan
            value = max(abs(long), abs(short)) if long == long else math.nan
            yield self._found(scope, value, self.bound(equity), holdings.currency)


def net_after(sums: Sums, up: bool, added: float, weight: float) -> float:
    """Return how far a book could get in the direction of an order that adds `added`.

    0 when it would still lie on the other side of even then; NaN stays NaN.
    """
    far = sums.long + added * abs(weight) if up else added * abs(weight) - sums.short
    return 0.0 if far < 0 else far


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxLeverage(OfExposure):
    """All positions that fills could lead to are worth at most so many times the equity.

    An account that has no equity left is over any leverage.

    Parameters
    ----------
    max_times : float
        Of net asset value.
    per : {"account", "firm"}, default="account"
        Whose.
    """

    name: ClassVar[str] = "max_leverage"
    number: ClassVar[int] = 10
    scopes: ClassVar[str] = "account, firm"
    formula: ClassVar[str] = "sum of |value| / NAV <= max_times; none passes once NAV <= 0"

    max_times: float
    action: Action = "reduce_only"
    per: Of = "account"

    def _check(self) -> None:
        bounded("max_times", self.max_times)
        chosen("per", self.per, ("account", "firm"))
        whole(self)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Divide the book, the order in it, by the equity."""
        reach = asked.whole
        gross = held.total.gross + reach.lengthened
        value, bound = times(gross, held.equity), self.max_times
        return Finding(self.name, self.per, value, bound, value <= bound, "x NAV")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Divide what is held by the equity."""
        for scope, positions, equity in _of(self.per, holdings):
            value = times(total_of(positions).gross, equity)
            yield self._found(scope, value, self.max_times, "x NAV")


def times(gross: float, equity: float) -> float:
    """Return gross exposure over equity; infinite without equity, NaN when either is not known."""
    if equity > 0:
        return gross / equity
    return math.nan if equity != equity or gross != gross else math.inf


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxConcentration(OfExposure):
    """No instrument, or no group of them, is more than such a part of the account.

    Parameters
    ----------
    max_fraction : float
        Of net asset value.
    groups : mapping of str to str, optional
        Symbol -> its issuer, sector, currency or the like; what is in none cannot be measured.
        Without any, each instrument stands for itself.
    per : {"account", "firm"}, default="account"
        Whose.
    """

    name: ClassVar[str] = "max_concentration"
    number: ClassVar[int] = 11
    scopes: ClassVar[str] = "account, firm"
    formula: ClassVar[str] = "|value| of an instrument or group / NAV <= max_fraction"

    max_fraction: float
    groups: Mapping[str, str] = _NONE
    per: Of = "account"

    def _check(self) -> None:
        bounded("max_fraction", self.max_fraction)
        chosen("per", self.per, ("account", "firm"))
        whole(self)
        frozen_map(self, "groups")

    @cached_property
    def _label(self) -> str:
        return f"group:{hash(tuple(sorted(self.groups.items())))}"

    def prepare(self, book: Prepares) -> None:
        """Have a book add groups up."""
        if self.groups:
            book.group_by(self._label, self.groups)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure what the order is part of, the order in it."""
        reach, traded, groups = asked.whole, asked.instrument, self.groups
        scope = traded.name
        if groups:
            value = held.grouped(self._label, scope).gross + reach.lengthened
            scope = groups.get(traded.symbol, scope)
        else:
            value = reach.value
        value, bound = times(value, held.equity), self.max_fraction
        return Finding(self.name, f"{self.per}:{scope}", value, bound, value <= bound, "of NAV")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure each part of each account."""
        for account, positions, equity in _of(self.per, holdings):
            parts: dict[str, float] = {}
            for one in positions:
                if not one.furthest:
                    continue
                if self.groups and one.symbol not in self.groups:
                    parts[one.instrument] = math.nan
                    continue
                name = self.groups[one.symbol] if self.groups else one.instrument
                parts[name] = parts.get(name, 0.0) + one.gross
            if not parts:
                yield self._found(account, times(0.0, equity), self.max_fraction, "of NAV")
            for name, worth in parts.items():
                value = times(worth, equity)
                yield self._found(f"{account}:{name}", value, self.max_fraction, "of NAV")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxHerfindahl(OfExposure):
    """The account is spread: the squares of its positions' parts of it add up to at most so much.

    Parameters
    ----------
    max_index : float
        Of parts of net asset value: ten positions of a tenth each have an index of 0.1.
    per : {"account", "firm"}, default="account"
        Whose.
    """

    name: ClassVar[str] = "max_herfindahl"
    number: ClassVar[int] = 11
    scopes: ClassVar[str] = "account, firm"
    formula: ClassVar[str] = "sum of (value / NAV)^2 <= max_index"

    max_index: float
    per: Of = "account"

    def _check(self) -> None:
        bounded("max_index", self.max_index)
        chosen("per", self.per, ("account", "firm"))
        whole(self)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Add up the squares, that of the order's instrument anew."""
        reach, equity = asked.whole, held.equity
        before = reach.before
        squares = held.total.squares - before**2 + (before + reach.lengthened) ** 2
        value, bound = herfindahl(squares, equity), self.max_index
        return Finding(self.name, self.per, value, bound, value <= bound, "index")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Add up the squares of what is held."""
        for scope, positions, equity in _of(self.per, holdings):
            value = herfindahl(total_of(positions).squares, equity)
            yield self._found(scope, value, self.max_index, "index")


def herfindahl(squares: float, equity: float) -> float:
    """Return the sum of squared values as one of squared parts of equity; see `times`."""
    if equity > 0:
        return squares / equity**2
    return math.nan if equity != equity or squares != squares else math.inf


@dataclass(frozen=True, kw_only=True, repr=False)
class EnoughMargin(OfExposure):
    """The venue's account covers all that fills could lead to, what is on its way included.

    At a leverage of 1 that is a cash account: purchases are paid in full, short sales are bound
    by what is held in cash.

    Parameters
    ----------
    leverage : mapping of str to float, optional
        Venue -> how many times its equity an account may hold; 1 where nothing is said.
    max_used : float, default=1
        The part of its buying power that may be used, in (0, 1].
    """

    name: ClassVar[str] = "margin"
    number: ClassVar[int] = 12
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "sum of |value| at a venue <= max_used x leverage x equity there"

    leverage: Mapping[str, float] = _NO_WEIGHTS
    max_used: float = field(default=1.0)

    def _check(self) -> None:
        frozen_map(self, "leverage")
        for venue, most in self.leverage.items():
            bounded(f"the leverage at {venue}", most, least=1.0)
        bounded("max_used", self.max_used, least=math.ulp(0), most=1.0)
        whole(self)

    def bound(self, venue: str, equity: float) -> float:
        """Return what an account with this equity may carry; one that lost all covers nothing."""
        return smaller(None, self.leverage.get(venue, 1.0) * self.max_used, equity)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Compare what the account would have to carry with what it may."""
        venue, reach = asked.instrument.venue, asked.whole
        value = held.gross_at(venue) + reach.lengthened
        bound = self.bound(venue, held.equity_at(venue))
        return Finding(self.name, f"account:{venue}", value, bound, value <= bound, held.currency)

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Compare what each venue's account carries with what it may."""
        gross = dict.fromkeys(holdings.venue_equity, 0.0)
        for one in holdings.positions:
            if one.furthest:
                gross[one.venue] = gross.get(one.venue, 0.0) + one.gross
        for venue, value in gross.items():
            bound = self.bound(venue, holdings.venue_equity.get(venue, math.nan))
            yield self._found(f"account:{venue}", value, bound, holdings.currency)
