"""The page that says what is in `data/`, whose it is, and what to beware of."""

from __future__ import annotations

from nautilus_lab.marketdata._datasets import DATASETS, Dataset

_HEAD = """\
# data/

`nautilus-lab data build` makes the Parquet files of this folder from what Python packages on PyPI
carry. Nothing is downloaded, and nothing here is redistributed by the project: this page is the
only file of the folder that is committed. `manifest.json`, beside it once built, says of every
file its rows, its first and last day, its SHA-256 and the version of the package it came from.
A file that no longer matches its hash is refused, not served; building again mends it.

Days are stamped 00:00 UTC. Returns, yields and rates are fractions: 0.01 is one percent.

| data set | read by | contents | unit | package | licence |
|---|---|---|---|---|---|
"""

_READ_BY = {"closes": "prices", "bars": "bars, prices", "macro": "macro"}


def render_readme() -> str:
    """Return `data/README.md`: the same text wherever and whenever it is made."""
    rows = "".join(
        f"| `{dataset.name}` | {_READ_BY[dataset.kind]} | {dataset.contents} | {dataset.unit} "
        f"| {dataset.package} | {dataset.licence} |\n"
        for dataset in DATASETS
    )
    return f"{_HEAD}{rows}\n## What to beware of\n\n{_notices()}\n## Series\n\n{_series()}"


def _notices() -> str:
    # notice -> the data sets that carry it
    carriers: dict[str, list[str]] = {}
    for dataset in DATASETS:
        for notice in dataset.notices:
            carriers.setdefault(notice, []).append(f"`{dataset.name}`")
    return "".join(f"* {notice} ({', '.join(names)})\n" for notice, names in carriers.items())


def _series() -> str:
    return "".join(f"* `{dataset.name}`: {_named(dataset)}.\n" for dataset in DATASETS)


def _named(dataset: Dataset) -> str:
    return "; ".join(f"{symbol} ({what})" for symbol, what in dataset.series.items())
