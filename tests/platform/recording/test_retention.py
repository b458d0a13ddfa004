"""How much of the past is kept."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.recording import FlightRecorder, Retention

TODAY = date(2026, 3, 31)


@pytest.fixture
def days(tmp_path):
    for back in range(40):
        day = tmp_path / (TODAY - timedelta(days=back)).isoformat()
        day.mkdir()
        (day / "quotes-x-000001.parquet").write_bytes(b"x" * 1024)
    return tmp_path


def kept(folder):
    return sorted(path.name for path in folder.iterdir())


def test_days_that_are_too_old_go_away(days):
    gone = Retention(days=10).apply(days, TODAY)
    assert len(gone) == 29
    assert kept(days)[0] == "2026-03-21"
    assert len(kept(days)) == 11  # ten, and today


def test_days_go_away_until_there_is_room_but_never_today(days):
    Retention(days=30, gib=5 * 1024 / 2**30).apply(days, TODAY)
    assert kept(days) == [(TODAY - timedelta(days=n)).isoformat() for n in range(4, -1, -1)]
    Retention(gib=1 / 2**30).apply(days, TODAY)
    assert kept(days) == [TODAY.isoformat()]


def test_what_is_no_day_is_left_alone(days):
    (days / "notes.txt").write_text("mine")
    (days / "2026-02-30").mkdir()
    Retention(days=1).apply(days, TODAY)
    assert {"notes.txt", "2026-02-30"} <= set(kept(days))


@pytest.mark.parametrize("settings", [{"days": 0}, {"gib": 0}, {"gib": -1}, {"gib": float("nan")}])
def test_a_retention_of_nothing_is_refused(settings):
    with pytest.raises(InputError, match="kept for a day"):
        Retention(**settings)


def test_a_recorder_removes_what_is_too_old_when_it_starts_and_when_it_rotates(tmp_path):
    folder = tmp_path / "recording"
    old = folder / (datetime.now(UTC).date() - timedelta(days=5)).isoformat()
    old.mkdir(parents=True, mode=0o700)
    os.chmod(folder, 0o700)
    (old / "quotes-20260101T000000000000-000001.parquet").write_bytes(b"x")
    with FlightRecorder(folder, trader="T-1", retention=Retention(days=2)) as recorder:
        recorder.flush()
        assert not old.exists()
