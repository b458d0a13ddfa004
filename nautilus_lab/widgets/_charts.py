"""Charts that keep up: a line, and candles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import traitlets as t

from nautilus_lab.exceptions import InputError
from nautilus_lab.widgets._library import LabWidget, Theme

_SECOND = 1_000_000_000
_MOST_POINTS = 7_200


class _Chart(LabWidget):
    # The traits; the constructors below say what each means.
    title = t.Unicode().tag(sync=True)
    height = t.Int(320).tag(sync=True)
    digits = t.Int(2).tag(sync=True)
    simulated = t.Bool(False).tag(sync=True)


class LineChart(_Chart):
    """A value over time: an equity curve, a price.

    Parameters
    ----------
    title : str, default=""
        Stands above the chart.
    height : int, default=320
        Pixels.
    digits : int, default=2
        Decimals of the scale.
    simulated : bool, default=False
        Whether to mark the chart as simulated; may be set later.
    base : float, optional
        Above it the line is shown as a gain, below as a loss.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Examples
    --------
    >>> chart = LineChart(title="Equity")
    >>> chart.append(1_577_836_800_000_000_000, 100.0)
    >>> chart.append(1_577_836_801_500_000_000, 101.0)
    >>> chart.points
    [{'time': 1577836800, 'value': 100.0}, {'time': 1577836801, 'value': 101.0}]
    """

    base = t.Float(None, allow_none=True).tag(sync=True)
    points = t.List(t.Dict()).tag(sync=True)

    def __init__(
        self,
        *,
        title: str = "",
        height: int = 320,
        digits: int = 2,
        simulated: bool = False,
        base: float | None = None,
        theme: Theme = "auto",
    ) -> None:
        super().__init__(
            title=title,
            height=height,
            digits=digits,
            simulated=simulated,
            base=base,
            theme=theme,
        )

    def append(self, ts: int, value: float) -> None:
        """Add a value; several in one second leave the last. Older ones than the newest are not.

        Parameters
        ----------
        ts : int
            UNIX nanoseconds UTC.
        value : float
            Finite; NaN and infinities are left out, a line has no place for them.
        """
        self.extend([(ts, value)])

    def extend(self, values: Iterable[tuple[int, float]]) -> None:
        """Add several (UNIX ns, value), oldest first."""
        fresh: list[dict[str, float]] = []
        for ts, value in values:
            newest = self.points[-1]["time"] if self.points else -1
            point = {"time": ts // _SECOND, "value": value}
            if not math.isfinite(value) or point["time"] < newest:
                continue
            # The trait is changed in place: a page that opens reads it, open ones get the news.
            if point["time"] == newest:
                self.points[-1] = point
            else:
                self.points.append(point)
            fresh.append(point)
        if len(self.points) > _MOST_POINTS:
            del self.points[: len(self.points) - _MOST_POINTS]
        if fresh:
            self.send({"kind": "points", "points": fresh, "base": self.base})

    def begin(self) -> None:
        """Start over, without a value."""
        self.points.clear()
        self._send_all()

    def seed(self, values: Iterable[tuple[int, float]]) -> None:
        """Put what is remembered elsewhere in place of the newest part; older points stay.

        Parameters
        ----------
        values : iterable of (int, float)
            (UNIX ns, value), oldest first.
        """
        known = list(values)
        if not known:
            return
        begin = known[0][0] // _SECOND
        newer = [p for p in self.points if p["time"] > known[-1][0] // _SECOND]
        self.points[:] = [point for point in self.points if point["time"] < begin]
        self.extend(known)
        self.points.extend(newer)
        self._send_all()

    def _send_all(self) -> None:
        self.send({"kind": "all", "points": self.points, "base": self.base})


class PriceChart(_Chart):
    """Candles of one instrument, made from its prices as they come.

    Parameters
    ----------
    title : str, default=""
        Stands above the chart.
    instrument : str, default=""
        Whose prices; the reader may choose another one of `choices`.
    choices : sequence of str, default=()
        What can be chosen.
    bar_s : int, default=5
        Seconds that one candle covers.
    height, digits, simulated, theme
        As for `LineChart`.

    Examples
    --------
    >>> chart = PriceChart(instrument="AAPL.PAPER", bar_s=5)
    >>> for second, price in enumerate((10.0, 12.0, 9.0, 11.0)):
    ...     chart.tick(second * 1_000_000_000, price)
    >>> chart.bars
    [{'time': 0, 'open': 10.0, 'high': 12.0, 'low': 9.0, 'close': 11.0}]
    """

    instrument = t.Unicode().tag(sync=True)
    choices = t.List(t.Unicode()).tag(sync=True)
    bars = t.List(t.Dict()).tag(sync=True)
    bar_s = t.Int(5).tag(sync=True)
    most_bars = 720

    def __init__(
        self,
        *,
        title: str = "",
        instrument: str = "",
        choices: Sequence[str] = (),
        bar_s: int = 5,
        height: int = 320,
        digits: int = 2,
        simulated: bool = False,
        theme: Theme = "auto",
    ) -> None:
        if not bar_s >= 1:
            raise InputError(
                "a candle must cover at least one second", value=bar_s, remedy="pass bar_s=5"
            )
        super().__init__(
            title=title,
            instrument=instrument,
            choices=list(choices),
            bar_s=bar_s,
            height=height,
            digits=digits,
            simulated=simulated,
            theme=theme,
        )

    def begin(self, prices: Iterable[tuple[int, float]] = ()) -> None:
        """Start over, from (UNIX ns, price) values that are known already, oldest first."""
        self.bars.clear()
        self.seed(prices)
        self._send_all()

    def seed(self, prices: Iterable[tuple[int, float]]) -> None:
        """Put remembered (UNIX ns, price) values in place of the candles they cover."""
        known = list(prices)
        if not known:
            return
        begin = known[0][0] // _SECOND // self.bar_s * self.bar_s
        self.bars[:] = [bar for bar in self.bars if bar["time"] < begin]
        for ts, price in known:
            self._note(ts, price)
        self._send_all()

    def tick(self, ts: int, price: float) -> None:
        """Bring a price in.

        Parameters
        ----------
        ts : int
            UNIX nanoseconds UTC; one older than the newest candle is left out.
        price : float
            Finite; others are left out.
        """
        bar = self._note(ts, price)
        if bar is not None:
            self.send({"kind": "bars", "bars": [bar]})

    def _note(self, ts: int, price: float) -> dict[str, float] | None:
        if not math.isfinite(price):
            return None
        time = ts // _SECOND // self.bar_s * self.bar_s
        last = self.bars[-1] if self.bars else None
        if last is not None and time < last["time"]:
            return None
        if last is not None and time == last["time"]:
            last["high"], last["low"] = max(last["high"], price), min(last["low"], price)
            last["close"] = price
            return last
        # A candle opens where the last one closed, as quotes have no gap between two of them.
        begin = last["close"] if last is not None else price
        bar = {
            "time": time,
            "open": begin,
            "high": max(begin, price),
            "low": min(begin, price),
            "close": price,
        }
        self.bars.append(bar)
        if len(self.bars) > self.most_bars:
            del self.bars[0]
        return bar

    def _send_all(self) -> None:
        self.send({"kind": "all", "bars": self.bars})
