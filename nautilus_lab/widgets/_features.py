"""The features dashboard: what the feature engine says of each instrument, bar by bar."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import ipywidgets

from nautilus_lab.client import ConnectionState, Desk
from nautilus_lab.exceptions import InputError, LabError
from nautilus_lab.widgets._charts import LineChart, PriceChart
from nautilus_lab.widgets._grid import Column, Grid, Row
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._page import DeskPage, column, fixed, framed, row
from nautilus_lab.widgets._quote_bars import QuoteBars
from nautilus_lab.widgets._rows import instrument_of

_log = logging.getLogger(__name__)

_FEATURES = (
    "rsi",
    "macd",
    "bbands(timeperiod=20)",
    "zscore",
    "natr",
    "yang_zhang",
    "drawdown(window=60)",
    "permutation_entropy(window=60)",
)
_KEPT = 3_600  # bars of an instrument whose features a chart can show
_QUOTED = ("open", "high", "low", "close", "time")
_NS_IN_S = 1_000_000_000


class Stream(Protocol):
    """What `FeatureEngine.stream` returns."""

    columns: tuple[str, ...]
    inputs: tuple[str, ...]

    def update(self, symbol: str, bar: Mapping[str, float]) -> Sequence[float]:
        """Take the next bar; return its features."""
        ...


class Engine(Protocol):
    """What of `FeatureEngine` is used; the page itself imports no maths."""

    @property
    def registry(self) -> Any:
        """Whose ``spec(feature)`` says columns, warm-up and title."""
        ...

    def stream(self, symbols: Sequence[str], features: Sequence[Any]) -> Any:
        """Return a `Stream` of some instruments."""
        ...


class FeaturesDashboard(DeskPage):
    """Features of every instrument that a desk quotes; see `features_dashboard`."""

    def __init__(
        self,
        desk: Desk,
        engine: Engine,
        features: Sequence[Any] = _FEATURES,
        *,
        bar_s: int = 5,
        theme: Theme = "auto",
        stale_after_s: float = 5.0,
    ) -> None:
        super().__init__(
            desk, title="Nautilus Lab · Features", theme=theme, stale_after_s=stale_after_s
        )
        specs = [engine.registry.spec(feature) for feature in features]
        self._engine, self._specs = engine, specs
        for spec in specs:
            if spec.feature.scope != "instrument":
                raise InputError(
                    "a page has features of one instrument each",
                    value=f"{spec.label} is of several",
                    remedy="compute it in a notebook, of the bars of all",
                )
        probe: Stream = engine.stream(["any"], specs)  # what it refuses is refused here
        if unknown := [name for name in probe.inputs if name not in _QUOTED]:
            raise InputError(
                "a page knows time, open, high, low and close of quotes",
                value=f"features that read {', '.join(unknown)}",
                remedy="choose others; a strategy or a notebook has bars with volume",
            )
        self._columns = tuple(probe.columns)
        self._said = {
            column: {"title": spec.feature.title, "needs": spec.warm_up + 1}
            for spec in specs
            for column in spec.columns
        }
        self._bar_s = bar_s
        self._followed: dict[str, _Followed] = {}
        self._seeding: asyncio.Task[None] | None = None
        self._meanwhile: list[tuple[str, int, float]] = []  # what came while the past was read
        self.table = Grid(
            _table_columns(self._columns),
            title=f"Features of bars of {bar_s} s",
            empty="no quotes yet",
            height=260,
            sort_by="instrument",
            theme=theme,
        )
        self.choice = Grid(
            _CHOICE,
            title="Of the instrument in the chart",
            empty="no quotes yet",
            height=300,
            on_press=self._pressed,
            theme=theme,
        )
        self.price = PriceChart(title="Middle price", bar_s=bar_s, height=260, theme=theme)
        self.line = LineChart(title=self._columns[0], height=220, digits=4, theme=theme)
        self._shown = self._columns[0]
        self.price.observe(self._other_instrument, names="instrument")
        self.page = self._laid_out(theme)

    def start(self) -> Self:
        """Begin to follow the desk."""
        super().start()
        self.spawn(self._close_bars())
        return self

    def _laid_out(self, theme: Theme) -> ipywidgets.VBox:
        return framed(
            theme,
            row("head", self.status, self.banner, self.age),
            row("features", self.table),
            row("books", self.choice, column(fixed(self.price), self.line)),
            self.pulse,
        )

    # --- what comes in -----------------------------------------------------------------------

    def _heard(self, change: Any) -> None:
        super()._heard(change)
        if change.kind == "quote":
            # With each quote, not with each look: a high between two looks belongs to its bar.
            quote = self.desk.quotes.get(change.key)
            if quote is not None and self._seeding is not None:
                self._meanwhile.append((change.key, quote.ts, quote.mid))
            elif quote is not None:
                self._of(change.key).add(quote.ts, quote.mid)

    def _of(self, instrument: str) -> _Followed:
        found = self._followed.get(instrument)
        if found is None:
            found = self._followed[instrument] = self._made(instrument)
        return found

    def _made(self, instrument: str) -> _Followed:
        stream = self._engine.stream([instrument], self._specs)
        return _Followed(instrument, stream, self._bar_s)

    async def _close_bars(self) -> None:
        """End bars in time, where no quote comes that would."""
        while True:
            now_ns = time.time_ns()
            for name, one in self._followed.items():
                if one.close(now_ns):
                    self._dirty["quote"].add(name)
            await asyncio.sleep(min(1.0, self._bar_s / 4))

    async def _seed(self) -> None:
        """Begin with what the gateway remembers, so that the warm-up is over."""
        try:
            series = await self.desk.history("market.quote.>")
            for line in series:
                name = instrument_of(line.topic)
                one = self._followed[name] = self._made(name)
                for ts, price in line.points:
                    one.add(ts, price)
        except LabError as error:
            _log.info("features begin without a past: %s", error)
        finally:
            self._seeding = None
            came, self._meanwhile = self._meanwhile, []
            for name, ts, price in came:
                self._of(name).add(ts, price)
        self._show_instruments()
        self._other_instrument(None)

    # --- showing -----------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show the whole desk."""
        desk = self.desk
        if desk.connection is ConnectionState.CONNECTED and desk.node.is_up and not self._seeding:
            self._seeding = self.spawn(self._seed())
        self._show_instruments()

    def show_changed(self, dirty: dict[str, set[str]]) -> None:
        """Show what changed."""
        if dirty["quote"]:
            if dirty["quote"] - set(self.price.choices):
                self._show_instruments()
            self.table.put(self._row(name) for name in sorted(dirty["quote"]))
            name = self.price.instrument
            quote = self.desk.quotes.get(name)
            if quote is not None and name in dirty["quote"]:
                self.price.tick(quote.ts, quote.mid)
                self._show_features()

    def simulated_changed(self, simulated: bool) -> None:
        """Mark the charts."""
        self.price.simulated = self.line.simulated = simulated

    def _show_instruments(self) -> None:
        names = sorted({*self.desk.quotes, *self._followed})
        if names and self.price.choices != names:
            self.price.choices = names
        if names and self.price.instrument not in names:
            self.price.instrument = names[0]
        self.table.replace(self._row(name) for name in names)
        self._show_features()

    def _row(self, name: str) -> Row:
        one, quote = self._followed.get(name), self.desk.quotes.get(name)
        known = one.values if one is not None else ()
        return {
            "id": name,
            "instrument": name,
            "price": quote.mid if quote is not None else math.nan,
            "bars": one.count if one else 0,
            **{_key(number): _legible(value) for number, value in enumerate(known)},
        }

    def _show_features(self) -> None:
        one = self._followed.get(self.price.instrument)
        values = one.values if one and one.values else (math.nan,) * len(self._columns)
        self.choice.put(
            {
                "id": name,
                "feature": name,
                **self._said[name],
                "value": _legible(value),
                "chart": "shown" if name == self._shown else "chart",
            }
            for name, value in zip(self._columns, values, strict=True)
        )
        if one is not None:
            place = self._columns.index(self._shown)
            self.line.extend((ts, found[place]) for ts, found in one.fresh())

    def _other_instrument(self, change: Any) -> None:
        one = self._followed.get(self.price.instrument)
        self.price.begin(one.prices if one else ())
        self._draw()

    def _pressed(self, name: str, key: str) -> None:
        self._shown = name
        self._draw()

    def _draw(self) -> None:
        """Draw the line anew: another instrument, or another feature."""
        self.line.title = self._shown
        one = self._followed.get(self.price.instrument)
        if one is not None:
            one.rewind()
        self.line.begin()
        self._show_features()


