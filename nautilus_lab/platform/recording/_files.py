"""The files of a recording, in the order in which they were seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nautilus_lab.exceptions import BadData
from nautilus_lab.platform.recording._retention import days_in
from nautilus_lab.platform.recording._segment import (
    OPEN,
    SEALED,
    UNREADABLE,
    Extent,
    batches,
)

_BATCH_ROWS = 50_000


@dataclass(frozen=True, kw_only=True)
class RecordFile:
    """One file of a recording.

    Attributes
    ----------
    path : Path
        Sealed, or still written.
    table : str
        What is in it.
    session : tuple of int and str
        Which life of the recorder wrote it, ordered as they came: the epoch, and when it began.
    about : dict of str to str
        Who recorded it.
    extent : Extent
        From where to where it goes.
    """

    path: Path
    table: str
    session: tuple[int, str]
    about: dict[str, str]
    extent: Extent

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield its rows in the order seen; of one that was sealed meanwhile maybe some more.

        Raises
        ------
        FileNotFoundError
            When it was removed meanwhile.
        BadData
            When it is damaged.
        """
        path = self.path
        if path.suffix == OPEN:
            try:
                yield from batches(path)
                return
            except FileNotFoundError:
                path = path.with_suffix(SEALED)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                yield from file.iter_batches(_BATCH_ROWS)
        except FileNotFoundError:
            raise
        except UNREADABLE as error:
            raise _damaged(path, error) from None


def files_of(folder: Path, known: dict[Path, RecordFile]) -> tuple[RecordFile, ...]:
    """Return the readable files of a recording that have rows, in the order seen.

    Parameters
    ----------
    folder : Path
        The recording.
    known : dict of Path to RecordFile
        The sealed files that were read before; brought up to date.

    Raises
    ------
    FileNotFoundError
        When one was removed meanwhile: list them again.
    BadData
        When a sealed file is damaged.
    """
    found = []
    for day in days_in(folder):
        listed = set((folder / day.isoformat()).glob("*-*"))
        for path in listed:
            # The stream of one that was sealed just now goes away next.
            if path.suffix == SEALED or (
                path.suffix == OPEN and path.with_suffix(SEALED) not in listed
            ):
                found.append(known.get(path) or _listed(path))
    files = [file for file in found if file is not None]
    known.clear()
    known.update({file.path: file for file in files if file.path.suffix == SEALED})
    return tuple(sorted(files, key=lambda file: (file.session, file.extent.first_n)))


def _listed(path: Path) -> RecordFile | None:
    try:
        return _read(path)
    except FileNotFoundError:
        if path.suffix != OPEN:
            raise
        return _read(path.with_suffix(SEALED))  # sealed since it was listed


def _read(path: Path) -> RecordFile | None:
    table, session, _ = path.stem.rsplit("-", 2)
    about, extent = _sealed(path) if path.suffix == SEALED else _open(path)
    if extent is None:
        return None
    return RecordFile(
        path=path,
        table=table,
        session=(int(about.get("epoch", "0")), session),
        about=about,
        extent=extent,
    )


def _sealed(path: Path) -> tuple[dict[str, str], Extent | None]:
    try:
        with pq.ParquetFile(path) as file:
            kept = file.metadata.metadata or {}
            return _as_text(kept), Extent.from_metadata(kept)
    except FileNotFoundError:
        raise
    except (*UNREADABLE, KeyError, ValueError) as error:
        raise _damaged(path, error) from None


def _open(path: Path) -> tuple[dict[str, str], Extent | None]:
    about: dict[str, str] = {}
    extent: Extent | None = None
    for batch in batches(path):
        about = about or _as_text(batch.schema.metadata or {})
        extent = Extent.of(batch) if extent is None else extent | Extent.of(batch)
    return about, extent


def _as_text(metadata: dict[bytes, bytes]) -> dict[str, str]:
    return {
        key.decode(): value.decode()
        for key, value in metadata.items()
        if not key.startswith(b"ARROW:")
    }


def last_n_until(file: RecordFile, instant_ns: int) -> int | None:
    """Return the place of the last row of `file` that is not after `instant_ns`."""
    if file.extent.last_ts <= instant_ns:
        return file.extent.last_n
    found = None
    for batch in file.batches():
        until = pc.less_equal(batch.column("ts").cast(pa.int64()), instant_ns)
        latest = pc.max(batch.column("n").filter(until)).as_py()
        found = latest if latest is not None else found
    return found


def _damaged(path: Path, error: Exception) -> BadData:
    return BadData(
        f"a file of a recording must be as it was sealed: {error}",
        value=str(path),
        remedy="restore it from a backup, or move it away: the rest is read without it",
    )
