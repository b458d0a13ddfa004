"""One instrument as the gate sees it: its units, its marks, and the account that pays for it."""

from __future__ import annotations

import math
from typing import Any

from nautilus_trader.model.enums import InstrumentClass
from nautilus_trader.model.objects import FIXED_SCALAR

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


class Purse:
    """One venue's account: its cash, and what its positions are worth at the marks.

    Attributes
    ----------
    cash : float
        Account currency; NaN until `Book.set_cash` was told.
    net, gross : float
        The value of what is held, signed; the largest absolute value that fills could lead to.
    unmarked : int
        How many instruments have units and no mark.
    """

    __slots__ = ("cash", "gross", "net", "unmarked")

    def __init__(self) -> None:
        self.cash = math.nan
        self.net = 0.0
        self.gross = 0.0
        self.unmarked = 0


class Instrument:
    """One instrument of the book: its account line, and what a raw unit of it is worth.

    Attributes
    ----------
    id : InstrumentId
        Nautilus' own; `name`, `symbol` and `venue` are its parts as text.
    line : Line
        The account's units.
    bid, ask : int or None
        Of its last quote, raw; None before the first, and after one whose prices cannot be.
    mark : float
        The middle of them; NaN when there are none.
    multiplier : float
        Account currency for one unit at a price of 1; NaN when that is not known: Nautilus has
        no such instrument, or it settles in another currency.
    any_price : bool
        Whether it may cost nothing, or less.
    quote : QuoteTick or None
        The last one.
    """

    __slots__ = (
        "any_price",
        "ask",
        "bid",
        "gross",
        "id",
        "line",
        "mark",
        "multiplier",
        "name",
        "net",
        "purse",
        "quote",
        "symbol",
        "unmarked",
        "venue",
    )

    def __init__(self, instrument_id: Any, purse: Purse) -> None:
        self.id = instrument_id
        self.name: str = instrument_id.value
        self.symbol: str = instrument_id.symbol.value
        self.venue: str = instrument_id.venue.value
        self.line = Line()
        self.bid: int | None = None
        self.ask: int | None = None
        self.mark = math.nan
        self.multiplier = math.nan
        self.any_price = False
        self.quote: Any = None
        self.purse = purse
        self.net = 0.0
        self.gross = 0.0
        self.unmarked = False  # whether it has units and no mark

    def __repr__(self) -> str:
        return f"Instrument({self.name}, {self.line!r} at {self.mark:g})"

    def learn(self, instrument: Any, currency: str) -> None:
        """Take over what Nautilus knows of the instrument."""
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
        else:
            self.bid, self.ask, self.mark = None, None, math.nan
