"""Nodes that stop beating are noticed once, and once when they are back."""

import os
import shutil

import pytest

from nautilus_lab.monitoring._heartbeats import Heartbeats
from nautilus_lab.platform.rundir import ProcessRecord


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hearts(home, clock):
    return Heartbeats(home, late_s=3.0, now_s=clock)


@pytest.fixture
def beat(home):
    return home.trader("T-1").make().heartbeat


def passes(hearts, clock, seconds):
    """Let time pass, looking twice a second; returns what was heard."""
    found = []
    for _ in range(round(seconds * 2)):
        clock.now += 0.5
        found += [(one.trader, one.level) for one in hearts.look()]
    return found


def beats(beat, n):
    os.utime(beat.path, ns=(n, n))


def test_a_node_that_stops_beating_is_told_once_and_once_when_it_is_back(hearts, clock, beat):
    beat.begin(1.0)
    assert passes(hearts, clock, 3.0) == []
    assert passes(hearts, clock, 20.0) == [("T-1", "breach")]
    beats(beat, 7)
    assert passes(hearts, clock, 3.0) == [("T-1", "ok")]
    assert passes(hearts, clock, 1.0) == [("T-1", "breach")]


def test_a_node_that_beats_is_not_late_whatever_the_time_of_its_file(hearts, clock, beat):
    beat.begin(1.0)
    for n in (9, 8, 10**18, 1):
        beats(beat, n)
        assert passes(hearts, clock, 2.0) == []


def test_three_of_its_own_beats_are_waited_for(hearts, clock, beat):
    beat.begin(5.0)
    assert passes(hearts, clock, 15.0) == []
    assert passes(hearts, clock, 1.5) == [("T-1", "breach")]


def test_a_node_that_was_stopped_is_not_late(hearts, clock, beat):
    beat.begin(1.0)
    passes(hearts, clock, 2.0)
    beat.end()
    assert passes(hearts, clock, 20.0) == []


def test_a_late_one_that_is_stopped_is_over(hearts, clock, beat):
    beat.begin(1.0)
    assert passes(hearts, clock, 20.0) == [("T-1", "breach")]
    beat.end()
    assert passes(hearts, clock, 1.0) == [("T-1", "ok")]


def test_who_did_not_look_does_not_say_that_nothing_was_to_be_seen(hearts, clock, beat):
    beat.begin(1.0)
    passes(hearts, clock, 2.0)
    clock.now += 3_600  # this process was stopped, or the machine slept
    assert passes(hearts, clock, 1.0) == []
    assert passes(hearts, clock, 2.0) == [("T-1", "breach")]


def test_what_an_earlier_monitor_told_is_not_told_again(home, clock, beat):
    beat.begin(1.0)
    hearts = Heartbeats(home, late_s=3.0, late=("T-1",), now_s=clock)
    assert passes(hearts, clock, 20.0) == []
    beats(beat, 7)
    assert passes(hearts, clock, 1.0) == [("T-1", "ok")]


def test_a_heartbeat_that_cannot_be_read_is_none(hearts, clock, beat):
    beat.path.write_bytes(b"not a record")
    assert passes(hearts, clock, 20.0) == [("T-1", "breach")]


def test_the_heartbeat_in_a_copied_folder_is_not_of_here(home, clock, beat):
    beat.begin(1.0)
    shutil.copytree(home.trader("T-1").path, home.trader("T-2").path)
    hearts = Heartbeats(home, late_s=3.0, now_s=clock)
    assert passes(hearts, clock, 20.0) == [("T-1", "breach")]


def test_a_supervisor_that_is_gone_is_told_once_and_one_that_left_in_order_is_not(
    home, hearts, clock
):
    ProcessRecord.of_this_process("supervisor").write(home.supervisor)
    assert passes(hearts, clock, 5.0) == []
    ProcessRecord(name="supervisor", pid=2**31 - 1, started=1.0).write(home.supervisor)
    assert passes(hearts, clock, 5.0) == [("", "breach")]
    ProcessRecord.of_this_process("supervisor").write(home.supervisor)
    assert passes(hearts, clock, 5.0) == [("", "ok")]
    home.supervisor.unlink()
    assert passes(hearts, clock, 5.0) == []


def test_a_beat_makes_its_file_anew_when_somebody_removed_it(beat):
    beat.begin(2.0)
    beat.path.unlink()
    assert beat.last() is None
    beat.beat(2.0)
    assert beat.last()[1] == 2.0
    assert beat.path.stat().st_mode & 0o077 == 0


def test_a_beat_that_cannot_be_written_ends_nobody(home, caplog):
    home.trader("T-9").heartbeat.beat(1.0)  # its folder is not there
    assert "heartbeat cannot be written" in caplog.text
