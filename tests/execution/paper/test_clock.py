"""Venues that share a clock play the same instant."""

import pytest

from nautilus_lab.execution.paper import ReplayClock

DAY = "2020-01-02"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "replay.json"


@pytest.fixture
def now(monkeypatch):
    """The machine's clock, which goes on when it is told to."""

    class Now:
        seconds = 1_000.0

    monkeypatch.setattr("nautilus_lab.execution.paper._clock.time.monotonic", lambda: Now.seconds)
    return Now


def test_the_first_venue_goes_on_where_it_was(path, now):
    assert ReplayClock(path).join(DAY, "2020-01-05 3 80") == ("2020-01-05 3 80", 0.0)


def test_a_venue_that_comes_beside_another_plays_what_that_plays(path, now):
    ReplayClock(path).mark(DAY, "2020-01-05 9 80", now.seconds)
    now.seconds += 2.5
    assert ReplayClock(path).join(DAY, "2020-01-02 0 80") == ("2020-01-05 9 80", 2.5)


def test_the_market_stood_still_while_no_venue_lived(path, now):
    ReplayClock(path).mark(DAY, "2020-01-05 9 80", now.seconds)
    now.seconds += 3_600
    assert ReplayClock(path).join(DAY, "2020-01-05 7 80") == ("2020-01-05 9 80", 0.0)
    now.seconds += 1
    # ... and goes on from the moment the first came back.
    assert ReplayClock(path).join(DAY, "2020-01-05 7 80") == ("2020-01-05 9 80", 1.0)


def test_a_machine_that_started_anew_begins_to_count_anew(path, now):
    ReplayClock(path).mark(DAY, "2020-01-05 9 80", now.seconds)
    now.seconds = 5.0
    assert ReplayClock(path).join(DAY, "2020-01-05 7 80") == ("2020-01-05 9 80", 0.0)


def test_a_replay_from_another_date_has_no_use_for_the_mark(path, now):
    ReplayClock(path).mark(DAY, "2020-01-05 9 80", now.seconds)
    assert ReplayClock(path).join("2019-06-03", "2019-06-03 0 80") == ("2019-06-03 0 80", 0.0)


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"begun": 3}', b"\x00" * 5_000])
def test_a_mark_that_was_cut_short_is_none(path, now, rubbish):
    path.write_bytes(rubbish)
    assert ReplayClock(path).join(DAY, "2020-01-05 7 80") == ("2020-01-05 7 80", 0.0)


def test_only_its_owner_can_move_the_clock(path):
    ReplayClock(path).join(DAY, "2020-01-05 7 80")
    assert path.stat().st_mode & 0o777 == 0o600
