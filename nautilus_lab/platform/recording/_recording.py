"""Reading a recording again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from nautilus_lab.exceptions import DataError, InputError, MessageError
from nautilus_lab.platform.messages import STATES, Envelope, Snapshot, decode
from nautilus_lab.platform.recording._files import RecordFile, files_of, last_n_until
from nautilus_lab.platform.recording._keeper import PresentKeeper
from nautilus_lab.platform.recording._marks import BEGUN, ENDED, HOLE, PRESENT, Hole, Present
from nautilus_lab.platform.recording._tables import DECISIONS, MARKS, QUOTES, TABLES

T = TypeVar("T")

_TRIES = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATE_KINDS = frozenset(kind.__name__ for kind in STATES)
_hole = msgspec.msgpack.Decoder(Hole)
_present = msgspec.msgpack.Decoder(Present)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A time of which something is missing.

    Attributes
    ----------
    begin_ns, end_ns : int
        From when to when, UNIX nanoseconds UTC.
    why : str
        One line for a person.
    rows : int
        How many rows are known to be missing; 0 when nobody counted.
    """

    begin_ns: int
    end_ns: int
    why: str
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What a recording covers.

    Attributes
    ----------
    begin_ns, end_ns : int
        The times of its first and last row, UNIX nanoseconds UTC.
    gaps : tuple of Gap
        What is missing in between, in the order seen: while no node ran, and what was dropped.
    sessions : int
        How many lives of a recorder wrote it.
    rows : dict of str to int
        Table -> rows.
    """

    begin_ns: int
    end_ns: int
    gaps: tuple[Gap, ...]
    sessions: int
    rows: dict[str, int]

    def __str__(self) -> str:
        gaps = f", {len(self.gaps)} gaps" if self.gaps else ""
        return f"{as_text(self.begin_ns)} to {as_text(self.end_ns)}{gaps}"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The state at an instant.

    Attributes
    ----------
    asked_ns : int
        The instant that was asked for, UNIX nanoseconds UTC.
    seen_ns : int
        The time of the last row that was seen until then.
    snapshot : Snapshot
        As the node would have answered it: orders, fills and states, the last quotes among them.
    events : tuple of Envelope
        The latest other events until then, oldest first: breaches, changes of states, alerts.
    gap : Gap or None
        The gap in which the instant lies; then the state is that of its beginning.
    unreadable : int
        Rows that this version cannot read: a newer one wrote them.
    """

    asked_ns: int
    seen_ns: int
    snapshot: Snapshot
    events: tuple[Envelope, ...]
    gap: Gap | None = None
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One row: its table, its place in the order seen, its time (UNIX ns) and its columns."""

    table: str
    n: int
    ts: int
    values: Mapping[str, Any]


class Recording:
    """What a `FlightRecorder` wrote, also while it still writes.

    The order of everything is the order in which it was seen, not that of its times: when the
    clock was set back there are two rows for one time. *At an instant* means after the last row
    seen whose time is not later.

    Parameters
    ----------
    folder : path
        A trader's: ``RunDirectory.recording``.

    Examples
    --------
    >>> import tempfile
    >>> from nautilus_lab.platform.recording import FlightRecorder
    >>> folder = Path(tempfile.mkdtemp()) / "recording"
    >>> with FlightRecorder(folder, trader="T-1") as recorder:
    ...     recorder.quote("AAPL.PAPER", 101.0, 101.1, 100, 200, ts=86_400_000_000_000)
    >>> recording = Recording(folder)
    >>> recording.quotes(date(1970, 1, 2)).column("bid").to_pylist()
    [101.0]
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Path, RecordFile] = {}  # the sealed ones: they change no more

    def __repr__(self) -> str:
        return f"Recording({str(self.folder)!r})"

    # --- what there is --------------------------------------------------------------------

    def coverage(self) -> Coverage:
        """Return from when to when it goes, and what is missing.

        Raises
        ------
        DataError
            When there is no recording.
        BadData
            When a file is damaged.
        """
        return self._reading(_coverage)

    # --- rows -----------------------------------------------------------------------------

    def quotes(self, day: date) -> pa.Table:
        """Return the quotes of a day (UTC) in the order seen; raises as `table`."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return self.table("quotes", begin, begin + timedelta(days=1))

    def table(
        self, name: str, start: datetime | int | None = None, end: datetime | int | None = None
    ) -> pa.Table:
        """Return the rows of a table with start <= ts < end, in the order seen.

        Parameters
        ----------
        name : {"quotes", "trades", "bars", "decisions", "marks"}
            Which.
        start, end : datetime or int, optional
            Aware, or UNIX nanoseconds UTC; without them there is no bound.

        Raises
        ------
        InputError
            When there is no such table, or a bound is a naive time.
        DataError
            When there is no recording.
        BadData
            When a file is damaged.
        """
        _require_table(name)
        low, high = _bounds(start, end)

        def read(files: tuple[RecordFile, ...]) -> pa.Table:
            found = [batch for file in files for batch in _within(file, name, low, high)]
            return pa.Table.from_batches(found, schema=TABLES[name].schema)

        return self._reading(read)

    def batches(
        self, name: str, start: datetime | int | None = None, end: datetime | int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield what `table` returns, some rows at a time; raises as it does.

        A file that is removed while it is read is a `DataError`: begin again then.
        """
        _require_table(name)
        low, high = _bounds(start, end)
        for file in self._files():
            try:
                yield from _within(file, name, low, high)
            except FileNotFoundError:
                raise _moved(self.folder) from None

    def between(
        self, start: datetime | int, end: datetime | int, *, tables: Iterable[str] = TABLES
    ) -> Iterator[Seen]:
        """Yield the rows of all `tables` with start <= ts < end, in the order seen."""
        low, high = _bounds(start, end)
        wanted = tuple(tables)
        for name in wanted:
            _require_table(name)
        files = self._files()
        for session in sorted({file.session for file in files}):
            mine = [file for file in files if file.session == session]
            streams = [_seen(mine, name, low, high) for name in wanted]
            try:
                yield from heapq.merge(*streams, key=lambda seen: seen.n)
            except FileNotFoundError:
                raise _moved(self.folder) from None

    # --- the state at an instant ------------------------------------------------------------

    def at(self, instant: datetime | int) -> Moment:
        """Return the state at an instant, as the node would have answered it.

        Parameters
        ----------
        instant : datetime or int
            Aware, or UNIX nanoseconds UTC.

        Raises
        ------
        InputError
            When it is a naive time, or outside of what the recording covers; names that.
        DataError
            When there is no recording.
        BadData
            When a file that is needed is damaged.
        """
        at_ns = _as_ns(instant)
        return self._reading(lambda files: _moment(files, at_ns))

    # --- how ------------------------------------------------------------------------------

    def _files(self) -> tuple[RecordFile, ...]:
        files = files_of(self.folder, self._known)
        if not files:
            raise DataError(
                "a trader must have a recording to be looked at in the past",
                value=str(self.folder),
                remedy="its node makes one while it runs; check the trader's name",
            )
        return files

    def _reading(self, read: Callable[[tuple[RecordFile, ...]], T]) -> T:
        """Return what `read` makes of the files; again when one was sealed under its hands."""
        for _ in range(_TRIES):
            try:
                return read(self._files())
            except FileNotFoundError:
                continue
        raise _moved(self.folder)