class _Followed:
    """One instrument: its bars, the stream of its features, and what they were."""

    def __init__(self, name: str, stream: Stream, bar_s: int) -> None:
        self._name, self._stream = name, stream
        self._bars = QuoteBars(bar_s)
        self._past: deque[tuple[int, tuple[float, ...]]] = deque(maxlen=_KEPT)
        self.prices: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        self.values: tuple[float, ...] = ()
        self.count = 0
        self._told = 0  # bars that `fresh` has returned

    def add(self, ts: int, price: float) -> None:
        """Take a price."""
        if math.isfinite(price):
            self.prices.append((ts, price))
        self._ended(self._bars.add(ts, price))

    def close(self, now_ns: int) -> bool:
        """End a bar whose time is over; whether there was one."""
        return self._ended(self._bars.close(now_ns))

    def fresh(self) -> list[tuple[int, tuple[float, ...]]]:
        """Return what was computed since the last time, oldest first."""
        news = min(self.count - self._told, len(self._past))
        self._told = self.count
        return list(self._past)[len(self._past) - news :]

    def rewind(self) -> None:
        """Have `fresh` return all that is remembered."""
        self._told = 0

    def _ended(self, ended: tuple[int, dict[str, float]] | None) -> bool:
        if ended is None:
            return False
        ts, prices = ended
        bar = prices | {"time": ts / _NS_IN_S}
        self.values = tuple(map(float, self._stream.update(self._name, bar)))
        self.count += 1
        self._past.append((ts, self.values))
        return True


