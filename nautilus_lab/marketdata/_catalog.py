"""The catalog on disk: built beside the old one, swapped in at once, checked whenever it is read.

data/manifest.json            what there is; replacing it is the swap
data/catalog/<build>/*.parquet  the files of one build, named by its contents
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, CatalogMissing, StoreError
from nautilus_lab.marketdata._datasets import BY_NAME, DATASETS, Dataset
from nautilus_lab.marketdata._packaged import packaged_files, read_packaged
from nautilus_lab.marketdata._readme import render_readme

if TYPE_CHECKING:
    import pandas as pd

# Raised when files of an older layout must be built anew.
_LAYOUT = 1
_REMEDY = "build it: nautilus-lab data build"
_AGAIN = "build it again: nautilus-lab data build"


@dataclass(frozen=True, kw_only=True)
class Span:
    """The extent of one series: how many observations, and the days of the first and last."""

    rows: int
    first: str
    last: str


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """One file of the catalog, as the manifest tells it.

    Attributes
    ----------
    name : str
        The data set.
    kind : str
        closes, bars or macro.
    file : str
        Its path, relative to the catalog's directory.
    rows : int
        Rows of the file.
    first, last : str
        The first and last day, ISO 8601.
    sha256 : str
        Of the file.
    package, version : str
        The PyPI distribution it was read from.
    source_sha256 : str
        Of the packaged files, one after the other.
    licence : str
        Of package and data.
    unit : str
        What the numbers are.
    notices : tuple of str
        What a reader must see beside any result.
    series : mapping of str to Span
        Symbol -> its extent.
    """

    name: str
    kind: str
    file: str
    rows: int
    first: str
    last: str
    sha256: str
    package: str
    version: str
    source_sha256: str
    licence: str
    unit: str
    notices: tuple[str, ...]
    series: Mapping[str, Span]


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What a build did.

    Attributes
    ----------
    directory : Path
        Where the catalog is.
    built : bool
        False when the catalog was up to date and nothing was touched.
    entries : tuple of CatalogEntry
        What it holds now.
    seconds : float
        How long it took.
    """

    directory: Path
    built: bool
    entries: tuple[CatalogEntry, ...]
    seconds: float

    def __str__(self) -> str:
        did = "built" if self.built else "up to date"
        rows = sum(entry.rows for entry in self.entries)
        lines = [
            f"{self.directory}: {did}, {len(self.entries)} data sets, {rows:,} rows "
            f"({self.seconds:.1f} s)"
        ]
        lines += [
            f"  {e.name:<18}{e.rows:>7,} rows  {e.first} to {e.last}  {e.package} {e.version}"
            for e in self.entries
        ]
        return "\n".join(lines)


def build_catalog(directory: Path | str) -> BuildReport:
    """Make the catalog from the packages that are installed; do nothing when it is up to date.

    The new files are written beside the old ones and swapped in at the end, so that a build that
    is killed, or fails, leaves the old catalog as it was. Files that no longer match their hash
    are built anew. `README.md` is written with it and depends on nothing but the code.

    Parameters
    ----------
    directory : path
        Where the catalog is to be; made when absent.

    Returns
    -------
    BuildReport
        What was done, and what the catalog holds.

    Raises
    ------
    MissingExtra
        When a package that carries data is not installed.
    BadData
        When a package's data are not what they should be.
    StoreError
        When the directory cannot be written.
    """
    began = time.perf_counter()
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            entries, built = _current(folder), False
            if entries is None:
                entries, built = _build(folder), True
            _write_readme(folder)
    except OSError as error:
        raise StoreError(
            f"the catalog's directory must be writable: {error.strerror}",
            value=str(folder),
            remedy="set data.directory in lab.toml to a folder of yours",
        ) from None
    return BuildReport(
        directory=folder,
        built=built,
        entries=tuple(entries.values()),
        seconds=time.perf_counter() - began,
    )


