"""The stop-loss believes a loss it sees several times, and a restart is no new day."""

import datetime
import math
from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate import DayStart, StopLoss
from nautilus_lab.risk.limits import DailyLoss

NOON = int(datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC).timestamp()) * 10**9
DAY = 86_400 * 10**9


@pytest.fixture
def path(tmp_path):
    return tmp_path / "day.json"


def looks(stop, equities, at=NOON):
    """What a stop-loss says of equities seen one after the other."""
    return [stop.observe(equity, at) for equity in equities]


def test_a_loss_on_the_limit_is_none_however_often():
    stop = StopLoss(DailyLoss(max_loss=1_000))
    assert looks(stop, [10_000.0] + [9_000.0] * 9) == [""] * 10


def test_a_loss_over_the_limit_ends_trading_at_the_third_look():
    stop = StopLoss(DailyLoss(max_loss=1_000))
    said = looks(stop, [10_000.0, 8_999.0, 8_999.0, 8_998.5])
    assert said[:3] == [""] * 3
    assert said[3] == "MAX_DAILY_LOSS: 1001.50 is over the limit of 1000.00"


def test_one_bad_tick_is_not_believed():
    stop = StopLoss(DailyLoss(max_loss=1_000), confirmations=2)
    assert looks(stop, [10_000.0, 1.0, 10_000.0, 1.0, 10_000.0]) == [""] * 5


def test_an_equity_that_is_not_known_neither_confirms_nor_clears_a_loss():
    stop = StopLoss(DailyLoss(max_loss=1_000), confirmations=2)
    said = looks(stop, [10_000.0, 5_000.0, math.nan, math.inf, -math.inf, 5_000.0])
    assert said[:5] == [""] * 5
    assert said[5].startswith("MAX_DAILY_LOSS")


def test_it_says_so_again_after_as_many_looks():
    stop = StopLoss(DailyLoss(max_loss=1_000), confirmations=2)
    said = looks(stop, [10_000.0] + [5_000.0] * 4)
    assert [bool(one) for one in said] == [False, False, True, False, True]


def test_a_fraction_is_of_what_the_day_began_with():
    stop = StopLoss(DailyLoss(max_fraction=0.1), confirmations=1)
    assert looks(stop, [10_000.0, 9_000.0]) == ["", ""]
    assert stop.observe(8_999.99, NOON).startswith("MAX_DAILY_LOSS: 1000.01")


def test_a_new_day_counts_from_its_first_equity():
    stop = StopLoss(DailyLoss(max_loss=1_000), confirmations=1)
    looks(stop, [10_000.0, 9_500.0])
    assert stop.observe(9_000.0, NOON + DAY) == ""
    assert stop.day_start == 9_000.0
    assert stop.observe(8_100.0, NOON + DAY) == ""
    assert stop.observe(7_999.0, NOON + DAY) != ""


def test_a_clock_that_is_set_back_does_not_bring_a_new_beginning():
    stop = StopLoss(DailyLoss(max_loss=1_000), confirmations=1)
    looks(stop, [10_000.0])
    assert stop.observe(8_000.0, NOON - 2 * DAY) != ""
    assert stop.day_start == 10_000.0


def test_a_restart_is_no_new_day(path):
    looks(StopLoss(DailyLoss(max_loss=1_000), path=path), [10_000.0])
    again = StopLoss(DailyLoss(max_loss=1_000), path=path, confirmations=1)
    assert again.day_start == 10_000.0
    assert again.observe(8_900.0, NOON) != ""


def test_a_restart_on_another_day_is_one(path):
    looks(StopLoss(DailyLoss(max_loss=1_000), path=path), [10_000.0])
    again = StopLoss(DailyLoss(max_loss=1_000), path=path, confirmations=1)
    assert again.observe(8_900.0, NOON + DAY) == ""
    assert again.day_start == 8_900.0


