"""The features page: its bars, its numbers against the batch, over a real gateway and without."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.client import Change, ConnectionState, Desk
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine
from nautilus_lab.platform.messages import QuoteUpdated
from nautilus_lab.streaming import StreamingEngine
from nautilus_lab.widgets import FeaturesDashboard, features_dashboard
from nautilus_lab.widgets._quote_bars import QuoteBars
from tests.streaming.fake_node import FakeNode
from tests.widgets.conftest import until

NS = 1_000_000_000
FEATURES = ("rsi(timeperiod=3)", "bbands(timeperiod=4)", "natr(timeperiod=3)")


class FakeDesk:
    """What the page reads of a desk, moved by hand."""

    trader = "PAPER-001"
    simulated = True
    connection = ConnectionState.CONNECTED
    principal = None

    def __init__(self, past=()):
        self.quotes = {}
        self.node = SimpleNamespace(is_up=True)
        self.past = past

    async def history(self, *patterns):
        return self.past


def quoted(page: FeaturesDashboard, name: str, ts: int, price: float) -> None:
    page.desk.quotes[name] = SimpleNamespace(ts=ts, mid=price)
    page._heard(Change("quote", name))


def prices(count: int, seed: int = 1) -> list[tuple[int, float]]:
    drawn = np.random.default_rng(seed)
    walk = 100 * np.exp(np.cumsum(drawn.normal(0, 0.001, count)))
    times = np.cumsum(drawn.integers(NS // 10, NS, count))
    return [(int(ts), float(price)) for ts, price in zip(times, walk, strict=True)]


def resampled(told, bar_s: int) -> pd.DataFrame:
    """The bars that pandas makes of the same prices, but the last, which is not over."""
    series = pd.Series(
        [price for _, price in told], pd.to_datetime([ts for ts, _ in told], utc=True)
    )
    bars = series.resample(f"{bar_s}s", label="right").ohlc().dropna().iloc[:-1]
    return bars.assign(volume=0.0)


def test_bars_are_those_that_pandas_makes():
    told, bars = prices(500), QuoteBars(2)
    found = [bar for bar in (bars.add(ts, price) for ts, price in told) if bar is not None]
    expected = resampled(told, 2)
    assert [ts for ts, _ in found] == list(expected.index.as_unit("ns").astype("int64"))
    columns = ["open", "high", "low", "close"]
    assert [list(bar.values()) for _, bar in found] == expected[columns].to_numpy().tolist()


def test_a_price_out_of_order_or_that_is_no_number_makes_no_bar():
    bars = QuoteBars(1)
    assert bars.add(5 * NS, 10.0) is None
    assert bars.add(4 * NS, 99.0) is None
    assert bars.add(int(5.1 * NS), math.nan) is None
    assert bars.close(6 * NS) == (
        6 * NS,
        {"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0},
    )
    assert bars.close(7 * NS) is None


@pytest.mark.parametrize("bar_s", [0, -1, 86_401, 2.5, True])
def test_a_bar_lasts_a_second_to_a_day(bar_s):
    with pytest.raises(InputError, match="seconds"):
        QuoteBars(bar_s)


def test_the_page_shows_what_the_batch_computes():
    page = FeaturesDashboard(FakeDesk(), FeatureEngine(), FEATURES, bar_s=2)
    told = prices(400)
    for ts, price in told:
        quoted(page, "AAPL.PAPER", ts, price)
    page.show_changed(page._dirty)
    frame = resampled(told, 2)
    frame.index = pd.MultiIndex.from_product(
        [frame.index, ["AAPL.PAPER"]], names=["timestamp", "symbol"]
    )
    panel = FeatureEngine().compute(frame, FEATURES)
    row = page.table.rows[0]
    assert row["bars"] == len(frame)
    for number, column in enumerate(panel.columns):
        last = panel[column]["AAPL.PAPER"].iloc[-1]
        assert row[f"f{number}"] == pytest.approx(last, rel=1e-4)  # shown to five digits
    chosen = {row["feature"]: row for row in page.choice.rows}
    assert chosen["rsi(timeperiod=3)"]["needs"] == 4
    assert len(page.line.points) == len(set(frame.index.get_level_values(0))) - 3


def test_another_feature_is_drawn_from_the_past():
    page = FeaturesDashboard(FakeDesk(), FeatureEngine(), FEATURES, bar_s=2)
    for ts, price in prices(200):
        quoted(page, "AAPL.PAPER", ts, price)
    page.show_changed(page._dirty)
    before = list(page.line.points)
    page.choice._heard(
        page.choice, {"kind": "press", "id": "natr(timeperiod=3)", "key": "chart"}, []
    )
    assert page.line.title == "natr(timeperiod=3)"
    assert [p["time"] for p in page.line.points] == [p["time"] for p in before]
    assert page.line.points != before
    assert [r["chart"] for r in page.choice.rows].count("shown") == 1


async def test_the_past_that_the_gateway_remembers_is_the_warm_up():
    told = prices(300)
    line = SimpleNamespace(topic="market.quote.PAPER.AAPL", points=told[:-1])
    page = FeaturesDashboard(FakeDesk((line,)), FeatureEngine(), FEATURES, bar_s=2)
    page.desk.quotes["AAPL.PAPER"] = SimpleNamespace(ts=told[-2][0], mid=told[-2][1])
    page.show_all()
    assert page._seeding is not None
    quoted(page, "AAPL.PAPER", *told[-1])  # while the past is read
    await page._seeding
    assert page.table.rows[0]["bars"] == len(resampled(told, 2))
    assert page.table.rows[0]["f0"] is not None
    await page.close()


def test_what_quotes_do_not_have_is_refused():
    with pytest.raises(InputError, match="volume"):
        FeaturesDashboard(FakeDesk(), FeatureEngine(), ["obv"])
    with pytest.raises(InputError, match="by name"):
        FeaturesDashboard(FakeDesk(), FeatureEngine(), ["<script>"])
    for several in ("market_beta(against=SPY)", "dispersion"):
        with pytest.raises(InputError, match="of one instrument each"):
            FeaturesDashboard(FakeDesk(), FeatureEngine(), [several])


def test_a_feature_of_time_is_told_when_its_bar_ended():
    engine = FeatureEngine()
    usual = {"title": "T", "group": "g", "warm_up": 0, "history": 1, "reference": "none"}

    @engine.registry.define(inputs=("time", "close"), **usual)
    def second(time, close):
        return time

    page = FeaturesDashboard(FakeDesk(), engine, ["second"], bar_s=2)
    for ts in (0, 1, 2, 5):
        quoted(page, "A.X", ts * NS, 10.0)
    assert page._followed["A.X"].fresh() == [(2 * NS, (2.0,)), (4 * NS, (4.0,))]


@pytest.mark.usefixtures("hasty")
async def test_quotes_of_a_gateway_become_bars(root):
    async with FakeNode(root / ".lab") as node:
        engine = StreamingEngine(root / ".lab", settings=StreamingSettings(conflate_ms=10))
        await engine.start()
        page = features_dashboard(
            Desk.find(root=root), FeatureEngine(), ["window_return(window=1)"], bar_s=1
        )
        count = iter(range(10_000))

        def enough():
            price = 100.0 + next(count) / 100
            body = QuoteUpdated(
                instrument="AAPL.PAPER", bid=price, ask=price, bid_size=1.0, ask_size=1.0
            )
            node.put(body, "market.quote.PAPER.AAPL")
            return page.table.rows and page.table.rows[0].get("f0")

        await until(enough)
        assert 0 < page.table.rows[0]["f0"] < 1  # it only rises
        assert page.price.instrument == "AAPL.PAPER"
        await page.close()
        await page.desk.close()
        await engine.stop()
