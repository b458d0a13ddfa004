"""What is held at one moment: what limits that are monitored look at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from nautilus_lab.risk.limits._measures import Measures


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Units of one instrument: an account's, or one strategy's part of them.

    Attributes
    ----------
    instrument, symbol, venue : str
        ``"AAPL.PAPER"`` and its parts.
    units : float
        Held, signed.
    buys, sells : float
        What works or is on its way and may still be bought or sold, at least 0.
    price : float
        Account currency for one unit, the multiplier included; NaN when nothing values it.
    quoted : float, optional
        The price as it is quoted, without the multiplier; `price` where nothing else is said.
    quote_ns : int or None
        When that price was made; None when it is not known.
    account, strategy : str
        Whose.
    """

    instrument: str
    symbol: str
    venue: str
    units: float
    price: float
    buys: float = 0.0
    sells: float = 0.0
    quoted: float | None = None
    quote_ns: int | None = None
    account: str = "account"
    strategy: str = ""

    @property
    def mark(self) -> float:
        """The price as it is quoted."""
        return self.price if self.quoted is None else self.quoted

    @property
    def furthest(self) -> float:
        """The largest position, long or short, that fills could lead to; without its sign."""
        return max(abs(self.units + self.buys), abs(self.units - self.sells))

    @property
    def value(self) -> float:
        """What is held is worth, signed."""
        return self.units * self.price

    @property
    def gross(self) -> float:
        """The most that fills could lead it to be worth."""
        return self.furthest * abs(self.price)

    @property
    def long(self) -> float:
        """What it is worth with all purchases filled, signed."""
        return (self.units + self.buys) * self.price

    @property
    def short(self) -> float:
        """What it is worth with all sales filled, signed."""
        return (self.units - self.sells) * self.price


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How much one strategy did within a window.

    Attributes
    ----------
    messages : int
        Orders, changes and cancels.
    orders, rejects : int
        Orders that passed, and how many a venue rejected or the gate denied.
    fills : int
        Executions.
    """

    messages: int = 0
    orders: int = 0
    rejects: int = 0
    fills: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """What some positions add up to; see `Sums`."""

    gross: float
    long: float
    short: float
    squares: float
    count: int

    @property
    def net(self) -> float:
        """The largest net value, long or short, that fills could lead to; without its sign."""
        # Not max(), which keeps what it has when the other is NaN.
        if self.long != self.long or self.short != self.short:
            return math.nan
        return max(abs(self.long), abs(self.short))


def total_of(positions: Iterable[Position]) -> Total:
    """Add positions up; a price that is NaN makes the sums NaN."""
    gross = long = short = squares = 0.0
    count = 0
    for one in positions:
        if not one.furthest:
            continue
        gross += one.gross
        long += one.long
        short += one.short
        squares += one.gross**2
        count += 1
    return Total(gross, long, short, squares, count)


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """What is held, working and on its way at one moment, and what it is measured by.

    Attributes
    ----------
    positions : tuple of Position
        The accounts', one for each instrument and account.
    shares : tuple of Position
        The strategies' parts of them; empty where nobody keeps strategies apart.
    equity : mapping of str to float
        Account -> its net asset value, account currency.
    venue_equity : mapping of str to float
        Venue -> cash and positions there.
    day_start_equity : float
        What the loss of the day is counted from; NaN when nobody keeps it.
    high_water : float
        The highest equity that a drawdown is counted from; NaN when nobody keeps it.
    highs : mapping of int to float
        Days -> the highest equity within so many UTC days, today's so far included; NaN while it
        is not known.
    strategy_day_loss : mapping of str to float
        Strategy -> what it lost since the day began; a gain is below zero.
    now_ns : int
        UNIX nanoseconds.
    measures : Measures
        What cannot be added up.
    counts : mapping of (str, float) to Counts
        Strategy, window in seconds -> what it did.
    currency : str
        The accounts'.
    """

    positions: tuple[Position, ...]
    shares: tuple[Position, ...] = ()
    equity: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    venue_equity: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    day_start_equity: float = math.nan
    high_water: float = math.nan
    highs: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    strategy_day_loss: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    now_ns: int = 0
    measures: Measures = field(default_factory=Measures)
    counts: Mapping[tuple[str, float], Counts] = field(default_factory=lambda: MappingProxyType({}))
    currency: str = "USD"

    @cached_property
    def net_asset_value(self) -> float:
        """The equity of all accounts; NaN when there is none, or one is not known."""
        return sum(self.equity.values()) if self.equity else math.nan

    @cached_property
    def total(self) -> Total:
        """What all positions add up to."""
        return total_of(self.positions)

    @cached_property
    def by_account(self) -> Mapping[str, tuple[Position, ...]]:
        """Account -> its positions; every account that has equity is there."""
        found: dict[str, list[Position]] = {account: [] for account in self.equity}
        for one in self.positions:
            found.setdefault(one.account, []).append(one)
        return {account: tuple(ones) for account, ones in found.items()}

    @cached_property
    def by_strategy(self) -> Mapping[str, tuple[Position, ...]]:
        """Strategy -> its positions."""
        found: dict[str, list[Position]] = {}
        for one in self.shares:
            found.setdefault(one.strategy, []).append(one)
        return {strategy: tuple(ones) for strategy, ones in found.items()}
