"""Bars of middle prices, made of the quotes that a page sees."""

from __future__ import annotations

import math

from nautilus_lab.exceptions import InputError

_NS = 1_000_000_000


class QuoteBars:
    """Makes bars of one instrument out of its prices; a bar without a price is left out.

    Parameters
    ----------
    bar_s : int
        Seconds; each bar begins at a multiple of them since 1970 UTC.

    Examples
    --------
    >>> bars = QuoteBars(5)
    >>> [bars.add(second * 1_000_000_000, price) for second, price in ((0, 10.0), (4, 9.0))]
    [None, None]
    >>> bars.add(5_000_000_000, 11.0)
    (5000000000, {'open': 10.0, 'high': 10.0, 'low': 9.0, 'close': 9.0})
    """

    def __init__(self, bar_s: int) -> None:
        if type(bar_s) is not int or not 1 <= bar_s <= 86_400:
            raise InputError("a bar must last 1 to 86,400 whole seconds", value=bar_s)
        self._length_ns = bar_s * _NS
        self._ends_ns = 0
        self._newest_ns = 0
        self._bar: dict[str, float] = {}

    def add(self, ts: int, price: float) -> tuple[int, dict[str, float]] | None:
        """Take a price; return when the bar before it ended, UNIX ns, and the bar, if one did.

        What is older than the newest price, or no finite number, is left out.
        """
        if ts < self._newest_ns or not math.isfinite(price):
            return None
        self._newest_ns = ts
        ended = self.close(ts)
        if not self._bar:
            self._ends_ns = (ts // self._length_ns + 1) * self._length_ns
            self._bar = {"open": price, "high": price, "low": price, "close": price}
            return ended
        bar = self._bar
        bar["high"], bar["low"] = max(bar["high"], price), min(bar["low"], price)
        bar["close"] = price
        return ended

    def close(self, now_ns: int) -> tuple[int, dict[str, float]] | None:
        """Return the bar whose time is over, once; None when there is none."""
        if not self._bar or now_ns < self._ends_ns:
            return None
        bar, self._bar = self._bar, {}
        return self._ends_ns, bar
