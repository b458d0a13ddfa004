"""The highest equity of days, and what strategies lost since a day began."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate import DayHighs, StrategyDays

DAY = date(2026, 3, 2)


def at(hours, day=DAY):
    begun = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int((begun + timedelta(hours=hours)).timestamp()) * 10**9


# --- highs --------------------------------------------------------------------------------


def test_a_window_has_the_highest_of_its_days_and_forgets_the_day_before_them():
    highs = DayHighs({DAY - timedelta(days=19): 300.0, DAY - timedelta(days=20): 400.0})
    assert highs.within(20, at(12)) == 300.0
    assert highs.within(21, at(12)) == 400.0
    assert highs.within(20, at(24)) != 300.0  # a day later it is gone
    assert math.isnan(highs.within(19, at(12)))


def test_one_bad_tick_is_no_high_and_an_unknown_equity_no_look():
    highs = DayHighs(confirmations=3)
    for equity in (100.0, 1e9, math.nan, 99.0, math.inf, 98.0, 97.0):
        highs.observe(equity, at(12))
    assert highs.within(1, at(12)) == 99.0
    with pytest.raises(InputError, match="at least 1"):
        DayHighs(confirmations=0)


def test_a_day_that_begins_has_a_high_with_its_first_look():
    highs = DayHighs(confirmations=3)
    for _ in range(3):
        highs.observe(100.0, at(23))
    highs.observe(90.0, at(24))
    assert highs.within(1, at(24)) == 90.0
    assert highs.within(2, at(24)) == 100.0


def test_a_clock_that_is_set_back_loses_no_high():
    highs = DayHighs(confirmations=1)
    highs.observe(100.0, at(24))
    assert highs.within(1, at(12)) == 100.0


# --- what strategies lost -----------------------------------------------------------------


class Kept:
    """What a store would keep; `full` refuses to."""

    def __init__(self, days=None):
        self.days = days or {}
        self.full = False

    def read(self, day):
        if self.full:
            raise StoreError("the disk is full")
        return self.days.get(day)

    def write(self, day, earned, now_ns):
        if self.full:
            raise StoreError("the disk is full")
        self.days.setdefault(day, {}).update(earned)


def test_a_new_process_goes_on_with_the_day_of_the_one_before():
    kept = Kept()
    assert StrategyDays(kept).losses({"tilt": 50.0}, at(9)) == {"tilt": 0.0}
    assert StrategyDays(kept).losses({"tilt": 20.0, "new": -5.0}, at(10)) == {
        "tilt": 30.0,
        "new": 5.0,
    }


def test_a_day_that_no_process_saw_begins_with_the_first_look():
    kept = Kept()
    StrategyDays(kept).losses({"tilt": 50.0}, at(9))
    assert StrategyDays(kept).losses({"tilt": 20.0}, at(33)) == {"tilt": 0.0}


def test_what_a_strategy_had_earned_and_cannot_be_told_is_no_loss_of_zero():
    days = StrategyDays(Kept({DAY: {"": 0.0, "tilt": math.nan}}))
    assert math.isnan(days.losses({"tilt": 20.0}, at(9))["tilt"])
    days.begin_anew("tilt")
    assert days.losses({"tilt": 20.0}, at(9)) == {"tilt": 0.0}
    assert days.losses({"tilt": 15.0}, at(10)) == {"tilt": 5.0}
    assert days.losses({"tilt": 10.0}, at(24)) == {"tilt": 0.0}  # the next day


def test_a_profit_that_is_not_known_as_the_day_begins_is_waited_for():
    days = StrategyDays()
    assert math.isnan(days.losses({"tilt": math.nan}, at(9))["tilt"])
    assert days.losses({"tilt": 20.0}, at(9)) == {"tilt": 0.0}
    assert math.isnan(days.losses({"tilt": math.nan}, at(9))["tilt"])
    assert days.losses({"tilt": 10.0}, at(9)) == {"tilt": 10.0}


def test_a_store_that_cannot_be_read_tells_nothing_and_is_asked_again():
    kept = Kept({DAY: {"": 0.0, "tilt": 50.0}})
    kept.full = True
    days = StrategyDays(kept)
    assert math.isnan(days.losses({"tilt": 20.0}, at(9))["tilt"])
    kept.full = False
    assert days.losses({"tilt": 20.0}, at(9)) == {"tilt": 30.0}


def test_what_cannot_be_kept_is_kept_as_soon_as_there_is_room():
    kept = Kept()
    days = StrategyDays(kept)
    days.losses({}, at(9))
    kept.full = True
    assert days.losses({"tilt": -5.0}, at(9)) == {"tilt": 5.0}
    assert kept.days == {DAY: {"": 0.0}}
    kept.full = False
    days.losses({"tilt": -6.0}, at(9))
    assert kept.days == {DAY: {"": 0.0, "tilt": 0.0}}


def test_a_clock_that_is_set_back_brings_no_day_back():
    days = StrategyDays()
    days.losses({"tilt": 50.0}, at(24))
    assert days.losses({"tilt": 20.0}, at(23)) == {"tilt": 30.0}
