"""Writing a recording: nobody is held up, nothing is lost without a word."""

import contextlib
import errno
import math
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime

import msgspec
import pyarrow.parquet as pq
import pytest

from nautilus_lab.engine import State
from nautilus_lab.exceptions import InputError, LifecycleError, StoreError
from nautilus_lab.platform.messages import BarUpdated, QuoteUpdated, decode
from nautilus_lab.platform.recording import FlightRecorder, Recording, Retention
from nautilus_lab.platform.recording import _recorder as recorder_module
from nautilus_lab.platform.recording import _segment as segment_module

SECOND = 1_000_000_000


def files(folder, ending):
    return sorted(folder.glob(f"*/*{ending}"))


def quote(recorder, n, *, bid=101.0):
    recorder.quote("AAPL.PAPER", bid, 101.1, 100.0, 200.0, ts=n * SECOND, source_ts=n)


def seconds(table):
    return [ts // SECOND for ts in table["ts"].cast("int64").to_pylist()]


def fill(path):
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        tick.wait(0.01)


def test_quotes_trades_bars_and_decisions_come_back_as_they_were_told(folder, teller):
    with FlightRecorder(folder, trader="T-1", simulated=True) as recorder:
        quote(recorder, 1)
        recorder.trade("AAPL.PAPER", 101.05, 7.0, "BUYER", "V-1", ts=2 * SECOND)
        recorder.bar("AAPL.PAPER", "1-MINUTE-MID", 1.0, 4.0, 0.5, 2.0, 9.0, ts=3 * SECOND)
        order = teller.order("O-1", "SUBMITTED", 4 * SECOND)
        recorder.envelope(order)
        recorder.decision("gate.checked", {"limit": "max_order_notional"}, ts=5 * SECOND)
    seen = list(Recording(folder).between(0, 10 * SECOND))
    assert [(row.table, row.ts // SECOND) for row in seen] == [
        ("quotes", 1),
        ("trades", 2),
        ("bars", 3),
        ("decisions", 4),
        ("decisions", 5),
    ]
    assert seen[0].values == {
        "source_ts": 1,
        "instrument": "AAPL.PAPER",
        "bid": 101.0,
        "ask": 101.1,
        "bid_size": 100.0,
        "ask_size": 200.0,
    }
    assert seen[1].values["trade_id"] == "V-1"
    assert [seen[2].values[name] for name in ("open", "high", "low", "close")] == [1, 4, 0.5, 2]
    assert msgspec.msgpack.decode(seen[4].values["data"]) == {"limit": "max_order_notional"}
    assert decode(seen[3].values["data"]) == order


def test_a_quote_or_a_bar_that_is_told_is_not_recorded_twice(folder, teller):
    told = [
        QuoteUpdated(instrument="AAPL.PAPER", bid=1.0, ask=2.0),
        BarUpdated(instrument="A", spec="s", open=1, high=1, low=1, close=1, volume=1),
    ]
    with FlightRecorder(folder, trader="T-1") as recorder:
        for body in told:
            recorder.envelope(teller.state(body, "market.x", SECOND))
    assert recorder.figures.recorded == 0


def test_files_and_folders_are_their_owners_alone(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        quote(recorder, 1)
    (day,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(day.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in day.iterdir()} == {0o600}


def test_a_folder_of_everybody_is_refused_and_the_recorder_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    recorder = FlightRecorder(tmp_path / "file", trader="T-1")
    with pytest.raises(StoreError):
        recorder.start()
    assert recorder.health().state is State.FAULTED


@pytest.mark.parametrize(
    "settings",
    [{"flush_s": 0}, {"flush_s": math.nan}, {"rotate_s": -1}, {"rotate_mib": math.inf}],
)
def test_settings_out_of_bounds_are_refused(folder, settings):
    with pytest.raises(InputError, match="must be positive"):
        FlightRecorder(folder, trader="T-1", **settings)


def test_a_recorder_starts_once_and_stops_as_often_as_one_likes(folder):
    recorder = FlightRecorder(folder, trader="T-1")
    recorder.stop()
    recorder.start()
    with pytest.raises(LifecycleError):
        recorder.start()
    recorder.stop()
    recorder.stop()
    assert recorder.health().state is State.STOPPED


def test_what_is_flushed_is_read_while_the_recorder_still_writes(folder):
    with FlightRecorder(folder, trader="T-1", flush_s=60) as recorder:
        for n in range(1, 11):
            quote(recorder, n)
        assert recorder.flush()
        assert Recording(folder).table("quotes").num_rows == 10
        assert files(folder, ".arrows")
        quote(recorder, 11)
    assert Recording(folder).table("quotes").num_rows == 11
    assert not files(folder, ".arrows")


def test_a_file_that_is_large_enough_is_sealed_and_the_order_goes_on(folder):
    with FlightRecorder(folder, trader="T-1", rotate_mib=0.001) as recorder:
        for part in range(3):
            for n in range(100):
                quote(recorder, part * 100 + n)
            assert recorder.flush()
    assert len(files(folder, ".parquet")) >= 6  # three of quotes, three of marks
    table = Recording(folder).table("quotes")
    assert seconds(table) == list(range(300))
    numbers = table["n"].to_pylist()
    assert numbers == sorted(set(numbers))


def test_a_file_is_sealed_at_midnight(folder, monkeypatch):
    days = [datetime(2026, 3, 2, 23, 59, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return days[-1]

    monkeypatch.setattr(recorder_module, "datetime", Clock)
    with FlightRecorder(folder, trader="T-1") as recorder:
        quote(recorder, 1)
        recorder.flush()
        days.append(datetime(2026, 3, 3, 0, 1, tzinfo=UTC))
        recorder.flush()
        quote(recorder, 2)
    assert {path.parent.name for path in files(folder, ".parquet")} == {"2026-03-02", "2026-03-03"}
    assert Recording(folder).table("quotes").num_rows == 2


def test_a_flood_is_dropped_counted_and_told_of_and_holds_nobody_up(folder):
    recorder = FlightRecorder(folder, trader="T-1", most_pending=1_000)
    begun = time.perf_counter()
    for n in range(50_000):
        quote(recorder, n + 1)
    assert time.perf_counter() - begun < 2.0
    with recorder:
        assert recorder.flush()
    assert (recorder.figures.recorded, recorder.figures.dropped) == (1_000, 49_000)
    (gap,) = Recording(folder).coverage().gaps
    assert (gap.rows, gap.begin_ns) == (49_000, 1_001 * SECOND)
    assert gap.why == "more came than could be kept"


def test_many_threads_tell_and_every_row_has_a_place_of_its_own(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        threads = [
            threading.Thread(target=lambda: [quote(recorder, n) for n in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    numbers = Recording(folder).table("quotes")["n"].to_pylist()
    assert len(set(numbers)) == len(numbers) == 2_000


def test_a_row_that_is_of_no_type_is_dropped_alone(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        quote(recorder, 1)
        recorder.quote("AAPL.PAPER", "much", 101.1, 100.0, 200.0, ts=2 * SECOND)
        quote(recorder, 3, bid=math.nan)
    assert (recorder.figures.recorded, recorder.figures.dropped) == (2, 1)
    assert sum(gap.rows for gap in Recording(folder).coverage().gaps) == 1


def test_facts_that_are_no_plain_values_are_refused_where_they_are_told(folder):
    recorder = FlightRecorder(folder, trader="T-1")
    with recorder, pytest.raises(InputError, match="plain values"):
        recorder.decision("gate.checked", {"order": object()})
    assert recorder.figures.recorded == 0


def test_a_failing_write_degrades_and_what_waited_is_written_when_it_works_again(
    folder, monkeypatch
):
    """The disk is full for a while: rows wait, in order, and none is written twice."""
    full = threading.Event()
    whole = segment_module.Segment.append

    def append(self, batch):
        if full.is_set():
            os.write(self._file.fileno(), b"half a batch")  # as a disk does that fills up
            self._file.truncate(self.bytes)
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(self, batch)

    monkeypatch.setattr(segment_module.Segment, "append", append)
    with FlightRecorder(folder, trader="T-1", flush_s=0.01) as recorder:
        quote(recorder, 1)
        recorder.flush()
        full.set()
        quote(recorder, 2)
        until(lambda: recorder.health().state is State.DEGRADED)
        assert "No space left" in recorder.health().detail
        quote(recorder, 3)
        assert recorder.flush()
        full.clear()
        until(lambda: recorder.health().state is State.RUNNING)
    assert seconds(Recording(folder).table("quotes")) == [1, 2, 3]
    assert recorder.figures.dropped == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_full_loses_no_row_that_had_room_to_wait(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk])
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        with FlightRecorder(disk / "recording", trader="T-1", flush_s=0.01) as recorder:
            for n in range(2_000):
                quote(recorder, n)
            recorder.flush()
            blocker = disk / "blocker"
            fill(blocker)
            for n in range(2_000, 6_000):
                quote(recorder, n)
            until(lambda: recorder.health().state is State.DEGRADED)
            blocker.unlink()
            subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
            until(lambda: recorder.health().state is State.RUNNING)
            assert recorder.flush()
        assert seconds(Recording(disk / "recording").table("quotes")) == list(range(6_000))
        assert recorder.figures.dropped == 0
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_is_moved_away_is_not_made_again(folder):
    with FlightRecorder(folder, trader="T-1", flush_s=0.01, rotate_s=0.02) as recorder:
        quote(recorder, 1)
        assert recorder.flush()
        folder.rename(folder.with_name("moved"))
        until(lambda: quote(recorder, 2) or recorder.health().state is State.DEGRADED)
        quote(recorder, 3)
        recorder.flush()
    assert not folder.exists()


def test_an_error_that_nobody_expected_degrades_and_goes_on(folder, monkeypatch):
    broken = threading.Event()
    broken.set()
    whole = recorder_module.FlightRecorder._take

    def take(self):
        if broken.is_set():
            raise ZeroDivisionError
        whole(self)

    monkeypatch.setattr(recorder_module.FlightRecorder, "_take", take)
    with FlightRecorder(folder, trader="T-1", flush_s=0.01) as recorder:
        quote(recorder, 1)
        until(lambda: recorder.health().state is State.DEGRADED)
        broken.clear()
        until(lambda: recorder.health().state is State.RUNNING)
    assert Recording(folder).table("quotes").num_rows == 1


KILLED = """
    import os, sys, time
    from pathlib import Path
    from nautilus_lab.platform.recording import FlightRecorder

    recorder = FlightRecorder(Path(sys.argv[1]), trader="T-1", flush_s=0.005, epoch=1)
    recorder.start()
    n = 0
    while True:
        for _ in range(50):
            n += 1
            recorder.quote("AAPL.PAPER", 101.0, 101.1, 1.0, 1.0, ts=n * 1_000_000_000)
        print(recorder.figures.recorded, flush=True)
        time.sleep(0.001)
"""


@pytest.mark.processes
@pytest.mark.parametrize("rows", [200, 2_000, 20_000])
def test_a_killed_process_leaves_all_that_was_flushed_and_the_next_one_seals_it(folder, rows):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        recorded = 0
        while recorded < rows:
            recorded = int(process.stdout.readline())
        process.kill()
        process.stdout.read()
    times = seconds(Recording(folder).table("quotes"))
    assert times == list(range(1, len(times) + 1))
    assert len(times) >= recorded
    with FlightRecorder(folder, trader="T-1", epoch=2) as recorder:
        quote(recorder, 10**6)
    assert not files(folder, ".arrows")
    recording = Recording(folder)
    assert recording.table("quotes").num_rows == len(times) + 1
    assert recording.coverage().sessions == 2
    assert recording.coverage().gaps[0].why == "the node was killed, and none ran"


@pytest.mark.parametrize("cut", [1, 7, 100, 400])
def test_a_stream_that_was_cut_off_is_read_up_to_its_last_whole_batch(folder, cut):
    recorder = FlightRecorder(folder, trader="T-1", flush_s=60)
    recorder.start()
    for n in range(1, 4):
        quote(recorder, n)
        assert recorder.flush()
    (stream,) = folder.glob("*/quotes-*.arrows")
    copy = folder.parent / "copy" / stream.parent.name / stream.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(stream.read_bytes()[:-cut])
    recorder.stop()
    assert Recording(copy.parent.parent).table("quotes").num_rows == 2
    with FlightRecorder(copy.parent.parent, trader="T-1"):
        pass
    gap = next(g for g in Recording(copy.parent.parent).coverage().gaps if "bytes" in g.why)
    assert gap.begin_ns == 2 * SECOND
    assert list(copy.parent.glob("*.torn"))


def test_a_stream_of_which_nothing_can_be_read_is_set_aside_and_told_of(folder):
    day = folder / "2026-03-02"
    day.mkdir(parents=True, mode=0o700)
    (day / "quotes-20260302T000000000000-000001.arrows").write_bytes(b"\0" * 100)
    with FlightRecorder(folder, trader="T-1", retention=Retention(days=100_000)) as recorder:
        quote(recorder, 1)
    assert [path.suffix for path in day.iterdir()] == [".torn"]
    assert any("100 bytes" in gap.why for gap in Recording(folder).coverage().gaps)


def test_a_process_that_died_while_it_sealed_leaves_neither_half_nor_double(folder):
    with FlightRecorder(folder, trader="T-1", flush_s=60) as recorder:
        quote(recorder, 1)
        recorder.flush()
        (stream,) = folder.glob("*/quotes-*.arrows")
        kept = stream.read_bytes()
    stream.write_bytes(kept)  # sealed, and not yet removed
    stream.with_suffix(".draft").write_bytes(b"half")
    assert Recording(folder).table("quotes").num_rows == 1
    with FlightRecorder(folder, trader="T-1"):
        pass
    assert Recording(folder).table("quotes").num_rows == 1
    assert not files(folder, ".arrows")
    assert not files(folder, ".draft")


def test_sealed_files_are_plain_parquet_that_says_who_wrote_it(folder):
    with FlightRecorder(folder, trader="T-1", epoch=7, simulated=True) as recorder:
        quote(recorder, 1)
    (path,) = folder.glob("*/quotes-*.parquet")
    kept = pq.ParquetFile(path).metadata.metadata
    assert (kept[b"trader"], kept[b"epoch"], kept[b"simulated"]) == (b"T-1", b"7", b"true")
