"""An order that is only thought of, held against what is held: for notebooks, without a gate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Per, Works
from nautilus_lab.risk.limits._holdings import Holdings, Position, Total, total_of
from nautilus_lab.risk.limits._measures import Measures


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """An order that is thought of.

    Attributes
    ----------
    instrument : str
        One of the holdings', ``"AAPL.PAPER"`` or ``"AAPL"``.
    units : float
        Signed: negative to sell.
    limit, trigger : float, optional
        Its prices, as quoted.
    strategy : str
        Whose it is.
    """

    instrument: str
    units: float
    limit: float | None = None
    trigger: float | None = None
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class _Traded:
    """An instrument of some holdings, at one price: bid, ask and middle are the same."""

    name: str
    symbol: str
    venue: str
    mark: float

    @property
    def bid(self) -> float | None:
        return self.mark if self.mark == self.mark else None

    @property
    def ask(self) -> float | None:
        return self.bid

    @property
    def opened(self) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class _Reach:
    units: float
    value: float
    before: float
    lengthened: float
    added: float
    increases: bool
    new: bool


class _Lately:
    """Nothing passed before an order that is only thought of."""

    def rates(self, strategy: str, now_ns: int, *, cancels: bool) -> tuple[int, int]:
        return 0, 0

    def applied_within(self, key: tuple[object, ...], window_ns: int, now_ns: int) -> int:
        return 0

    def alike_within(self, likeness: tuple[object, ...], window_ns: float, now_ns: int) -> bool:
        return False


class HeldNow:
    """`Holdings` as limits read them when an order is held against them."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.currency = holdings.currency
        self.equity = holdings.net_asset_value
        self.day_start_equity = holdings.day_start_equity
        self.total: Total = holdings.total
        self.recent = _Lately()
        self.measures: Measures = holdings.measures
        self.venues_used = frozenset(p.venue for p in holdings.positions if p.furthest)
        self._groups: dict[str, dict[str, str]] = {}
        self._weights: dict[str, dict[str, float]] = {}

    def equity_at(self, venue: str) -> float:
        return self._holdings.venue_equity.get(venue, math.nan)

    def gross_at(self, venue: str) -> float:
        return total_of(p for p in self._holdings.positions if p.venue == venue).gross

    def against(self, instrument: str, buy: bool) -> tuple[tuple[Works, ...], None]:
        # Holdings say how much works, and not which orders.
        return (), None

    def sums_of(self, strategy: str) -> Total:
        return total_of(self._holdings.by_strategy.get(strategy, ()))

    def grouped(self, label: str, instrument: str) -> Total:
        held = self._holdings.positions
        if label in self._weights:
            return _weighed(held, self._weights[label])
        groups = self._groups[label]
        group = groups.get(instrument.rpartition(".")[0] or instrument, None)
        if group is None:
            return Total(math.nan, math.nan, math.nan, math.nan, 0)
        return total_of(p for p in held if groups.get(p.symbol) == group)

    # --- what limits ask for beforehand

    def group_by(self, label: str, groups: object) -> None:
        self._groups[label] = dict(groups)  # type: ignore[call-overload]

    def weigh_by(self, label: str, weights: object) -> None:
        self._weights[label] = dict(weights)  # type: ignore[call-overload]

    def add_up_strategies(self) -> None:
        """They are added up as they are asked for."""

    def keep_opening(self, window_ns: int) -> None:
        """There is one price."""


def _weighed(positions: Iterable[Position], weights: dict[str, float]) -> Total:
    long = short = 0.0
    for one in positions:
        if one.furthest:
            weight = weights.get(one.symbol, math.nan)
            ends = (one.long * weight, one.short * weight)
            long += max(ends) if ends[0] == ends[0] else math.nan
            short += min(ends) if ends[0] == ends[0] else math.nan
    return Total(math.nan, long, short, math.nan, 0)


class Asking:
    """An `Order` as limits read it."""

    def __init__(self, order: Order, holdings: Holdings) -> None:
        found = [p for p in holdings.positions if order.instrument in (p.instrument, p.symbol)]
        if not found:
            raise InputError(
                "an order must be of an instrument that has a price",
                value=order.instrument,
                remedy="give its price; a position of 0 units will do",
            )
        self._order = order
        self._holdings = holdings
        self._position = found[0]
        self.strategy = order.strategy
        at = found[0]
        self.instrument = _Traded(at.instrument, at.symbol, at.venue, at.mark)
        self.now_ns = holdings.now_ns
        self.quote_ns = at.quote_ns
        self.buy = order.units > 0
        self.units = abs(order.units)
        self.limit, self.trigger = order.limit, order.trigger
        self.likeness = (order.strategy, at.instrument, self.buy, self.units)
        self.id, self.parent = "", None
        self.whole = self.reach("instrument")
        self.reduces = not self.whole.increases

    @property
    def price(self) -> float:
        """What one unit is valued at for what it may cost or bring at most, as quoted."""
        if self.buy and self.limit is not None:
            return self.limit
        prices = [abs(self.instrument.mark)]
        prices += [abs(p) for p in (self.limit, self.trigger) if p is not None]
        return max(prices) if prices[0] == prices[0] else math.nan

    @property
    def _multiplier(self) -> float:
        at = self._position
        return at.price / at.mark if at.mark else math.nan

    @property
    def notional(self) -> float:
        """The whole order at its price, account currency."""
        return self.units * self.price * self._multiplier

    def cancel_first(self, ids: Sequence[str]) -> None:
        """Nothing is sent."""

    def reach(self, per: Per) -> _Reach:
        """Return the furthest that fills could lead the position it is part of."""
        at = self._position
        if per == "strategy":
            among = self._holdings.by_strategy.get(self.strategy, ())
            parts = [p for p in among if p.instrument == at.instrument]
        elif per == "symbol":
            parts = [p for p in self._holdings.positions if p.symbol == at.symbol]
        else:
            parts = [p for p in self._holdings.positions if p.instrument == at.instrument]
        held = sum(p.units for p in parts)
        buys, sells = sum(p.buys for p in parts), sum(p.sells for p in parts)
        furthest = max(abs(held + buys), abs(held - sells))
        if self.buy:
            after, left = held + buys + self.units, max(0.0, -held) - buys
        else:
            after, left = held - sells - self.units, max(0.0, held) - sells
        opening = max(0.0, self.units - max(0.0, left))
        unit = abs(at.price)
        gap = self.price * self._multiplier - unit
        dearer = 0.0 if gap <= 0 else gap * opening
        lengthened = (abs(after) - furthest) * unit + dearer
        return _Reach(
            units=abs(after),
            value=abs(after) * unit + dearer,
            before=furthest * unit,
            lengthened=0.0 if lengthened <= 0 else lengthened,
            added=self.units * unit + dearer,
            increases=opening > 0,
            new=furthest == 0,
        )
