import json
from gzip import open as unzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# real data and recorded answers, where they lie beside the repository
SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def prices():
    """Two years of 40 symbols that share a market."""
    rng = np.random.default_rng(5)
    market = rng.normal(0.0003, 0.008, (504, 1))
    returns = market + rng.normal(0.0, 0.012, (504, 40))
    days = pd.bdate_range("2018-01-02", periods=504, tz="UTC", name="time")
    symbols = [f"S{i:02d}" for i in range(40)]
    return pd.DataFrame(50 * np.exp(np.cumsum(returns, axis=0)), days, symbols)


@pytest.fixture(scope="session")
def scores(prices):
    """A weak foresight: the next returns under much noise, so that results are not trivial."""
    rng = np.random.default_rng(6)
    ahead = (prices.shift(-2) / prices.shift(-1) - 1).fillna(0.0)
    return ahead + rng.normal(0, 0.05, prices.shape)


@pytest.fixture(scope="session")
def recorded():
    """Return what reads a recorded answer; it skips where the recordings are not there."""

    def read(name):
        path = SHARED / "recorded" / name
        if not path.exists():
            pytest.skip(f"no recording of {name} beside this repository")
        with unzip(path) if path.suffix == ".gz" else path.open("rb") as file:
            return pd.read_csv(file, sep="|") if path.suffix == ".csv" else json.load(file)

    return read


@pytest.fixture(scope="session")
def dataset():
    """Return what reads a data set; it skips where the data are not there."""

    def read(name):
        path = SHARED / "data" / name
        if not path.exists():
            pytest.skip(f"no data set {name} beside this repository")
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)

    return read
