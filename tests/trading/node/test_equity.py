"""The equity that a node stores: when, what of it, and what its next life finds."""

import math
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.limits import LimitBook, MaxDrawdown
from nautilus_lab.trading.node._equity import EquityKeeper, StoredDays

SECOND = 1_000_000_000
NOON = 1_772_452_800 * SECOND  # of 2 March 2026
MIDNIGHT = NOON + 43_200 * SECOND
DAY = date(2026, 3, 2)
WINDOW = LimitBook([MaxDrawdown(max_fraction=0.1, window_days=5)])


class Book(SimpleNamespace):
    """What a keeper reads of the gate's book."""

    def __init__(self):
        super().__init__(currency="USD", equity=1_000.0, unknown="", earned={})
        self.day_start_equity = self.high_water = math.nan

    def profits(self):
        return dict(self.earned)

    def lose_its_price(self):
        self.equity, self.unknown = math.nan, "no quote values AAPL.PAPER, held or worked"


class Life:
    """One life of a node, as far as its equity goes."""

    def __init__(self, store, limits=WINDOW, now_ns=NOON):
        self.store, self.book, self.now_ns, self.now_s = store, Book(), now_ns, 0.0
        self.keeper = EquityKeeper(
            store, self.book, limits, trader="T-1", epoch=1, confirmations=1, simulated=True,
            now_ns=lambda: self.now_ns, now_s=lambda: self.now_s,
        )  # fmt: skip

    def watch(self, seconds=0.25):
        self.now_ns += round(seconds * SECOND)
        self.now_s += seconds
        self.keeper.highs.observe(self.book.equity, self.now_ns)
        self.keeper.days.losses(self.book.profits(), self.now_ns)
        self.keeper.watch()

    @property
    def told(self):
        return [(row.moment, row.equity) for row in self.store.equity()]


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


def test_the_equity_is_stored_as_a_node_begins_each_minute_and_as_it_stops(store):
    life = Life(store)
    for _ in range(4 * 125):
        life.watch()
    life.book.equity = 1_000.05  # less than a basis point more
    life.watch()
    life.keeper.end()
    worth = Decimal("1000.000000")
    assert life.told == [
        *[("begin", worth), ("regular", worth), ("regular", worth)],
        ("stop", Decimal("1000.050000")),
    ]
    assert {(row.trader, row.currency, row.epoch, row.simulated) for row in store.equity()} == {
        ("T-1", "USD", 1, True)
    }


def test_a_new_high_is_stored_with_the_look_that_believes_it(store):
    life = Life(store)
    life.watch()
    life.book.equity = 1_001.0
    life.watch()
    assert life.told[-1] == ("high", Decimal("1001.000000"))
    life.book.equity = 900.0
    life.watch()
    assert len(life.told) == 2


def test_the_last_of_a_day_and_the_first_of_the_next_are_stored(store):
    life = Life(store, now_ns=MIDNIGHT - SECOND)
    life.watch(0.75)
    life.book.equity = 900.0
    life.watch(0.1)
    life.book.equity = 800.0
    life.watch(0.2)
    life.book.equity = 700.0
    life.watch(0.2)
    assert [(row.moment, row.equity, row.high, row.day_start) for row in store.equity()] == [
        ("begin", 1000, 1000, 1000),
        ("day end", 900, 1000, 1000),
        ("day begin", 800, 800, 800),
    ]
    assert store.equity()[1].ts_ns < MIDNIGHT <= store.equity()[2].ts_ns


def test_what_nothing_values_is_stored_as_not_known_with_the_reason(store):
    life = Life(store)
    life.book.lose_its_price()
    life.watch()
    (row,) = store.equity()
    assert (row.equity, row.unvalued) == (None, "no quote values AAPL.PAPER, held or worked")
    assert (row.high, row.day_start) == (None, None)


def test_what_limits_of_loss_count_from_is_stored_as_they_have_it(store):
    life = Life(store)
    life.book.day_start_equity, life.book.high_water = 1_200.0, 1_500.0
    life.watch()
    (row,) = store.equity()
    assert (row.day_start, row.high_water) == (1200, 1500)


def test_what_strategies_earned_today_is_stored_with_it(store):
    life = Life(store)
    life.watch()
    life.book.earned = {"tilt": -12.5, "blind": math.nan, "idle": 0.0}
    life.watch()
    life.keeper.end()
    assert store.equity()[-1].strategies == {"tilt": Decimal("-12.500000"), "blind": None}


def test_a_store_that_refuses_gets_every_row_later(store):
    life = Life(store)
    add, store.add_equity = store.add_equity, _refuse
    for _ in range(4 * 70):
        life.watch()
    assert store.equity() == ()
    store.add_equity = add
    for _ in range(4 * 11):
        life.watch()
    assert [moment for moment, _ in life.told] == ["begin", "regular"]


def test_the_next_life_knows_the_highs_of_the_days_that_are_looked_back(store):
    for days_ago, equity in ((4, 1_100.0), (5, 1_200.0)):
        life = Life(store, now_ns=NOON - days_ago * 86_400 * SECOND)
        life.book.equity = equity
        life.watch()
    life = Life(store)
    assert life.keeper.highs.within(5, NOON) == 1_100.0
    life.watch()
    life.book.equity = 1_050.0
    life.watch()
    again = Life(store, now_ns=life.now_ns)
    assert again.keeper.highs.within(1, again.now_ns) == 1_050.0
    again.book.equity = 900.0
    again.watch()
    assert store.equity()[-1].day_start == 1000  # as the first life of the day had it


# --- what strategies had earned as the day began --------------------------------------------


def test_the_first_life_of_a_day_finds_that_nobody_saw_it(store):
    assert StoredDays(store).read(DAY) is None


def test_a_later_life_finds_what_was_kept_and_who_came_since(store):
    days = StoredDays(store)
    days.write(DAY, {"": 0.0, "tilt": 5.0}, 100)
    store.first_fills = lambda: {"tilt": 50, "new": 100, "lost": 99}
    found = dict(days.read(DAY))
    assert math.isnan(found.pop("lost"))  # it traded before, and was not valued since
    assert found == {"tilt": 5.0, "new": 0.0}


def _refuse(rows):
    raise StoreError("the disk is full")
