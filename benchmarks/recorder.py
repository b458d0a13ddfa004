"""What the flight recorder costs the node that tells it of a quote, and how much it writes."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path

from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.platform.recording import FlightRecorder, Recording
from nautilus_lab.trading.node._tap import Tap

ROUNDS = 7
QUOTES = 50_000
CALL_US = 2.0
ROWS_PER_S = 50_000
REBUILD_S = 1.0
SECOND = 1_000_000_000
BEGIN = 1_772_461_800 * SECOND


def quotes(count: int) -> list[QuoteTick]:
    names = [InstrumentId.from_str(f"S{n:02d}.PAPER") for n in range(20)]
    size = Quantity.from_int(100)
    return [
        QuoteTick(
            names[n % 20],
            Price(100 + n % 7, 2),
            Price(100.02 + n % 7, 2),
            size,
            size,
            BEGIN + n * 1_000_000,
            BEGIN + n * 1_000_000,
        )
        for n in range(count)
    ]


def call_us(ticks: list[QuoteTick], folder: Path) -> tuple[float, float]:
    """Microseconds a call takes that does nothing, and one that records; the thread at work."""
    nothing, recorded = [], []
    with FlightRecorder(folder, trader="B-1", most_pending=10 * QUOTES, flush_s=0.05) as recorder:
        tap = Tap(recorder)
        for _ in range(ROUNDS):
            for found, call in ((nothing, int), (recorded, tap.on_quote)):
                argument = [0] * len(ticks) if call is int else ticks
                begun = time.perf_counter()
                for one in argument:
                    call(one)
                found.append((time.perf_counter() - begun) / len(ticks) * 1e6)
            recorder.flush(timeout_s=30)
        assert recorder.figures.recorded == ROUNDS * len(ticks), recorder.figures
    return min(nothing), min(recorded)


def written_per_s(ticks: list[QuoteTick], folder: Path) -> float:
    """Rows a second from the queue into files."""
    best = 0.0
    for number in range(ROUNDS):
        recorder = FlightRecorder(folder / str(number), trader="B-1", most_pending=10 * QUOTES)
        tap = Tap(recorder)
        for tick in ticks:
            tap.on_quote(tick)
        begun = time.perf_counter()
        recorder.start()
        recorder.flush(timeout_s=60)
        best = max(best, len(ticks) / (time.perf_counter() - begun))
        recorder.stop()
        assert Recording(folder / str(number)).table("quotes").num_rows == len(ticks)
    return best


def rebuild_s(folder: Path) -> float:
    """Seconds to find the state at an instant of a recording of QUOTES * ROUNDS rows."""
    found = []
    for _ in range(3):
        begun = time.perf_counter()
        moment = Recording(folder).at(BEGIN + QUOTES // 2 * 1_000_000)
        found.append(time.perf_counter() - begun)
        assert len(moment.snapshot.states) == 20
    return min(found)


def rows() -> list[dict]:
    ticks = quotes(QUOTES)
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="nl-") as folder:
        nothing, recorded = call_us(ticks, Path(folder) / "calls")
        rebuilt = rebuild_s(Path(folder) / "calls")
        written = written_per_s(ticks, Path(folder) / "rows")
    cost = round(recorded - nothing, 3)
    return [
        {
            "id": "02-recorder-call",
            "target": CALL_US,
            "measured": cost,
            "unit": "us",
            "met": cost <= CALL_US,
            "how": f"best of {ROUNDS} rounds of {QUOTES} quotes handed to the recorder from the "
            "bus, while its thread writes, less as many calls that do nothing; every row is "
            "counted in the files",
        },
        {
            "id": "02-recorder-rows",
            "target": float(ROWS_PER_S),
            "measured": round(written, 0),
            "unit": "rows/s",
            "met": written >= ROWS_PER_S,
            "how": f"best of {ROUNDS}: {QUOTES} waiting quotes made rows and written by the "
            "recorder's thread, until they can be read",
        },
        {
            "id": "02-recorder-rebuild",
            "target": REBUILD_S,
            "measured": round(rebuilt, 3),
            "unit": "s",
            "met": rebuilt <= REBUILD_S,
            "how": f"best of 3: the state at an instant of a recording of {QUOTES * ROUNDS} quotes",
        },
    ]