def read_manifest(folder: Path) -> dict[str, CatalogEntry]:
    """Read what the catalog in `folder` holds, by name of data set.

    Raises
    ------
    CatalogMissing
        When there is none.
    BadData
        When the manifest is damaged, or of another layout.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise CatalogMissing(
            "the data catalog must be built before it is read", value=str(folder), remedy=_REMEDY
        ) from None
    except (OSError, UnicodeDecodeError):
        raise _damaged(path) from None
    try:
        told = json.loads(text)
        if told["layout"] != _LAYOUT:
            raise BadData(
                f"the catalog must have layout {_LAYOUT}", value=told["layout"], remedy=_AGAIN
            )
        entries = {name: _entry(facts) for name, facts in told["datasets"].items()}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise _damaged(path) from None
    if entries.keys() != BY_NAME.keys():
        odd = sorted(entries.keys() ^ BY_NAME.keys())
        raise BadData(
            "the catalog must hold the data sets this version knows", value=odd, remedy=_AGAIN
        )
    return entries


def read_dataset(folder: Path, name: str) -> pd.DataFrame:
    """Read one data set; the bytes that are parsed are the bytes whose hash was checked.

    Raises
    ------
    CatalogMissing
        When the catalog, or this part of it, is not there.
    BadData
        When the file does not match its hash.
    """
    import pandas as pd

    entry = read_manifest(folder)[name]
    try:
        data = (folder / entry.file).read_bytes()
    except FileNotFoundError:
        # A build may have swapped catalogs since the manifest was read.
        entry = read_manifest(folder)[name]
        try:
            data = (folder / entry.file).read_bytes()
        except FileNotFoundError:
            raise CatalogMissing(
                "the catalog must have every file of its manifest",
                value=f"no {entry.file}",
                remedy=_REMEDY,
            ) from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BadData(
            "a file of the catalog must match the hash in its manifest",
            value=str(folder / entry.file),
            remedy=_AGAIN,
        )
    return pd.read_parquet(io.BytesIO(data))


def _current(folder: Path) -> dict[str, CatalogEntry] | None:
    """Return the manifest when every file is there, whole, and of the packages installed now."""
    try:
        entries = read_manifest(folder)
    except (CatalogMissing, BadData):
        return None
    for entry in entries.values():
        path, dataset = folder / entry.file, BY_NAME[entry.name]
        if not path.is_file() or _sha256(path) != entry.sha256:
            return None
        if entry.source_sha256 != _sha256(*packaged_files(dataset)):
            return None
        if _told(entry) != _facts(dataset):
            return None
    return entries


def _build(folder: Path) -> dict[str, CatalogEntry]:
    home = folder / "catalog"
    home.mkdir(exist_ok=True)
    for left in home.glob(".building*"):
        shutil.rmtree(left)  # by a build that was killed
    fresh = home / ".building"
    fresh.mkdir()
    try:
        written = {dataset.name: _write(dataset, fresh) for dataset in DATASETS}
        build = hashlib.sha256("".join(f["sha256"] for f in written.values()).encode()).hexdigest()
        place = home / build[:12]
        if place.exists():
            shutil.rmtree(place)  # the same build, damaged since
        fresh.rename(place)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    for name, facts in written.items():
        facts["file"] = f"catalog/{place.name}/{name}.parquet"
    text = json.dumps({"layout": _LAYOUT, "datasets": written}, indent=1) + "\n"
    _replace(folder / "manifest.json", text)
    for old in home.iterdir():
        if old != place:
            shutil.rmtree(old)
    return {name: _entry(facts) for name, facts in written.items()}


def _write(dataset: Dataset, folder: Path) -> dict[str, Any]:
    frame = read_packaged(dataset)
    path = folder / f"{dataset.name}.parquet"
    frame.to_parquet(path, engine="pyarrow", compression="zstd")
    times = frame.index.get_level_values("timestamp")
    return {
        "name": dataset.name,
        "file": path.name,
        "rows": len(frame),
        "first": _day(times[0]),
        "last": _day(times[-1]),
        "sha256": _sha256(path),
        "source_sha256": _sha256(*packaged_files(dataset)),
        **_facts(dataset),
        "series": {symbol: asdict(_span(frame, dataset, symbol)) for symbol in dataset.series},
    }


def _facts(dataset: Dataset) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "kind": dataset.kind,
        "package": dataset.package,
        "version": version(dataset.package),
        "licence": dataset.licence,
        "unit": dataset.unit,
        "notices": list(dataset.notices),
    }


def _told(entry: CatalogEntry) -> dict[str, Any]:
    told = {key: getattr(entry, key) for key in ("kind", "package", "version", "licence", "unit")}
    return {**told, "notices": list(entry.notices)}


def _entry(facts: dict[str, Any]) -> CatalogEntry:
    return CatalogEntry(
        **{
            **facts,
            "notices": tuple(facts["notices"]),
            "series": {symbol: Span(**span) for symbol, span in facts["series"].items()},
        }
    )


def _span(frame: pd.DataFrame, dataset: Dataset, symbol: str) -> Span:
    part = frame.xs(symbol, level="symbol") if dataset.kind == "bars" else frame[symbol].dropna()
    return Span(rows=len(part), first=_day(part.index[0]), last=_day(part.index[-1]))


def _day(time: Any) -> str:
    return str(time.date())


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _write_readme(folder: Path) -> None:
    path, text = folder / "README.md", render_readme()
    if not path.is_file() or path.read_bytes() != text.encode():
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    """Write `path` whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one build at a time into `folder`; the lock dies with its holder."""
    with (folder / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _damaged(path: Path) -> BadData:
    return BadData("the catalog's manifest must be readable", value=str(path), remedy=_AGAIN)
