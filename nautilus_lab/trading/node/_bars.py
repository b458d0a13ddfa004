"""Bars made of the quotes that a venue tells."""

from __future__ import annotations

from collections.abc import Callable

from nautilus_trader.model.data import Bar, BarType, QuoteTick
from nautilus_trader.model.enums import BarAggregation, PriceType
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.exceptions import InputError

_SECOND = 1_000_000_000
_LENGTHS = {
    BarAggregation.SECOND: _SECOND,
    BarAggregation.MINUTE: 60 * _SECOND,
    BarAggregation.HOUR: 3_600 * _SECOND,
    BarAggregation.DAY: 86_400 * _SECOND,
}


class BarBuilder:
    """Makes the bars of one type out of quotes; a bar without a quote is left out.

    Nautilus' own aggregators end bars by live timers, which call back on a thread of their own.
    Here a bar ends with the first quote after its time, or when `close` is called after it.

    Parameters
    ----------
    bar_type : BarType
        Seconds, minutes, hours or days of bid, ask or mid prices; each begins at a multiple of
        its length since 1970 UTC. LAST is taken as MID: the tape has no other last price.

    Raises
    ------
    InputError
        When the type is another one.
    """

    def __init__(self, bar_type: BarType) -> None:
        spec = bar_type.spec
        unit_ns = _LENGTHS.get(spec.aggregation)
        if unit_ns is None:
            raise InputError(
                "bars of a paper venue are of seconds, minutes, hours or days",
                value=str(bar_type),
                remedy='ask for "AAPL.PAPER-1-MINUTE-MID-EXTERNAL"',
            )
        self.bar_type = bar_type
        self._length_ns: int = spec.step * unit_ns
        self._price: Callable[[QuoteTick], Price] = _PRICES.get(spec.price_type, _middle)
        self._ends_ns = 0
        self._prices: list[Price] = []  # open, high, low, close
        self._volume = 0.0

    def add(self, quote: QuoteTick, volume: float) -> Bar | None:
        """Take a quote and what was traded since the last; return the bar that ended before it."""
        ended = self.close(quote.ts_init)
        price = self._price(quote)
        if not self._prices:
            self._ends_ns = (quote.ts_init // self._length_ns + 1) * self._length_ns
            self._prices = [price, price, price, price]
        else:
            begun, high, low, _ = self._prices
            self._prices = [begun, max(high, price), min(low, price), price]
        self._volume += volume
        return ended

    def close(self, now_ns: int) -> Bar | None:
        """Return the bar whose time is over; None when there is none."""
        if not self._prices or now_ns < self._ends_ns:
            return None
        volume = Quantity(self._volume, 0)
        bar = Bar(self.bar_type, *self._prices, volume, self._ends_ns, max(now_ns, self._ends_ns))
        self._prices, self._volume = [], 0.0
        return bar


def _middle(quote: QuoteTick) -> Price:
    precision = quote.bid_price.precision
    # A middle lies between two cents half the time: one more decimal would be no price there.
    return Price(round((float(quote.bid_price) + float(quote.ask_price)) / 2, precision), precision)


_PRICES: dict[PriceType, Callable[[QuoteTick], Price]] = {
    PriceType.BID: lambda quote: quote.bid_price,
    PriceType.ASK: lambda quote: quote.ask_price,
}
