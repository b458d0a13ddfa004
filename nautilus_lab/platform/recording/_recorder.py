"""Writing down what a node sees, beside its loop."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import msgspec
import pyarrow as pa

from nautilus_lab.engine import Health, Lifecycle, State
from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.messages import BarUpdated, Envelope, QuoteUpdated, Snapshot
from nautilus_lab.platform.recording._keeper import PresentKeeper
from nautilus_lab.platform.recording._marks import BEGUN, ENDED, HOLE, PRESENT, Hole
from nautilus_lab.platform.recording._retention import Retention, days_in
from nautilus_lab.platform.recording._segment import DRAFT, OPEN, UNREADABLE, Segment, seal
from nautilus_lab.platform.recording._tables import (
    BARS,
    DECISIONS,
    MARKS,
    QUOTES,
    TABLES,
    TRADES,
    VERSION,
    RecordTable,
)
from nautilus_lab.platform.rundir import private_folder
from nautilus_lab.platform.telemetry import LimitedLog

_log = logging.getLogger(__name__)

# So many rows are made a batch at once; then the thread sleeps for an instant, so that the loop
# need not wait for the interpreter until it is taken away from the thread (5 ms).
_CHUNK = 500
_PAUSE_S = 0.0002
_SEAL_AGAIN_S = 30.0
_MIB = 2**20

_Read: TypeAlias = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class RecorderFigures:
    """How a recorder fares.

    Attributes
    ----------
    recorded : int
        Rows that are in files.
    pending : int
        Rows that wait for the next flush.
    dropped : int
        Rows that found no room to wait, or no file; the recording tells of each gap.
    bytes : int
        What was written, before compression.
    """

    recorded: int
    pending: int
    dropped: int
    bytes: int


class FlightRecorder:
    """Records quotes, trades, bars and decisions without ever holding up who tells of them.

    The one rule: telling is appending to a bounded queue; a thread of the recorder's own makes
    files of it. When the queue is full what comes is dropped, counted, and told of in the
    recording itself. Files are whole up to the last flush at any time: the killing of the
    process loses `flush_s` seconds at most, a loss of power what the operating system had not
    written yet of the open files. A disk that is full makes the recorder DEGRADED; it goes on by
    itself when there is room.

    With each new set of files the present is written down, so that `Recording.at` need not read
    from the very beginning. What was before the recording is not known to it: `begin` tells.

    Parameters
    ----------
    folder : Path
        Of the recording; a folder for each day (UTC) is made in it.
    trader, writer : str
        Whose eyes these are: kept in every file.
    epoch : int, default=0
        The writer's epoch.
    simulated : bool, default=False
        Whether what is seen comes from a simulator or a replay.
    retention : Retention, optional
        What is kept; 30 days and 20 GiB when not given.
    flush_s : float, default=1.0
        Seconds between two flushes.
    rotate_s : float, default=3600
        Seconds after which a file is sealed as Parquet; midnight UTC does so, too.
    rotate_mib : float, default=64
        The size at which it is, MiB.
    most_pending : int, default=200_000
        Rows that may wait.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with FlightRecorder(Path(folder) / "recording", trader="T-1") as recorder:
    ...         recorder.quote("AAPL.PAPER", 101.0, 101.1, 100, 200, ts=1_000)
    ...     recorder.figures.recorded
    1
    """

    def __init__(
        self,
        folder: Path,
        *,
        trader: str,
        writer: str = "node",
        epoch: int = 0,
        simulated: bool = False,
        retention: Retention | None = None,
        flush_s: float = 1.0,
        rotate_s: float = 3_600.0,
        rotate_mib: float = 64.0,
        most_pending: int = 200_000,
    ) -> None:
        for name, value in (("flush_s", flush_s), ("rotate_s", rotate_s), ("MiB", rotate_mib)):
            if not 0 < value < float("inf"):
                raise InputError(f"{name} must be positive", value=value)
        if not most_pending >= 1:
            raise InputError("most_pending must be positive", value=most_pending)
        self.folder = folder
        self._about = {
            "version": VERSION,
            "trader": trader,
            "writer": writer,
            "epoch": str(epoch),
            "simulated": "true" if simulated else "false",
        }
        self._retention = retention or Retention()
        self._flush_s = flush_s
        self._rotate_s = rotate_s
        self._rotate_bytes = rotate_mib * _MIB
        self._most = most_pending
        self._life = Lifecycle(owner="flight recorder")
        # (table, its values after n, or what makes them of these); appended to by anybody, taken
        # from by the thread
        self._queue: deque[tuple[RecordTable, tuple[Any, ...], _Read | None]] = deque()
        self._dropped = 0
        self._dropped_since = 0  # the time of the first that was, since it was told of
        self._stop = threading.Event()
        self._wanted = threading.Event()  # somebody waits for a flush
        self._flushed = threading.Condition()
        self._rounds = 0
        self._thread: threading.Thread | None = None
        # what follows is the thread's alone
        self._session = ""
        self._number = 0
        self._index = 0
        self._held: dict[RecordTable, list[tuple[int, tuple[Any, ...]]]] = {}
        self._open: dict[RecordTable, Segment] = {}
        self._opened_at = 0.0
        self._opened_on: date | None = None
        self._keeper = PresentKeeper(trader, simulated=simulated)
        self._knows_all = False  # whether nothing was before that the keeper was not told
        self._present_is_due = False
        self._to_seal: list[Path] = []
        self._seal_after = 0.0
        self._recorded = self._bytes = self._told = 0
        self._trouble = LimitedLog(_log, every_s=60)

    def __repr__(self) -> str:
        figures = self.figures
        return (
            f"FlightRecorder({str(self.folder)!r}, {self._life.state.value}, "
            f"{figures.recorded} recorded, {figures.dropped} dropped)"
        )

    # --- life -----------------------------------------------------------------------------

    def start(self) -> None:
        """Make the folder and begin; what a process that died left open is sealed first.

        Raises
        ------
        StoreError
            When the folder cannot be made, or is not private to its user.
        LifecycleError
            When it runs already.
        """
        self._life.move(State.STARTING)
        try:
            private_folder(self.folder)
        except BaseException:
            self._life.move(State.FAULTED, "its folder cannot be made")
            raise
        self._session = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self._stop.clear()
        self._life.move(State.RUNNING)
        self._thread = threading.Thread(target=self._work, name="flight recorder", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Write what waits, seal the files and end; twice is harmless.

        What takes longer than `timeout_s` seconds goes on in its thread, and is finished by the
        next start if the process ends before.
        """
        if self._thread is None:
            return
        self._stop.set()
        self._wanted.set()
        self._thread.join(timeout_s)
        self._thread = None
        self._life.move(State.STOPPING)
        self._life.move(State.STOPPED)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def health(self) -> Health:
        """Return how it is: DEGRADED while what it is told cannot be written."""
        return self._life.health()

    @property
    def figures(self) -> RecorderFigures:
        """How much was recorded, waits, and was dropped."""
        held = sum(len(rows) for table, rows in tuple(self._held.items()) if table is not MARKS)
        return RecorderFigures(
            recorded=self._recorded,
            pending=len(self._queue) + held,
            dropped=self._dropped,
            bytes=self._bytes,
        )

    def flush(self, *, timeout_s: float = 5.0) -> bool:
        """Wait until what was told before is in a file, or could not be; not for the node's loop.

        Returns
        -------
        bool
            Whether that came about within `timeout_s` seconds.
        """
        with self._flushed:
            # The round that runs now may have passed what was told last; the one after has not.
            wanted = self._rounds + 2
            while self._rounds < wanted and self._thread is not None:
                self._wanted.set()
                if not self._flushed.wait(timeout_s):
                    return False
        return True

    # --- what is told ---------------------------------------------------------------------

    def begin(self, snapshot: Snapshot) -> None:
        """Record the present as the node itself knows it, with what was before this recording.

        To be called once the node has caught up with its venues, and before it answers anybody.
        """
        self._tell(MARKS, (snapshot.ts, PRESENT, snapshot))

    def quote(
        self,
        instrument: str,
        bid: float,
        ask: float,
        bid_size: float,
        ask_size: float,
        ts: int,
        source_ts: int | None = None,
    ) -> None:
        """Record a quote; times in UNIX nanoseconds UTC, prices in quote currency."""
        # Not by way of `_tell`: this is the one that is called most.
        if len(self._queue) >= self._most:
            self._drop(ts)
            return
        seen = (ts, source_ts, instrument, bid, ask, bid_size, ask_size)
        self._queue.append((QUOTES, seen, None))

    def trade(
        self,
        instrument: str,
        price: float,
        size: float,
        side: str,
        trade_id: str,
        ts: int,
        source_ts: int | None = None,
    ) -> None:
        """Record a trade of the market; `side` is the aggressor's."""
        self._tell(TRADES, (ts, source_ts, instrument, price, size, side, trade_id))

    def bar(
        self,
        instrument: str,
        spec: str,
        open_: float,
        high: float,
        low: float,
        close: float,
        volume: float,
        ts: int,
        source_ts: int | None = None,
    ) -> None:
        """Record a bar that has closed; `spec` is Nautilus' bar specification."""
        self._tell(BARS, (ts, source_ts, instrument, spec, open_, high, low, close, volume))

    def later(
        self,
        table: Literal["quotes", "trades", "bars", "decisions"],
        read: Callable[..., tuple[Any, ...]],
        *seen: Any,
    ) -> None:
        """Record a row that is made on the recorder's own thread: the caller pays least.

        Parameters
        ----------
        table : {"quotes", "trades", "bars", "decisions"}
            Of which table the row is.
        read : callable
            Takes what was `seen` and returns the row, in the order of the table's columns after
            `n`: time, time at the source, instrument, and so on.
        *seen : object
            What does not change any more.
        """
        if len(self._queue) >= self._most:
            self._drop(time.time_ns())
        else:
            self._queue.append((TABLES[table], seen, read))

    def envelope(self, envelope: Envelope) -> None:
        """Record an event or a state as it was told.

        Quotes and bars are left out: all of them come by `quote` and `bar`, also those that a
        node does not publish since they say nothing new.
        """
        if not isinstance(envelope.body, QuoteUpdated | BarUpdated):
            kind = type(envelope.body).__name__
            self._tell(DECISIONS, (envelope.ts, kind, envelope.topic, envelope))

    def decision(self, kind: str, facts: dict[str, object], *, ts: int | None = None) -> None:
        """Record what no envelope tells: what a gate let through, a command, a strategy's view.

        Parameters
        ----------
        kind : str
            What was decided, dotted: ``"gate.intent"``.
        facts : dict
            Plain values: texts, numbers, Decimals, lists and dicts of them.
        ts : int, optional
            When, UNIX nanoseconds UTC; now when not given.

        Raises
        ------
        InputError
            When a fact is not a plain value.
        """
        try:
            data = _encode(facts)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise InputError(
                f"the facts of a decision must be plain values: {error}", value=kind
            ) from None
        self._tell(DECISIONS, (time.time_ns() if ts is None else ts, kind, "", data))

    def _tell(self, table: RecordTable, values: tuple[Any, ...]) -> None:
        if len(self._queue) >= self._most:
            self._drop(values[0])
        else:
            self._queue.append((table, values, None))

    def _drop(self, ts: int) -> None:
        self._dropped_since = self._dropped_since or ts
        self._dropped += 1

    # --- the thread -----------------------------------------------------------------------

    def _work(self) -> None:
        self._rescue()
        self._mark(BEGUN)
        while not self._stop.is_set():
            self._wanted.wait(self._flush_s)
            self._wanted.clear()
            self._round()
        self._round(last=True)

    def _round(self, *, last: bool = False) -> None:
        try:
            self._take()
            self._seal()
            if last:
                self._mark(ENDED)
            self._write()
            self._rotate(last)
            self._seal(now=last)
        except (StoreError, *UNREADABLE) as error:
            self._degrade(f"the recording cannot be written: {error}")
        except Exception as error:
            # Whatever it is, the node goes on; what waits is tried again.
            _log.exception("the flight recorder failed")
            self._degrade(f"the recorder failed: {error!r}")
        else:
            if self._life.state is State.DEGRADED:
                self._life.move(State.RUNNING)
                _log.info("the recording is written again")
        with self._flushed:
            self._rounds += 1
            self._flushed.notify_all()

    def _degrade(self, why: str) -> None:
        self._trouble.warning("%s", why)
        if self._life.state is State.RUNNING:
            self._life.move(State.DEGRADED, why)

    def _take(self) -> None:
        """Write what is held back from before, then all that waits now."""
        self._write()
        for _ in range(-(-len(self._queue) // _CHUNK)):
            if self._present_is_due and self._knows_all:
                self._present_is_due = False
                self._mark(PRESENT, self._keeper.present())
            with contextlib.suppress(IndexError):
                for _ in range(_CHUNK):
                    self._read(*self._queue.popleft())
            self._write()
            time.sleep(_PAUSE_S)
        if (dropped := self._dropped) > self._told:
            # After what waited: a queue that was full held what came before the hole.
            since, self._dropped_since = self._dropped_since, 0
            rows, self._told = dropped - self._told, dropped
            self._mark(HOLE, Hole(rows=rows, since_ns=since, why="more came than could be kept"))
            self._trouble.warning("the flight recorder dropped %d rows", rows)
            self._write()

    def _read(self, table: RecordTable, seen: tuple[Any, ...], read: _Read | None) -> None:
        if read is not None:
            try:
                seen = read(*seen)
            except Exception as error:
                self._drop(time.time_ns())
                self._trouble.warning("a row cannot be recorded: %s", error)
                return
        self._hold(table, seen)

    def _hold(self, table: RecordTable, values: tuple[Any, ...]) -> None:
        if table is QUOTES:
            self._keeper.quote(values)
        elif table is DECISIONS and isinstance(values[-1], Envelope):
            self._keeper.envelope(values[-1])
        elif table is MARKS and isinstance(values[-1], Snapshot):
            self._keeper.take(values[-1])
            self._knows_all = True
            values = (*values[:-1], _encode(self._keeper.present()))
        self._number += 1
        self._held.setdefault(table, []).append((self._number, values))

    def _mark(self, kind: str, facts: msgspec.Struct | None = None) -> None:
        data = b"" if facts is None else _encode(facts)
        self._hold(MARKS, (time.time_ns(), kind, data))

    def _write(self) -> None:
        for table in TABLES.values():
            if not (rows := self._held.get(table)):
                continue
            try:
                batch = table.batch([n for n, _ in rows], [values for _, values in rows])
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                batch = self._what_can_be(table, rows, error)
            if batch.num_rows:
                segment = self._segment(table)
                try:
                    segment.append(batch)
                except BaseException:
                    self._close(table)
                    raise
                self._bytes += batch.nbytes
                self._recorded += 0 if table is MARKS else batch.num_rows
            del self._held[table]

    def _what_can_be(
        self, table: RecordTable, rows: list[tuple[int, tuple[Any, ...]]], error: Exception
    ) -> pa.RecordBatch:
        """Return a batch of the rows that are of their table's types; the others are dropped."""
        good = []
        for n, values in rows:
            with contextlib.suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
                table.batch([n], [values])
                good.append((n, values))
        self._dropped += len(rows) - len(good)
        self._dropped_since = self._dropped_since or time.time_ns()
        self._trouble.warning("%d rows cannot be recorded: %s", len(rows) - len(good), error)
        if not good:
            return pa.RecordBatch.from_pylist([], schema=table.schema)
        return table.batch([n for n, _ in good], [values for _, values in good])

    def _segment(self, table: RecordTable) -> Segment:
        if table not in self._open:
            if not self._open:
                now = datetime.now(UTC)
                self._opened_at, self._opened_on = time.monotonic(), now.date()
                self._index += 1
            assert self._opened_on is not None
            if not self.folder.is_dir():
                # Whoever moved it would find an almost empty one in its old place.
                raise StoreError(
                    "a recording must stay where it began",
                    value=str(self.folder),
                    remedy="stop the node before its home is moved",
                )
            day = private_folder(self.folder / self._opened_on.isoformat())
            name = f"{table.name}-{self._session}-{self._index:06d}{OPEN}"
            self._open[table] = Segment(day / name, table, self._about)
        return self._open[table]

    def _close(self, table: RecordTable) -> None:
        segment = self._open.pop(table)
        segment.close()
        self._to_seal.append(segment.path)
        # Another file of this table must not have the same name.
        self._index += 1

    def _rotate(self, last: bool) -> None:
        if self._open:
            age_s = time.monotonic() - self._opened_at
            full = sum(s.bytes for s in self._open.values()) >= self._rotate_bytes
            past = datetime.now(UTC).date() != self._opened_on
            if last or full or past or age_s >= self._rotate_s:
                for table in tuple(self._open):
                    self._close(table)
                self._present_is_due = True
                self._retention.apply(self.folder, datetime.now(UTC).date())

    def _seal(self, *, now: bool = False) -> None:
        if time.monotonic() < self._seal_after and not now:
            return
        failed: Exception | None = None
        for path in tuple(self._to_seal):
            try:
                sealed = seal(path)
                self._to_seal.remove(path)
                if sealed.lost_bytes:
                    why = f"{sealed.lost_bytes} bytes at the end of {path.name} cannot be read"
                    self._mark(HOLE, Hole(rows=0, since_ns=sealed.last_ts, why=why))
            except UNREADABLE as error:
                failed = error
        if failed is not None:
            # Nothing is lost: a file that is not sealed is read as it is.
            self._seal_after = time.monotonic() + _SEAL_AGAIN_S
            raise failed

    def _rescue(self) -> None:
        """Seal what earlier processes left open; remove what is too old."""
        try:
            self._retention.apply(self.folder, datetime.now(UTC).date())
            days = days_in(self.folder)
            self._knows_all = self._knows_all or not days
            for day in days:
                folder = self.folder / day.isoformat()
                for draft in folder.glob(f"*{DRAFT}"):
                    draft.unlink(missing_ok=True)
                self._to_seal += sorted(folder.glob(f"*{OPEN}"))
        except OSError as error:
            self._degrade(f"the recording cannot be tidied: {error}")


def _encode(facts: dict[str, object] | msgspec.Struct) -> bytes:
    return msgspec.msgpack.encode(facts)