def _coverage(files: tuple[RecordFile, ...]) -> Coverage:
    gaps: list[Gap] = []
    before: int | None = None
    ended = False
    sessions = sorted({file.session for file in files})
    for session in sessions:
        mine = [file for file in files if file.session == session]
        marks = [mark for file in mine if file.table == MARKS.name for mark in _marks(file)]
        begun = next((ts for _, ts, kind, _ in marks if kind == BEGUN), None)
        begin = min(file.extent.first_ts for file in mine) if begun is None else begun
        if before is not None:
            why = "no node ran" if ended else "the node was killed, and none ran"
            gaps.append(Gap(begin_ns=before, end_ns=begin, why=why))
        for _, ts, kind, data in marks:
            if kind == HOLE:
                hole = _hole.decode(data)
                gaps.append(Gap(begin_ns=hole.since_ns, end_ns=ts, why=hole.why, rows=hole.rows))
        ended = any(kind == ENDED for _, _, kind, _ in marks)
        before = max(mine, key=lambda file: file.extent.last_n).extent.last_ts
    counts = dict.fromkeys(TABLES, 0)
    for file in files:
        counts[file.table] += file.extent.rows
    return Coverage(
        begin_ns=min(file.extent.first_ts for file in files),
        end_ns=max(file.extent.last_ts for file in files),
        gaps=tuple(gaps),
        sessions=len(sessions),
        rows=counts,
    )


