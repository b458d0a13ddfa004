"""One instrument as the gate sees it: its units, its marks, and the account that pays for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.enums import InstrumentClass
from nautilus_trader.model.objects import FIXED_SCALAR

if TYPE_CHECKING:
    from nautilus_lab.execution.gate._entry import Entry

# what may cost nothing, or less
_ANY_PRICE = frozenset(
    {InstrumentClass.OPTION, InstrumentClass.OPTION_SPREAD, InstrumentClass.FUTURES_SPREAD}
)

# Nautilus keeps sizes and prices as whole numbers of which so many make one.
UNIT = int(FIXED_SCALAR)
_TWO = 2 * UNIT


class Line:
    """Units of one instrument, of the whole account or of one strategy.

    Attributes
    ----------
    filled : int
        What is held, signed: negative for a short position.
    buys, sells : int
        What is working or on its way and may still be bought or sold, at least 0.

    Units are Nautilus' raw ones, whole numbers of which `Book.UNIT` make one: sums of them are
    exact.
    """

    __slots__ = ("buys", "filled", "sells")

    def __init__(self) -> None:
        self.filled = 0
        self.buys = 0
        self.sells = 0

    def __repr__(self) -> str:
        return f"Line({self.filled / UNIT:g}, +{self.buys / UNIT:g}, -{self.sells / UNIT:g})"

    @property
    def worst(self) -> int:
        """The largest position, long or short, that fills could lead to; without its sign."""
        return max(abs(self.filled + self.buys), abs(self.filled - self.sells))


class Sum:
    """What some positions add up to, account currency; NaN while one of them has no mark.

    Attributes
    ----------
    cash : float
        Account currency; NaN until it was told.
    count : int
        How many instruments are held or worked.
    unmarked : int
        How many of them have no mark.
    """

    __slots__ = ("_gross", "_long", "_net", "_short", "_squares", "cash", "count", "unmarked")

    def __init__(self, cash: float = math.nan) -> None:
        self.cash = cash
        self.clear()

    def __repr__(self) -> str:
        return f"Sum({self.net:,.2f} of {self.gross:,.2f}, {self.count} instruments)"

    @property
    def net(self) -> float:
        """The value of what is held, signed."""
        return math.nan if self.unmarked else self._net

    @property
    def gross(self) -> float:
        """The largest absolute value that fills could lead to."""
        return math.nan if self.unmarked else self._gross

    @property
    def long(self) -> float:
        """The value with all purchases filled, signed."""
        return math.nan if self.unmarked else self._long

    @property
    def short(self) -> float:
        """The value with all sales filled, signed."""
        return math.nan if self.unmarked else self._short

    @property
    def squares(self) -> float:
        """The squares of the parts of `gross`, added up."""
        return math.nan if self.unmarked else self._squares

    def clear(self) -> None:
        """Hold nothing; cash stays."""
        self.begin_again()
        self.count = self.unmarked = 0

    def begin_again(self) -> None:
        """Be worth nothing until what is counted is added again."""
        self._net = self._gross = self._long = self._short = self._squares = 0.0

    def add(self, net: float, gross: float, long: float, short: float, squares: float) -> None:
        """Move by so much."""
        self._net += net
        self._gross += gross
        self._long += long
        self._short += short
        self._squares += squares


NOTHING_KNOWN = Sum()
NOTHING_KNOWN.unmarked = 1


class Holding(Line):
    """A line, what it is worth, and the sums it is part of.

    Attributes
    ----------
    net, gross, long, short : float
        What it is worth as it is counted in its sums; see `Sum`.
    held, unmarked : bool
        Whether there are units of it, held or worked, and whether those have no mark.
    sums : tuple of Sum
        What it is part of.
    weighed : tuple of (Sum, float)
        What it is part of times a weight.
    """

    __slots__ = ("gross", "held", "long", "net", "short", "sums", "unmarked", "weighed")

    def __init__(self, sums: tuple[Sum, ...], weighed: tuple[tuple[Sum, float], ...] = ()) -> None:
        super().__init__()
        self.sums = sums
        self.weighed = weighed
        self.net = self.gross = self.long = self.short = 0.0
        self.held = self.unmarked = False

    def value(self, unit: float) -> None:
        """Bring its sums up to date; `unit` is what one is worth, NaN when nothing values it."""
        filled, buys, sells = self.filled, self.buys, self.sells
        # All of them 0, or what could be held at most is not.
        held = bool(filled or buys or sells)
        unmarked = held and unit != unit
        if held is not self.held or unmarked is not self.unmarked:
            self._count(held, unmarked)
        if unit != unit:
            unit = 0.0
        net = filled / UNIT * unit
        long = (filled + buys) / UNIT * unit if buys else net
        short = (filled - sells) / UNIT * unit if sells else net
        gross = max(abs(long), abs(short))
        was = self.gross
        # As `Sum.add` does, without the call, and no more than what moved: each quote and each
        # order comes by here.
        if gross != was:
            grown, squares = gross - was, gross * gross - was * was
            for sum_ in self.sums:
                sum_._gross += grown
                sum_._squares += squares
            self.gross = gross
        if net != self.net:
            moved = net - self.net
            for sum_ in self.sums:
                sum_._net += moved
            self.net = net
        if self.weighed:
            self._weigh(long, short)
        if long != self.long:
            up = long - self.long
            for sum_ in self.sums:
                sum_._long += up
            self.long = long
        if short != self.short:
            down = short - self.short
            for sum_ in self.sums:
                sum_._short += down
            self.short = short

    def _count(self, held: bool, unmarked: bool) -> None:
        more, unknown = held - self.held, unmarked - self.unmarked
        for sum_ in self.sums:
            sum_.count += more
            sum_.unmarked += unknown
        for sum_, weight in self.weighed:
            sum_.count += more
            # What has no weight has no value there as long as there is some of it.
            sum_.unmarked += more if weight != weight else unknown
        self.held, self.unmarked = held, unmarked

    def _weigh(self, long: float, short: float) -> None:
        for sum_, weight in self.weighed:
            if weight == weight:
                now = (long * weight, short * weight)
                was = (self.long * weight, self.short * weight)
                sum_.add(0.0, 0.0, max(now) - max(was), min(now) - min(was), 0.0)

    def add_again(self) -> None:
        """Add its worth to sums that were cleared of it."""
        squares = self.gross * self.gross
        for sum_ in self.sums:
            sum_.add(self.net, self.gross, self.long, self.short, squares)
        for sum_, weight in self.weighed:
            if weight == weight:
                ends = (self.long * weight, self.short * weight)
                sum_.add(0.0, 0.0, max(ends), min(ends), 0.0)

    def forget_worth(self) -> None:
        """Be worth nothing in no sum, until it is valued again."""
        self.net = self.gross = self.long = self.short = 0.0
        self.held = self.unmarked = False


class Instrument:
    """One instrument of the book: its account line, and what a raw unit of it is worth.

    Attributes
    ----------
    id : InstrumentId
        Nautilus' own; `name`, `symbol` and `venue` are its parts as text.
    line : Holding
        The account's units.
    whole : Line
        The account's units of the symbol, at all its venues together.
    owns : list of Holding
        The strategies' units.
    bid, ask : int or None
        Of its last quote, raw; None before the first, and after one whose prices cannot be.
    mark : float
        The middle of them; NaN when there are none.
    multiplier : float
        Account currency for one unit at a price of 1; NaN when that is not known: Nautilus has
        no such instrument, or it settles in another currency.
    any_price : bool
        Whether it may cost nothing, or less.
    nautilus : Instrument or None
        Nautilus' own, once it has one.
    quote : QuoteTick or None
        The last one.
    window_ns : int
        How long a window is whose beginning is kept; 0 keeps none.
    opened : int or None
        Twice the middle that the present window began with, raw.
    bids, offers : dict of str to Entry
        What works or is on its way to buy and to sell, by client order id.
    """

    __slots__ = (
        "any_price",
        "ask",
        "bid",
        "bids",
        "groups",
        "id",
        "line",
        "mark",
        "multiplier",
        "name",
        "nautilus",
        "offers",
        "opened",
        "opened_ns",
        "owns",
        "purse",
        "quote",
        "symbol",
        "venue",
        "whole",
        "window_ns",
    )

    def __init__(self, instrument_id: Any, purse: Sum, whole: Line | None = None) -> None:
        self.id = instrument_id
        self.name: str = instrument_id.value
        self.symbol: str = instrument_id.symbol.value
        self.venue: str = instrument_id.venue.value
        self.line = Holding((purse,))
        self.whole = whole if whole is not None else Line()
        self.owns: list[Holding] = []
        self.groups: dict[str, Sum] = {}  # label of a grouping -> the sum it is part of
        self.bid: int | None = None
        self.ask: int | None = None
        self.mark = math.nan
        self.multiplier = math.nan
        self.any_price = False
        self.nautilus: Any = None
        self.quote: Any = None
        self.purse = purse
        self.window_ns = 0
        self.opened: int | None = None
        self.opened_ns = 0
        self.bids: dict[str, Entry] = {}
        self.offers: dict[str, Entry] = {}

    def __repr__(self) -> str:
        return f"Instrument({self.name}, {self.line!r} at {self.mark:g})"

    def learn(self, instrument: Any, currency: str) -> None:
        """Take over what Nautilus knows of the instrument."""
        self.nautilus = instrument
        self.any_price = instrument.instrument_class in _ANY_PRICE
        # Of an inverse or quanto contract the worth is no multiple of the price.
        plain = not instrument.is_inverse and not getattr(instrument, "is_quanto", False)
        if plain and instrument.get_settlement_currency().code == currency:
            self.multiplier = float(instrument.multiplier)

    def see(self, quote: Any) -> None:
        """Take over a quote; one whose prices cannot be leaves no mark."""
        self.quote = quote
        bid, ask = quote.bid_price.raw, quote.ask_price.raw
        if self.any_price or (bid > 0 and ask > 0):
            self.bid, self.ask, self.mark = bid, ask, (bid + ask) / _TWO
            if self.window_ns and (
                self.opened is None or not 0 <= quote.ts_event - self.opened_ns < self.window_ns
            ):
                self.opened, self.opened_ns = bid + ask, quote.ts_event
        else:
            self.bid, self.ask, self.mark = None, None, math.nan
