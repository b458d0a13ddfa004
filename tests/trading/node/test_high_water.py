"""The highest equity of a node: what its trail has holds, and a person accepts what was lost."""

import asyncio
import json
import math
from types import SimpleNamespace

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate import Book, HighWater
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.commands import AcceptDrawdown, LimitsView
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._high_water import HighWaterDesk, audited_high_water


class Life:
    """One life of a node over a store and a file that outlive it."""

    def __init__(self, store, path):
        self.now_s = 0.0
        self.full = False
        self.alerts = []
        self.book = SimpleNamespace(equity=math.nan, high_water=math.nan)
        self.high = HighWater(path, confirmations=1, audited=audited_high_water(store))
        self._trail = AuditTrail(store)
        self.desk = HighWaterDesk(
            self.high,
            self.book,
            audit=self._append,
            later=lambda act: act(),
            alert=self.alerts.append,
            view=lambda: LimitsView(rows=(), disabled={}),
            now_s=lambda: self.now_s,
        )
        self.desk.begin()

    def _append(self, kind, facts, actor):
        if self.full:
            raise StoreError("the disk is full")
        self._trail.append(kind, facts, actor=actor)

    def see(self, *equities, after_s=5.0):
        for equity in equities:
            self.now_s += after_s
            self.book.equity = equity
            self.book.high_water = self.high.observe(equity)
            self.desk.look()

    def accept(self, reason="cash was withdrawn"):
        asked = SimpleNamespace(
            body=AcceptDrawdown(reason=reason), principal=SimpleNamespace(name="ana")
        )
        return asyncio.run(self.desk.handlers()["risk.accept_drawdown"](asked))


@pytest.fixture
def store(tmp_path):
    with TradingStore.open(tmp_path / "trading.db") as store:
        yield store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "high_water.json"


def rows(store):
    return [(row.actor, json.loads(row.body)) for row in store.audit_rows()]


def told(store):
    return [float(body["equity"]) for _, body in rows(store)]


def test_it_is_written_down_at_first_and_then_as_it_rises_now_and_then(store, path):
    life = Life(store, path)
    assert rows(store) == []  # nothing is known yet
    life.see(100.0, 101.0, 102.0)
    assert told(store) == [100.0]
    life.see(*[103.0 + n for n in range(240)])  # a market that rises for twenty minutes
    assert told(store) == [100.0, 220.0, 340.0]
    life.see(*[90.0] * 240)
    assert told(store)[2:] == [340.0, 342.0]  # what had not been told, and then nothing new
    life.desk.end()
    assert len(told(store)) == 4


def test_a_node_that_ends_leaves_nothing_untold_and_one_that_begins_says_it_again(store, path):
    life = Life(store, path)
    life.see(100.0, 120.0)
    life.desk.end()
    assert told(store) == [100.0, 120.0]
    again = Life(store, path)
    assert told(store) == [100.0, 120.0, 120.0]
    assert (again.high.equity, again.alerts) == (120.0, [])


@pytest.mark.parametrize("lowered", [None, '{"equity":"1.000000"}'])
def test_a_file_that_was_taken_away_or_edited_lowers_nothing_and_a_person_is_told(
    store, path, lowered
):
    Life(store, path).see(100.0)
    path.unlink()
    if lowered is not None:
        path.write_text(lowered)
    again = Life(store, path)
    assert again.high.equity == 100.0
    (alert,) = again.alerts
    assert alert.severity == "critical"
    assert ("nothing" if lowered is None else "1.00") in alert.detail
    assert "the audit trail 100.00" in alert.detail
    assert "accept-drawdown" in alert.remedy
    assert Life(store, path).alerts == []  # the file has it again


def test_a_file_that_is_above_the_trail_is_what_a_node_that_was_killed_left(store, path):
    life = Life(store, path)
    life.see(100.0, 101.0)
    again = Life(store, path)
    assert (again.high.equity, again.alerts) == (101.0, [])
    assert told(store) == [100.0, 101.0]


def test_a_file_that_cannot_be_read_ends_in_the_remedy_that_works(store, path):
    Life(store, path).see(100.0)
    path.write_text("nonsense")
    with pytest.raises(StoreError, match="must be readable") as error:
        Life(store, path)
    assert "remove the file" in error.value.remedy
    path.unlink()
    assert Life(store, path).high.equity == 100.0


def test_a_person_accepts_a_drawdown_with_a_reason_and_it_stays_accepted(store, path):
    life = Life(store, path)
    life.see(100.0, 80.0)
    life.accept()
    assert (life.high.equity, life.book.high_water) == (80.0, 80.0)
    assert rows(store)[-1] == (
        "ana",
        {"equity": "80.000000", "before": "100.000000", "reason": "cash was withdrawn"},
    )
    path.unlink()
    assert Life(store, path).high.equity == 80.0


@pytest.mark.parametrize("equity", [100.0, 101.0, math.nan])
def test_what_is_no_drawdown_cannot_be_accepted(store, path, equity):
    life = Life(store, path)
    life.see(100.0)
    life.book.equity = equity
    with pytest.raises(InputError, match="must be a drawdown"):
        life.accept()
    assert told(store) == [100.0]


def test_without_an_equity_ever_there_is_nothing_to_accept(store, path):
    life = Life(store, path)
    life.book.equity = 80.0
    with pytest.raises(InputError, match="must be a drawdown"):
        life.accept()


def test_what_cannot_be_written_is_not_accepted(store, path, monkeypatch):
    life = Life(store, path)
    life.see(100.0, 80.0)
    life.full = True
    with pytest.raises(StoreError):
        life.accept()
    assert life.high.equity == 100.0
    life.full = False
    path.unlink()
    path.mkdir()  # as good as a disk that is full
    with pytest.raises(StoreError):
        life.accept()
    assert life.high.equity == life.book.high_water == 100.0


@pytest.mark.parametrize("reason", ["", " ", "two\nlines"])
def test_accepting_needs_a_reason(reason):
    with pytest.raises(InputError, match="a reason must have"):
        AcceptDrawdown(reason=reason)


def test_a_book_has_what_the_desk_reads():
    assert math.isnan(Book().equity)
    assert math.isnan(Book().high_water)
