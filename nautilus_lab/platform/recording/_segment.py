"""The recorder's files: a stream that survives its writer, sealed as Parquet when it is full."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nautilus_lab.platform.recording._tables import RecordTable

_log = logging.getLogger(__name__)

OPEN = ".arrows"
SEALED = ".parquet"
DRAFT = ".draft"
_TORN = ".torn"
_GROUP_ROWS = 100_000
# what Arrow raises over a file that was cut off, or is not its own
UNREADABLE = (pa.ArrowException, OSError)


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
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            while True:
                batch = stream.read_next_batch()
                batch.validate(full=True)
                yield batch
    except (StopIteration, *UNREADABLE):
        return


def seal(path: Path) -> Path | None:
    """Make the stream at `path` a Parquet file beside it, and remove the stream.

    Returns
    -------
    Path or None
        The Parquet file; None when nothing in the stream could be read: it is set aside then,
        with the ending ``.torn``.

    Raises
    ------
    OSError, ArrowException
        When the Parquet file cannot be written; the stream is as it was.
    """
    sealed = path.with_suffix(SEALED)
    if sealed.exists():  # a process died between the two last steps
        path.unlink()
        return sealed
    draft = path.with_suffix(DRAFT)
    rows = 0
    writer: Any = None
    try:
        for group in _groups(path):
            if writer is None:
                writer = pq.ParquetWriter(draft, group.schema, compression="zstd")
            writer.write_table(group)
            rows += group.num_rows
        if writer is None:
            torn = path.rename(path.with_suffix(_TORN))
            _log.warning("nothing in %s could be read, it was set aside", torn)
            return None
        writer.close()
        writer = None
        with open(draft, "rb+") as file:
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        draft.rename(sealed)
        path.unlink()
    finally:
        if writer is not None:
            with contextlib.suppress(*UNREADABLE):
                writer.close()
        draft.unlink(missing_ok=True)
    _log.debug("sealed %s, %d rows", sealed, rows)
    return sealed


def _groups(path: Path) -> Iterator[pa.Table]:
    """Yield the stream's batches, small ones put together."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches(path):
        held.append(batch)
        count += batch.num_rows
        if count >= _GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)