_CHOICE = (
    Column(key="feature", label="Feature", width=2.2, fits=24),
    Column(key="title", label="What", width=2.2, fits=20),
    Column(key="needs", label="Needs bars", kind="number", digits=0, width=0.9, fits=10),
    Column(key="value", label="Now", kind="exact", width=1.2, fits=9, flash=True),
    Column(key="chart", label="", kind="action", width=0.8, fits=5),
)


def features_dashboard(
    desk: Desk,
    engine: Engine,
    features: Sequence[Any] = _FEATURES,
    *,
    bar_s: int = 5,
    theme: Theme = "auto",
    stale_after_s: float = 5.0,
) -> FeaturesDashboard:
    """Build the features page of a desk and keep it true.

    Bars are made of the middle of the quotes that reach the page, from the half hour that the
    gateway remembers on: they have no volume. A bar without a quote is left out; the stream goes
    on with the next. Each number is the one that ``lab.features.compute`` gives of the same bars.

    Parameters
    ----------
    desk : Desk
        What to follow.
    engine : FeatureEngine
        ``lab.features``, with the features that you defined.
    features : sequence of str or FeatureSpec
        What to compute; each is of one instrument and reads open, high, low, close, and time, the
        end of the bar, only.
    bar_s : int, default=5
        Seconds of a bar.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    stale_after_s : float, default=5
        Seconds without data after which a veil says that the page must not be believed.

    Returns
    -------
    FeaturesDashboard
        Shows itself as the last value of a cell.

    Raises
    ------
    InputError
        When a feature is unknown, asked for twice, of several instruments, or reads what quotes do
        not have.
    """
    page = FeaturesDashboard(
        desk, engine, features, bar_s=bar_s, theme=theme, stale_after_s=stale_after_s
    )
    return page.start()


def _table_columns(features: Sequence[str]) -> tuple[Column, ...]:
    return (
        Column(key="instrument", label="Instrument", width=1.2, fits=11),
        Column(key="price", label="Price", kind="number", digits=3, fits=8, flash=True),
        Column(key="bars", label="Bars", kind="number", digits=0, width=0.6, fits=5),
        *(
            Column(key=_key(number), label=_label(name), kind="exact", fits=9, flash=True)
            for number, name in enumerate(features)
        ),
    )


def _key(number: int) -> str:
    """Name a column of the table: a dot in a feature's own name would mean a value in a value."""
    return f"f{number}"


def _label(column: str) -> str:
    """Shorten ``bbands(timeperiod=20).upperband`` to what tells it apart in a narrow column."""
    _, _, output = column.rpartition(".")
    return output if output.isidentifier() else column.partition("(")[0]


def _legible(value: float) -> float:
    return float(f"{value:.5g}") if math.isfinite(value) else math.nan
