"""Real trades, quotes and books, where the folder that LAB_TEST_DATA names has them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine, prevailing, rebuilt_book, signed

ENGINE = FeatureEngine()
FOLDER = Path(os.environ.get("LAB_TEST_DATA", "/nowhere"))


def read(name):
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"LAB_TEST_DATA names no folder with {name}")
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


@pytest.fixture(scope="module")
def quotes():
    found = read("binance_btcusdt-quotes.parquet").assign(symbol="BTCUSDT")
    return found.set_index(["timestamp", "symbol"])[["bid", "ask", "bid_size", "ask_size"]]


@pytest.fixture(scope="module")
def ticks(quotes):
    found = read("binance_btcusdt-trades.parquet").assign(symbol="BTCUSDT")
    buyer_waited = found["buyer_maker"].astype(str) == "True"
    found = found.assign(size=found["quantity"], aggressor=np.where(buyer_waited, -1.0, 1.0))
    trades = found.set_index(["timestamp", "symbol"])[["price", "size", "aggressor"]]
    return prevailing(trades, quotes).dropna(subset=["bid"])


@pytest.mark.parametrize(
    ("rule", "least"),
    [("tick", 0.88), ("quote", 0.89), ("lee_ready", 0.9), ("ellis_michaely_ohara", 0.93),
     ("chakrabarty", 0.92)],
)  # fmt: skip
def test_the_rules_find_who_the_venue_says_began_a_trade(ticks, rule, least):
    assert (signed(ticks, rule)["side"] == ticks["aggressor"]).mean() > least


def test_trades_pay_about_what_is_quoted_and_move_the_price_their_way(ticks):
    sided = ticks.rename(columns={"aggressor": "side"})
    found = ENGINE.compute(sided, ["effective_spread", "price_impact", "kyle_lambda"]).frame()
    quoted = (ticks["ask"] - ticks["bid"]) / (ticks["ask"] + ticks["bid"]) * 2
    assert found["effective_spread.relative"].median() < 5 * quoted.mean()
    assert found["price_impact.relative"].mean() > 0
    assert (found["kyle_lambda"].dropna() > 0).mean() > 0.5


def test_order_flow_explains_changes_of_the_mid(quotes):
    found = ENGINE.compute(quotes, ["mid", "order_flow_imbalance(window=10)"]).frame()
    flow, moved = found.iloc[10::10, 1], found["mid"].diff(10).iloc[10::10]
    assert np.corrcoef(flow, moved)[0, 1] ** 2 > 0.3


def test_a_book_is_put_together_from_its_updates():
    found = read("orderbook_xrpusdt_bybit_l2_500.parquet")
    found["timestamp"] = pd.to_datetime(found["ts_ms"], unit="ms", utc=True)
    found = found.assign(symbol="XRPUSDT", snapshot=found["type"] == "snapshot")
    book = rebuilt_book(found.set_index(["timestamp", "symbol"]), levels=10)
    assert len(book) == found["ts_ms"].nunique()
    asked = ["book_imbalance", "book_slope", "cost_to_trade(size=20000,levels=10)", "weighted_mid"]
    features = ENGINE.compute(book, asked).frame()
    assert features["weighted_mid"].between(book["bid_price_9"], book["ask_price_9"]).all()
    assert (features.filter(like="cost") > 0).all(axis=None)


def test_snapshots_of_tardis_are_books():
    found = read("ob_tardis_binance-futures_book_snapshot_25_BTCUSDT.csv")
    found["timestamp"] = pd.to_datetime(found["timestamp"], unit="us", utc=True)
    kinds = {"price": "price", "amount": "size"}
    names = {
        f"{side}s[{n}].{theirs}": f"{side}_{ours}_{n}"
        for side in ("bid", "ask") for n in range(25) for theirs, ours in kinds.items()
    }  # fmt: skip
    book = found.rename(columns=names).set_index(["timestamp", "symbol"])[list(names.values())]
    depth = ENGINE.compute(book, ["depth(levels=25)"]).frame()
    assert (depth > 0).all(axis=None)
