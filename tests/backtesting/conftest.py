import pandas as pd
import pytest

from nautilus_lab.backtesting import BacktestingEngine
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.strategies import Costs

FREE = Costs(commission_bps=0, half_spread_bps=0)


@pytest.fixture
def engine():
    return BacktestingEngine()


@pytest.fixture
def free():
    return FREE


@pytest.fixture
def data(catalog):
    return MarketDataEngine(catalog)


@pytest.fixture
def prices(data):
    return data.prices(["AAPL", "JNJ", "KO", "XOM"], start="2019", end="2020")


@pytest.fixture
def bars(data):
    return data.bars(["AAPL", "IBM", "MSFT"], start="2007", end="2008")


def wide(**columns):
    """A frame of a few made-up days."""
    length = len(next(iter(columns.values())))
    days = pd.date_range("2024-01-01", periods=length, tz="UTC")
    return pd.DataFrame({name: map(float, values) for name, values in columns.items()}, index=days)


def long(opens, closes):
    """Bars of one symbol with these opens and closes."""
    days = pd.date_range("2024-01-01", periods=len(opens), tz="UTC")
    index = pd.MultiIndex.from_product([days, ["A"]], names=["timestamp", "symbol"])
    frame = pd.DataFrame({"open": opens, "close": closes}, index=index, dtype=float)
    frame["high"], frame["low"] = frame.max(axis=1), frame.min(axis=1)
    return frame.assign(volume=1_000.0)


@pytest.fixture
def make_prices():
    return wide


@pytest.fixture
def make_bars():
    return long
