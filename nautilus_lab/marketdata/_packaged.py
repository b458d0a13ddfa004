"""Reading the data files that PyPI packages carry, without importing the packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, MissingExtra
from nautilus_lab.frames import require_bars, require_prices
from nautilus_lab.marketdata._datasets import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


def packaged_files(dataset: Dataset) -> tuple[Path, ...]:
    """Find the files of `dataset` on this machine.

    Raises
    ------
    MissingExtra
        When the package is not installed.
    BadData
        When it is, and does not carry the files.
    """
    found = importlib.util.find_spec(dataset.module)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            f"the data set {dataset.name} comes with {dataset.package}",
            value="not installed",
            remedy=f"pip install {dataset.package}",
        )
    root = Path(next(iter(found.submodule_search_locations)))
    files = tuple(root / name for name in dataset.files)
    for file in files:
        if not file.is_file():
            raise BadData(
                f"{dataset.package} must carry the data set {dataset.name}",
                value=f"no {file.name}",
                remedy="install the version in requirements.lock",
            )
    return files


def read_packaged(dataset: Dataset) -> pd.DataFrame:
    """Read `dataset` into the shape of its kind: UTC days, columns named as in `dataset.series`.

    Raises
    ------
    MissingExtra
        When the package is not installed.
    BadData
        When the files are absent, or hold other series or worse numbers than they should.
    """
    frame = _READERS[dataset.name](packaged_files(dataset))
    if dataset.kind == "bars":
        have = frame.index.get_level_values("symbol").unique()
        require_bars(frame, name=dataset.name)
    else:
        have = frame.columns
        if dataset.kind == "closes":
            require_prices(frame, name=dataset.name)
    if set(have) != set(dataset.series):
        raise BadData(
            f"{dataset.name} must hold {', '.join(dataset.series)}",
            value=", ".join(have),
            remedy="install the version in requirements.lock",
        )
    return frame


def _closes(files: tuple[Path, ...]) -> pd.DataFrame:
    return _by_day(files[0])


def _stock_bars(files: tuple[Path, ...]) -> pd.DataFrame:
    import pandas as pd

    raw = pd.read_csv(files[0])
    raw.columns = [name.lower() for name in raw.columns]
    # One factor a day holds every split and dividend; volume moves against it.
    factor = raw["adj close"] / raw["close"]
    for column in ("open", "high", "low", "close"):
        raw[column] *= factor
    raw["volume"] = raw["volume"] / factor
    raw["timestamp"] = _utc(pd.to_datetime(raw["date"]))
    return _as_bars(raw.rename(columns={"ticker": "symbol"}))


def _index_bars(files: tuple[Path, ...]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for file, symbol in zip(files, ("SP500", "NASDAQ"), strict=True):
        raw = pd.read_csv(file)
        raw.columns = [name.lower() for name in raw.columns]
        raw["timestamp"] = _utc(pd.to_datetime(raw["date"], format="%m/%d/%Y"))
        parts.append(raw.assign(symbol=symbol))
    return _as_bars(pd.concat(parts))


def _vix(files: tuple[Path, ...]) -> pd.DataFrame:
    return _by_day(files[0], "%m/%d/%Y").set_axis(["VIX"], axis=1).dropna()


def _oil(files: tuple[Path, ...]) -> pd.DataFrame:
    return _by_day(files[0], "%m/%d/%Y").set_axis(["WTI"], axis=1).dropna()


def _oil_monthly(files: tuple[Path, ...]) -> pd.DataFrame:
    frame = _by_day(files[0]).rename(columns={"Brent": "BRENT_MONTHLY", "WTI": "WTI_MONTHLY"})
    return _at_period_end(frame, "M")


def _corporate_yields(files: tuple[Path, ...]) -> pd.DataFrame:
    return _at_period_end(_by_day(files[0], "%m/%d/%Y"), "M") / 100


def _fama_french(files: tuple[Path, ...]) -> pd.DataFrame:
    frame = _by_day(files[0], "%Y%m").rename(columns={"Mkt-RF": "MKT_RF"})
    return _at_period_end(frame, "M") / 100


def _core_cpi(files: tuple[Path, ...]) -> pd.DataFrame:
    frame = _by_day(files[0], "%m/%d/%Y").set_axis(["CORE_CPI"], axis=1)
    return _at_period_end(frame, "M")


def _us_macro(files: tuple[Path, ...]) -> pd.DataFrame:
    import pandas as pd

    raw = pd.read_csv(files[0])
    quarters = raw["year"].astype(int).astype(str) + "Q" + raw["quarter"].astype(int).astype(str)
    frame = raw.drop(columns=["year", "quarter"]).astype(float)
    frame.columns = [name.upper() for name in frame.columns]
    frame.index = pd.DatetimeIndex(
        pd.PeriodIndex(quarters, freq="Q").to_timestamp(), name="timestamp"
    ).tz_localize("UTC")
    percent = ["TBILRATE", "UNEMP", "INFL", "REALINT"]
    frame[percent] /= 100
    return _at_period_end(frame, "Q")


def _by_day(file: Path, date_format: str = "%Y-%m-%d") -> pd.DataFrame:
    import pandas as pd

    # "." is how FRED writes a day without an observation.
    raw = pd.read_csv(file, na_values=["."])
    days = _utc(pd.to_datetime(raw.pop("Date").astype(str), format=date_format))
    return raw.astype(float).set_index(pd.DatetimeIndex(days, name="timestamp"))


def _as_bars(raw: pd.DataFrame) -> pd.DataFrame:
    columns = ["open", "high", "low", "close", "volume"]
    return raw.set_index(["timestamp", "symbol"])[columns].astype(float).sort_index()


def _at_period_end(frame: pd.DataFrame, frequency: str) -> pd.DataFrame:
    import pandas as pd

    # A value dated on the first of its month would be known weeks too early.
    last_days = frame.index.tz_localize(None).to_period(frequency).end_time.normalize()  # type: ignore[attr-defined]
    dated = frame.copy(deep=False)
    dated.index = pd.DatetimeIndex(last_days, name="timestamp").tz_localize("UTC").as_unit("ns")
    return dated


def _utc(days: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    return days.dt.tz_localize("UTC").dt.as_unit("ns")


# data set -> how its files are read
_READERS: dict[str, Callable[[tuple[Path, ...]], pd.DataFrame]] = {
    "us_stocks": _closes,
    "us_index": _closes,
    "factor_etfs": _closes,
    "us_stock_bars": _stock_bars,
    "us_index_bars": _index_bars,
    "vix": _vix,
    "oil": _oil,
    "oil_monthly": _oil_monthly,
    "corporate_yields": _corporate_yields,
    "fama_french": _fama_french,
    "core_cpi": _core_cpi,
    "us_macro": _us_macro,
}
