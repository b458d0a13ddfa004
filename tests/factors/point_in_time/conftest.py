import json
from gzip import open as unzip
from pathlib import Path

import pandas as pd
import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture
def prices():
    """Eight business days, the fifth after a weekend, of three symbols."""
    days = pd.bdate_range("2024-05-01", periods=8, tz="UTC")
    return pd.DataFrame(100.0, days, ["A", "B", "C"])


@pytest.fixture(scope="session")
def recorded():
    """Return what reads a recorded answer; it skips where the recordings are not there."""

    def read(name):
        path = SHARED / "recorded" / name
        if not path.exists():
            pytest.skip(f"no recording of {name} beside this repository")
        with unzip(path) if path.suffix == ".gz" else path.open("rb") as file:
            return json.load(file)

    return read


@pytest.fixture(scope="session")
def dataset():
    """Return what reads a data set; it skips where the data are not there."""

    def read(name):
        path = SHARED / "data" / name
        if not path.exists():
            pytest.skip(f"no data set {name} beside this repository")
        return pd.read_parquet(path)

    return read