def test_a_person_may_accept_the_loss_so_far(path):
    stop = StopLoss(DailyLoss(max_loss=1_000), path=path, confirmations=1)
    looks(stop, [10_000.0])
    stop.begin(8_000.0)
    assert stop.observe(7_500.0, NOON) == ""
    assert StopLoss(DailyLoss(max_loss=1_000), path=path).day_start == 8_000.0


def test_a_person_also_ends_the_day_of_a_clock_that_was_ahead(path):
    stop = StopLoss(DailyLoss(max_loss=1_000), path=path, confirmations=1)
    looks(stop, [10_000.0])
    assert stop.observe(9_900.0, NOON + 30 * DAY) == ""  # the clock is ahead
    assert stop.observe(8_800.0, NOON) != ""  # and back: the days between bring no beginning
    stop.begin(8_800.0)
    assert stop.observe(7_900.0, NOON + DAY) == ""
    assert stop.day_start == 7_900.0


@pytest.mark.parametrize(
    ("day", "equity"),
    [(None, 0), ("2026-03-01", 10_000), ("9999-12-31", 10_000), ("2026-03-02", -5)],
)
def test_a_file_that_was_removed_or_edited_forgets_no_loss(path, day, equity):
    if day is not None:
        path.write_text(f'{{"day":"{day}","equity":"{equity}"}}')
    stored = DayStart(day=datetime.date(2026, 3, 2), equity=Decimal(10_000))
    stop = StopLoss(DailyLoss(max_loss=1_000), path=path, confirmations=1, stored=stored)
    assert (stop.day_start, bool(stop.loosened)) == (10_000.0, day is not None)
    assert stop.observe(8_900.0, NOON) != ""


def test_a_file_that_is_tighter_than_what_was_stored_stays(path):
    path.write_text('{"day":"2026-03-02","equity":"10001"}')
    stored = DayStart(day=datetime.date(2026, 3, 2), equity=Decimal(10_000))
    stop = StopLoss(DailyLoss(max_loss=1_000), path=path, stored=stored)
    assert (stop.day_start, stop.loosened) == (10_001.0, "")


@pytest.mark.parametrize("equity", [math.nan, math.inf])
def test_a_day_does_not_begin_with_an_equity_that_is_not_known(equity):
    with pytest.raises(InputError, match="known equity"):
        StopLoss(DailyLoss(max_loss=1)).begin(equity)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b'{"day":"2026-03-02","equity":"NaN"}',
        b'{"day":"2026-03-02","equity":"1e999"}',
        b'{"day":"2026-03-02","equity":"1","more":1}',
        b'{"day":"yesterday","equity":"1"}',
        b" " * 5_000,
    ],
)
def test_a_beginning_that_cannot_be_believed_is_an_error(path, damage):
    path.write_bytes(damage)
    with pytest.raises(StoreError, match="must be readable"):
        StopLoss(DailyLoss(max_loss=1), path=path)


def test_a_beginning_that_cannot_be_written_is_an_error_and_the_old_one_holds(path, monkeypatch):
    stop = StopLoss(DailyLoss(max_loss=1_000), path=path, confirmations=1)
    looks(stop, [10_000.0])

    def refuse(*args, **kwargs):
        raise StoreError("the disk is full")

    monkeypatch.setattr("nautilus_lab.execution.gate._stop_loss.write_whole", refuse)
    with pytest.raises(StoreError):
        stop.observe(5_000.0, NOON + DAY)
    assert stop.day_start == 10_000.0


def test_the_file_is_its_owners_alone_and_exact(path):
    looks(StopLoss(DailyLoss(max_loss=1_000), path=path), [10_000.123456])
    assert path.stat().st_mode & 0o777 == 0o600
    assert StopLoss(DailyLoss(max_loss=1_000), path=path).day_start == float(
        Decimal("10000.123456")
    )


def test_confirmations_are_at_least_one():
    with pytest.raises(InputError):
        StopLoss(DailyLoss(max_loss=1), confirmations=0)
