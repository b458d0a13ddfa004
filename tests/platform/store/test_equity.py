"""What an account was worth, as a trading store keeps it."""

import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import OrderFilled
from nautilus_lab.platform.store import EquityRow, TradingStore

NS_A_DAY = 86_400 * 10**9
DAY = date(2026, 3, 2)


def row(ts_ns=1, equity="1000.25", **changes):
    facts = {"trader": "T-1", "currency": "USD", "moment": "regular", "epoch": 3}
    worth = None if equity is None else Decimal(equity)
    return EquityRow(**facts | {"ts_ns": ts_ns, "equity": worth} | changes)


@pytest.fixture
def store(tmp_path):
    with TradingStore.open(tmp_path / "trading.db") as store:
        yield store


def test_what_is_stored_is_read_back_to_the_last_digit(store):
    rows = (
        row(1, "1000.250000", high=Decimal("1001.1"), day_start=Decimal("-3"), simulated=True),
        row(2, None, unvalued="no quote values AAPL.PAPER", moment="day end"),
        row(3, "0", strategies={"tilt": Decimal("1E+2"), "lost": None}, moment="stop"),
    )
    store.add_equity(rows)
    assert store.equity() == rows
    assert store.equity(2, 3) == rows[1:2]


def test_of_one_time_what_was_stored_first_stays(store):
    store.add_equity([row(1, "5")])
    store.add_equity([row(1, "6"), row(2, "7")])
    assert [one.equity for one in store.equity()] == [5, 7]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"equity": None}, "known, or it is said why not"),
        ({"unvalued": "why"}, "known, or it is said why not"),
        ({"equity": "NaN"}, "equity must be finite"),
        ({"high": Decimal("inf")}, "high must be finite"),
        ({"strategies": {"tilt": Decimal("NaN")}}, "tilt must be finite"),
        ({"moment": "noon"}, "the moment of an equity must be one of"),
    ],
)
def test_what_an_account_cannot_be_worth_is_refused(changes, match):
    with pytest.raises(InputError, match=match):
        row(**changes)


@pytest.mark.parametrize("how", ["UPDATE equity SET equity = '9'", "DELETE FROM equity"])
def test_what_was_stored_is_neither_changed_nor_deleted(store, tmp_path, how):
    store.add_equity([row()])
    with (
        closing(sqlite3.connect(tmp_path / "trading.db")) as raw,
        pytest.raises(sqlite3.IntegrityError, match="must not be"),
    ):
        raw.execute(how)


@pytest.mark.parametrize(
    "written",
    ["'x', NULL, '', '{}'", "'NaN', NULL, '', '{}'", "NULL, NULL, '', '{}'", "'1', NULL, '', '[]'"],
)
def test_a_row_that_was_never_written_is_one_error(store, tmp_path, written):
    with closing(sqlite3.connect(tmp_path / "trading.db")) as raw, raw:
        raw.execute(
            "INSERT INTO equity (equity, high, unvalued, strategies, trader, currency, ts_ns,"
            f" moment, epoch, simulated) VALUES ({written}, 'T-1', 'USD', 1, 'stop', 1, 1)"
        )
    with pytest.raises(StoreError, match="intact"):
        store.equity()


def test_the_highest_of_each_day_is_found(store):
    days = [
        (0, "10"),
        (NS_A_DAY - 1, "9"),
        (NS_A_DAY, "100"),  # by its number, not by its text
        (NS_A_DAY + 5, "20"),
        (3 * NS_A_DAY, None),
    ]
    store.add_equity([row(ts, high=None if high is None else Decimal(high)) for ts, high in days])
    found = {date(1970, 1, 1): 10.0, date(1970, 1, 2): 100.0}
    assert store.day_highs("USD", 0) == found
    assert store.day_highs("USD", NS_A_DAY + 1) == {date(1970, 1, 2): 20.0}
    assert store.day_highs("EUR", 0) == {}


def test_what_strategies_had_earned_as_a_day_began_is_kept_and_may_be_begun_anew(store):
    store.put_strategy_days(DAY, {"": 0.0, "tilt": -12.5, "lost": None}, 5)
    store.put_strategy_days(DAY, {"tilt": 3.0}, 6)
    assert store.strategy_days(DAY) == {"": (0.0, 5), "tilt": (3.0, 6), "lost": (None, 5)}
    assert store.strategy_days(date(2026, 3, 3)) == {}


def test_the_first_fill_of_each_strategy_is_found(store):
    epoch = store.begin_epoch("node")
    for n, (strategy, ts) in enumerate((("a", 7), ("b", 8), ("a", 9))):
        body = OrderFilled(
            trade_id=str(n), client_order_id="O", strategy=strategy, instrument="AAPL.PAPER",
            side="BUY", quantity=Decimal(1), price=Decimal(1),
        )  # fmt: skip
        told = messages.envelope(body, "t", trader="T-1", writer="node", epoch=epoch)
        store.record(messages.msgspec.structs.replace(told, ts=ts))
    assert store.first_fills() == {"a": 7, "b": 8}