def _marks(file: RecordFile) -> Iterator[tuple[int, int, str, bytes]]:
    for batch in file.batches():
        times = batch.column("ts").cast(pa.int64()).to_pylist()
        rest = [batch.column(name).to_pylist() for name in ("n", "kind", "data")]
        yield from zip(rest[0], times, rest[1], rest[2], strict=True)


# --- rows ---------------------------------------------------------------------------------


def _within(
    file: RecordFile, name: str, low: int | None, high: int | None
) -> Iterator[pa.RecordBatch]:
    if file.table != name:
        return
    extent = file.extent
    if (low is not None and extent.last_ts < low) or (high is not None and extent.first_ts >= high):
        return
    for batch in file.batches():
        kept = batch.replace_schema_metadata(None)
        times = batch.column("ts").cast(pa.int64())
        if low is not None:
            kept = kept.filter(pc.greater_equal(times, low))
            times = kept.column("ts").cast(pa.int64())
        if high is not None:
            kept = kept.filter(pc.less(times, high))
        if kept.num_rows:
            yield kept


def _seen(files: list[RecordFile], name: str, low: int | None, high: int | None) -> Iterator[Seen]:
    for file in files:
        for batch in _within(file, name, low, high):
            times = batch.column("ts").cast(pa.int64()).to_pylist()
            for ts, row in zip(times, _plain(batch), strict=True):
                yield Seen(name, row.pop("n"), ts, row)


