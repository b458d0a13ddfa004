"""Loop lag, resources, and a log line that cannot flood."""

import asyncio
import logging
import time

import psutil
import pytest

from nautilus_lab.exceptions import InputError, LifecycleError
from nautilus_lab.platform.telemetry import LimitedLog, LoopLag, resource_use

# --- loop lag -----------------------------------------------------------------------------


async def test_a_loop_that_was_blocked_shows_by_how_much():
    lag = LoopLag(every_s=0.01)
    lag.start()
    try:
        await asyncio.sleep(0.03)
        time.sleep(0.2)
        await asyncio.sleep(0.03)
        assert lag.lag_ms >= 180
    finally:
        lag.stop()


async def test_a_loop_that_is_stuck_shows_it_before_it_moves():
    lag = LoopLag(every_s=0.01)
    lag.start()
    try:
        time.sleep(0.2)
        seen = lag.lag_ms  # the loop has not turned since
        assert seen >= 180
    finally:
        lag.stop()


async def test_a_lag_is_forgotten_when_its_window_has_passed():
    lag = LoopLag(every_s=0.01, window_s=0.05)  # five appointments
    lag.start()
    try:
        time.sleep(1.0)
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while lag.lag_ms >= 900:
                await asyncio.sleep(0.01)
    finally:
        lag.stop()


async def test_nothing_was_late_before_the_start_and_nothing_is_after_the_stop():
    lag = LoopLag()
    assert lag.lag_ms == 0
    lag.start()
    lag.stop()
    lag.stop()
    await asyncio.sleep(0.15)
    assert lag.lag_ms == 0
    lag.start()  # again
    lag.stop()


async def test_a_loop_is_measured_once():
    lag = LoopLag()
    lag.start()
    try:
        with pytest.raises(LifecycleError, match="once"):
            lag.start()
    finally:
        lag.stop()


def test_without_a_loop_there_is_nothing_to_measure():
    with pytest.raises(LifecycleError, match="loop must run"):
        LoopLag().start()


@pytest.mark.parametrize(
    ("every_s", "window_s"), [(0, 1), (-1, 1), (2, 1), (float("nan"), 1), (1, float("nan"))]
)
def test_appointments_must_fit_into_the_window(every_s, window_s):
    with pytest.raises(InputError, match="every_s"):
        LoopLag(every_s=every_s, window_s=window_s)


# --- resources ----------------------------------------------------------------------------


def test_resources_are_those_psutil_reports():
    process = psutil.Process()
    for _ in range(100):
        before, used, after = process.num_threads(), resource_use(), process.num_threads()
        if before == after:  # else a thread of a test before this one ended just now
            break
    assert used.rss_mib == pytest.approx(process.memory_info().rss / 2**20, rel=0.2)
    assert used.cpu_s == pytest.approx(sum(process.cpu_times()[:2]), abs=1)
    assert used.threads == after
    assert used.open_files == pytest.approx(process.num_fds(), abs=2)


def test_memory_that_is_used_shows():
    before = resource_use().rss_mib
    block = bytearray(b"\1") * (100 * 2**20)
    assert resource_use().rss_mib >= before + 90
    del block


# --- a log that cannot flood --------------------------------------------------------------


def test_troubles_in_a_row_are_told_once_and_counted(caplog):
    log = LimitedLog(logging.getLogger("tests.limited"), every_s=3_600)
    for number in range(100):
        log.warning("trouble %d", number)
    assert [record.getMessage() for record in caplog.records] == ["trouble 0"]
    assert log.total == 100


def test_what_was_left_out_is_told_with_the_next(caplog, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    log = LimitedLog(logging.getLogger("tests.limited"), every_s=10)
    for number in range(4):
        log.warning("trouble %d", number)
    now[0] = 10.0
    log.warning("trouble %d", 4)
    now[0] = 20.0
    log.warning("trouble %d", 5)
    assert [record.getMessage() for record in caplog.records] == [
        "trouble 0",
        "trouble 4 (3 more since the last such line)",
        "trouble 5",
    ]
