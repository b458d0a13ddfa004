"""The recorder's files: a stream that survives its writer, sealed as Parquet when it is full."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nautilus_lab.platform.recording._tables import RecordTable

_log = logging.getLogger(__name__)

OPEN = ".arrows"
SEALED = ".parquet"
DRAFT = ".draft"
TORN = ".torn"
_GROUP_ROWS = 100_000
# what Arrow raises over a file that was cut off, or is not its own
UNREADABLE = (pa.ArrowException, OSError)


@dataclass(frozen=True)
class Extent:
    """How much a file has: rows, places in the order seen, and times in UNIX ns."""

    rows: int
    first_n: int
    last_n: int
    first_ts: int
    last_ts: int

    @classmethod
    def of(cls, rows: pa.RecordBatch | pa.Table) -> Extent:
        """Measure rows, of which there is one at least."""
        times = pc.min_max(rows.column("ts").cast(pa.int64())).as_py()
        numbers = pc.min_max(rows.column("n")).as_py()
        return cls(rows.num_rows, numbers["min"], numbers["max"], times["min"], times["max"])

    def __or__(self, other: Extent) -> Extent:
        return Extent(
            self.rows + other.rows,
            min(self.first_n, other.first_n),
            max(self.last_n, other.last_n),
            min(self.first_ts, other.first_ts),
            max(self.last_ts, other.last_ts),
        )

    def as_metadata(self) -> dict[str, str]:
        """Return what is kept in a sealed file, so that a reader need not read the rows."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes]) -> Extent:
        """Read what `as_metadata` wrote; raises `KeyError` where it is missing."""
        return cls(*(int(metadata[field.name.encode()]) for field in fields(cls)))


@dataclass(frozen=True)
class Sealed:
    """What became of a stream: its Parquet file, and what of it could not be read.

    `path` is None when nothing could; `last_ts` is the time of the last row that could, UNIX ns.
    """

    path: Path | None
    lost_bytes: int = 0
    last_ts: int = 0


class Segment:
    """A file that is being written: an Arrow stream, whole up to its last batch at any time.

    A Parquet file is read from its end, which is written last: one that was cut off cannot be
    read at all. So a segment is a stream until it is sealed.

    Parameters
    ----------
    path : Path
        A new file, ``.arrows``.
    table : RecordTable
        What is in it.
    about : mapping of str to str
        Who recorded it, kept with the schema.

    Raises
    ------
    OSError
        When the file cannot be begun; none is left then.
    """

    def __init__(self, path: Path, table: RecordTable, about: Mapping[str, str]) -> None:
        self.path = path
        self.rows = 0
        # Unbuffered: what is appended is the operating system's when `append` returns.
        self._file = open(path, "xb", buffering=0)  # noqa: SIM115  # closed by close()
        try:
            os.fchmod(self._file.fileno(), 0o600)
            self._stream = pa.ipc.new_stream(self._file, table.schema.with_metadata(dict(about)))
            self.bytes = self._file.tell()
        except BaseException:
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, batch: pa.RecordBatch) -> None:
        """Write a batch, or raise `OSError` with the file as it was before; then close it."""
        try:
            self._stream.write_batch(batch)
        except BaseException:
            with contextlib.suppress(OSError):
                self._file.truncate(self.bytes)
            raise
        self.bytes = self._file.tell()
        self.rows += batch.num_rows

    def close(self) -> None:
        """Let the file go; it is read up to its last batch."""
        with contextlib.suppress(OSError):
            self._file.close()


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the whole batches of a stream, up to where it was cut off or still is written."""
    return (batch for batch, _ in _whole(path))


def seal(path: Path) -> Sealed:
    """Make the stream at `path` a Parquet file beside it, and remove the stream.

    A stream whose end cannot be read is set aside then, with the ending ``.torn``.

    Raises
    ------
    OSError, ArrowException
        When the Parquet file cannot be written; the stream is as it was.
    """
    sealed = path.with_suffix(SEALED)
    if sealed.exists():  # a process died between the two last steps
        path.unlink()
        return Sealed(sealed)
    draft = path.with_suffix(DRAFT)
    writer: Any = None
    extent: Extent | None = None
    end = 0
    try:
        for group, upto in _groups(path):
            end = upto
            if writer is None:
                writer = pq.ParquetWriter(
                    draft,
                    group.schema,
                    compression="zstd",
                    write_page_checksum=True,  # Parquet reads a flipped bit without a word
                )
            writer.write_table(group)
            extent = Extent.of(group) if extent is None else extent | Extent.of(group)
        if writer is None or extent is None:
            return _without_rows(path)
        writer.add_key_value_metadata(extent.as_metadata())
        writer.close()
        writer = None
        with open(draft, "rb+") as file:
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        draft.rename(sealed)
    finally:
        if writer is not None:
            with contextlib.suppress(*UNREADABLE):
                writer.close()
        draft.unlink(missing_ok=True)
    _log.debug("sealed %s", sealed)
    if path.stat().st_size > end:
        return _set_aside(path, sealed, end, extent.last_ts)
    path.unlink()
    return Sealed(sealed)


def _without_rows(path: Path) -> Sealed:
    with contextlib.suppress(*UNREADABLE), pa.OSFile(str(path)) as file:
        pa.ipc.open_stream(file)
        if file.tell() == path.stat().st_size:  # its writer ended before the first row
            path.unlink()
            return Sealed(None)
    return _set_aside(path, None, 0, path.stat().st_mtime_ns)


def _set_aside(path: Path, sealed: Path | None, end: int, last_ts: int) -> Sealed:
    lost = path.stat().st_size - end
    torn = path.rename(path.with_suffix(TORN))
    _log.warning("%d bytes of %s could not be read, it was set aside", lost, torn)
    return Sealed(sealed, lost_bytes=lost, last_ts=last_ts)


def _whole(path: Path) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield the whole batches of a stream that have rows, each with where it ends in the file."""
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            while True:
                batch = stream.read_next_batch()
                batch.validate(full=True)
                if batch.num_rows:
                    yield batch, file.tell()
    except FileNotFoundError:
        raise
    except (StopIteration, *UNREADABLE):
        return


def _groups(path: Path) -> Iterator[tuple[pa.Table, int]]:
    """Yield the stream's batches, small ones put together, each with where it ends."""
    held: list[pa.RecordBatch] = []
    count = end = 0
    for batch, end in _whole(path):
        held.append(batch)
        count += batch.num_rows
        if count >= _GROUP_ROWS:
            yield pa.Table.from_batches(held), end
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held), end
