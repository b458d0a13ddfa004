"""Levels that are believed, held and cleared; each told of once."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits import (
    Holdings,
    Levels,
    LimitBook,
    LimitMonitor,
    MaxPositionUnits,
    MaxValueAtRisk,
    Measures,
    Position,
)

SECOND = 1_000_000_000


class Watched:
    """A monitor of one limit of 100 units, and what it told."""

    def __init__(self, *limits, **levels):
        self.told = []
        book = LimitBook(limits or [MaxPositionUnits(max_units=100)], levels=Levels(**levels))
        self.monitor = LimitMonitor(book, self.told.append)
        self.now = 0

    def look(self, *units, after_s=1.0, **more):
        for held in units:
            self.now += int(after_s * SECOND)
            positions = () if held is None else (
                Position(instrument="A.X", symbol="A", venue="X", units=held, price=1.0),
            )  # fmt: skip
            self.monitor.look(Holdings(positions=positions, now_ns=self.now, **more))

    @property
    def levels(self):
        return [change.level for change in self.told]

    @property
    def level(self):
        return {row.scope: row.level for row in self.monitor.report()}.get("A.X", "ok")


@pytest.mark.parametrize(
    ("units", "level"),
    [(79.9, "ok"), (80, "warn"), (94.9, "warn"), (95, "critical"), (100, "critical"),
     (100.1, "breach"), (math.nan, "breach")],
)  # fmt: skip
def test_levels_begin_at_eighty_at_ninety_five_and_above_a_hundred_percent(units, level):
    watched = Watched(confirmations=1)
    watched.look(units)
    assert watched.level == level
    assert watched.levels == ([] if level == "ok" else [level])


def test_a_level_is_believed_after_so_many_looks_in_a_row():
    watched = Watched()
    watched.look(101, 101)
    assert (watched.levels, watched.monitor.pending) == ([], True)
    watched.look(101)
    assert (watched.levels, watched.monitor.pending) == (["breach"], False)


def test_one_bad_tick_moves_nothing():
    watched = Watched()
    watched.look(10, 10, 1e9, 10, math.nan, 10, 1e9, 1e9, 10)
    assert watched.levels == []


def test_looks_that_disagree_agree_on_the_lower_level():
    watched = Watched()
    watched.look(101, 85, 96)
    assert watched.levels == ["warn"]


def test_each_level_is_told_once_however_often_it_is_found():
    watched = Watched(confirmations=1)
    watched.look(*[85] * 5, *[96] * 5, *[101] * 5, *[96] * 5, *[101] * 5, *[80] * 5)
    assert watched.levels == ["warn", "critical", "breach"]


def test_it_clears_after_a_minute_below_three_quarters_and_not_before():
    watched = Watched(confirmations=1)
    watched.look(101)
    watched.look(74.9)  # the minute begins
    watched.look(74.9, after_s=59.9)
    assert watched.level == "breach"
    watched.look(74.9, after_s=0.1)
    assert watched.levels == ["breach", "ok"]
    watched.look(101)
    assert watched.levels == ["breach", "ok", "breach"]


@pytest.mark.parametrize("between", [75.0, 101.0, math.nan])
def test_the_minute_begins_anew_when_it_is_not_below(between):
    watched = Watched(confirmations=1)
    watched.look(101, 74)
    watched.look(between, 74, after_s=40)
    watched.look(74, after_s=59)
    assert watched.level == "breach"
    watched.look(74, after_s=1)
    assert watched.levels[-1] == "ok"


def test_a_position_that_is_closed_clears_like_one_that_is_small_and_is_forgotten():
    watched = Watched(confirmations=1)
    watched.look(101, None)
    assert watched.level == "breach"
    watched.look(None, after_s=60)
    assert watched.levels == ["breach", "ok"]
    assert [row.scope for row in watched.monitor.report()] == ["positions"]


def test_a_clock_that_is_set_back_does_not_clear():
    watched = Watched(confirmations=1)
    watched.look(101, 50)
    watched.look(50, after_s=-3_600)
    watched.look(50, after_s=59)
    assert watched.level == "breach"


def test_a_limit_that_raises_is_a_breach_with_its_reason():
    class Broken(MaxPositionUnits):
        def look(self, holdings):
            raise RuntimeError("no such book")

    watched = Watched(Broken(max_units=1), confirmations=1)
    watched.look(1)
    (row,) = watched.monitor.report()
    assert (row.level, row.reason) == ("breach", "it could not be looked at: no such book")
    assert "no such book" in watched.told[0].text


def test_a_limit_that_was_never_looked_at_is_told_as_that():
    watched = Watched()
    (row,) = watched.monitor.report().never
    assert (row.limit, row.level) == ("max_position_units", "never")
    assert len(watched.monitor.unseen) == 1
    watched.look(1)
    assert watched.monitor.unseen == ()


def test_what_cannot_be_measured_holds_back_at_once_and_what_is_exceeded_once_it_is_believed():
    watched = Watched(MaxValueAtRisk(max_loss=100))
    watched.look(1)
    assert [place for place, _, _ in watched.monitor.holding_back()] == [0]
    measures = lambda value: Measures.at(watched.now, value_at_risk=value)  # noqa: E731
    watched.look(1, measures=measures(50.0), after_s=0)
    assert watched.monitor.holding_back() == ()
    for _ in range(2):
        watched.look(1, measures=measures(101.0), after_s=0)
        assert watched.monitor.holding_back() == ()
    watched.look(1, measures=measures(101.0), after_s=0)
    assert [found.value for _, _, found in watched.monitor.holding_back()] == [101.0]


@given(st.lists(st.floats(0, 300), max_size=40), st.integers(1, 4))
def test_no_level_is_believed_that_fewer_looks_in_a_row_found(units, confirmations):
    watched = Watched(confirmations=confirmations)
    rank = {"ok": 0, "warn": 1, "critical": 2, "breach": 3}
    found = []
    for held in units:
        watched.look(held)
        found.append(rank[Levels().of(held / 100)])
        most = max(
            (min(found[n : n + confirmations]) for n in range(len(found) - confirmations + 1)),
            default=0,
        )
        assert rank[watched.level] <= most
        assert len(watched.levels) == len(set(watched.levels))


@pytest.mark.parametrize(
    "levels",
    [
        {"clear": 0.9},
        {"warn": 0.96},
        {"critical": 1.01},
        {"clear": 0.0},
        {"warn": math.nan},
        {"clear_s": -1},
        {"clear_s": math.nan},
        {"confirmations": 0},
        {"confirmations": 1.5},
    ],
)
def test_levels_that_mean_nothing_are_refused(levels):
    with pytest.raises(InputError):
        Levels(**levels)