def _plain(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows without `ts`; other times as UNIX ns, which Python's own cannot hold."""
    columns = {name: batch.column(name) for name in batch.schema.names if name != "ts"}
    for name, column in columns.items():
        if pa.types.is_timestamp(column.type):
            columns[name] = column.cast(pa.int64())
    lists = [column.to_pylist() for column in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


# --- the state at an instant ----------------------------------------------------------------


def _moment(files: tuple[RecordFile, ...], at_ns: int) -> Moment:
    coverage = _coverage(files)
    if not coverage.begin_ns <= at_ns <= coverage.end_ns:
        raise InputError(
            "an instant must lie within the recording",
            value=as_text(at_ns),
            remedy=f"it covers {coverage}",
        )
    sessions = sorted({file.session for file in files})
    place = _place(files, sessions, at_ns)
    session, last_n = place
    begin = _latest_present(files, place)
    keeper = PresentKeeper(
        next(file.about.get("trader", "") for file in files if file.session == session),
        simulated=any(f.about.get("simulated") == "true" for f in files if f.session == session),
    )
    first = (sessions[0], 0)
    if begin is not None:
        first, present = begin
        keeper.restore(present)
    unreadable, seen_ns = 0, 0
    for one in sessions:
        if not first[0] <= one <= session:
            continue
        if one != first[0]:
            keeper.begin_session()
        after = first[1] if one == first[0] else 0
        until = last_n if one == session else None
        mine = [file for file in files if file.session == one]
        unreadable += _replay(mine, keeper, after, until)
        if one == session:
            seen_ns = _time_of(mine, last_n)
    return Moment(
        asked_ns=at_ns,
        seen_ns=seen_ns,
        snapshot=keeper.snapshot(),
        events=keeper.events(),
        gap=next((gap for gap in coverage.gaps if gap.begin_ns < at_ns < gap.end_ns), None),
        unreadable=unreadable,
    )


def _place(
    files: tuple[RecordFile, ...], sessions: list[tuple[int, str]], at_ns: int
) -> tuple[tuple[int, str], int]:
    """Return the session and place of the last row seen whose time is not after `at_ns`."""
    for session in reversed(sessions):
        found: list[int] = []
        for name in TABLES:
            mine = [f for f in files if f.session == session and f.table == name]
            for file in reversed(mine):
                # The clock may have been set back, so one that began later may be next.
                if file.extent.first_ts > at_ns:
                    continue
                if (place := last_n_until(file, at_ns)) is not None:
                    found.append(place)
                    break
        if found:
            return session, max(found)
    raise AssertionError("a recording that covers an instant has a row until then")


def _latest_present(
    files: tuple[RecordFile, ...], place: tuple[tuple[int, str], int]
) -> tuple[tuple[tuple[int, str], int], Present] | None:
    """Return the last present that was written down until `place`, and where."""
    for file in reversed(files):
        if file.table != MARKS.name or (file.session, file.extent.first_n) > place:
            continue
        known = [
            ((file.session, n), data)
            for n, _, kind, data in _marks(file)
            if kind == PRESENT and (file.session, n) <= place
        ]
        if known:
            return known[-1][0], _present.decode(known[-1][1])
    return None


def _replay(files: list[RecordFile], keeper: PresentKeeper, after: int, until: int | None) -> int:
    """Have `keeper` take in the rows of a session with after < n <= until; how many it cannot."""
    rows: list[tuple[int, Envelope]] = []
    unreadable = 0
    for file in files:
        if file.extent.last_n <= after or (until is not None and file.extent.first_n > until):
            continue
        if file.table == QUOTES.name:
            for row in _latest(_placed(file, after, until), "instrument"):
                keeper.quote(row)
        elif file.table == DECISIONS.name:
            for n, data in _that_matter(_placed(file, after, until)):
                try:
                    rows.append((n, decode(data)))
                except MessageError:
                    unreadable += 1
    for _, told in sorted(rows, key=lambda row: row[0]):
        keeper.envelope(told)
    return unreadable


def _placed(file: RecordFile, after: int, until: int | None) -> pa.Table:
    table = pa.Table.from_batches([b.replace_schema_metadata(None) for b in file.batches()])
    kept = pc.greater(table.column("n"), after)
    if until is not None:
        kept = pc.and_(kept, pc.less_equal(table.column("n"), until))
    return table.filter(kept)


def _latest(table: pa.Table, key: str) -> Iterator[tuple[Any, ...]]:
    """Yield the last row of each `key`, in the order seen, without its `n`; times in UNIX ns."""
    last = table.group_by(key).aggregate([("n", "max")]).column("n_max")
    chosen = table.filter(pc.is_in(table.column("n"), value_set=pc.unique(last))).drop(["n"])
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in chosen.columns
    ]
    yield from zip(*(column.to_pylist() for column in columns), strict=True)


def _that_matter(table: pa.Table) -> list[tuple[int, bytes]]:
    """Return place and data of every event, and of the last state of each topic."""
    envelopes = table.filter(pc.not_equal(table.column("topic"), ""))
    is_state = pc.is_in(envelopes.column("kind"), value_set=pa.array(sorted(_STATE_KINDS)))
    states = envelopes.filter(is_state)
    last = states.group_by("topic").aggregate([("n", "max")]).column("n_max")
    states = states.filter(pc.is_in(states.column("n"), value_set=pc.unique(last)))
    events = envelopes.filter(pc.invert(is_state))
    return [
        pair
        for part in (events, states)
        for pair in zip(part.column("n").to_pylist(), part.column("data").to_pylist(), strict=True)
    ]


def _time_of(files: list[RecordFile], n: int) -> int:
    for file in files:
        if file.extent.first_n <= n <= file.extent.last_n:
            for batch in file.batches():
                row = batch.filter(pc.equal(batch.column("n"), n))
                if row.num_rows:
                    return int(row.column("ts").cast(pa.int64())[0].as_py())
    raise AssertionError("the row was read a moment ago")


# --- arguments ------------------------------------------------------------------------------


def as_text(ns: int) -> str:
    """Return an instant as text: ``2026-03-02 14:31:00.000 UTC``."""
    try:
        return f"{_EPOCH + timedelta(microseconds=ns // 1000):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
    except OverflowError:
        return f"{ns} ns"


def _as_ns(instant: datetime | int) -> int:
    if isinstance(instant, int) and not isinstance(instant, bool):
        return instant
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise InputError(
            "an instant must be an aware datetime, or UNIX nanoseconds",
            value=instant,
            remedy="pass datetime(2026, 3, 2, 14, 31, tzinfo=UTC)",
        )
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1_000


def _bounds(
    start: datetime | int | None, end: datetime | int | None
) -> tuple[int | None, int | None]:
    low = None if start is None else _as_ns(start)
    high = None if end is None else _as_ns(end)
    if low is not None and high is not None and not low < high:
        raise InputError("the end must be after the start", value=f"{start} to {end}")
    return low, high


def _require_table(name: str) -> None:
    if name not in TABLES:
        raise InputError(
            "a table of a recording must be one of five",
            value=name,
            remedy=f"one of {', '.join(TABLES)}",
        )


def _moved(folder: Path) -> DataError:
    return DataError(
        "the files of a recording must stay while they are read",
        value=str(folder),
        remedy="read it again: the recorder sealed or removed some",
    )
