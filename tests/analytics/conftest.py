import numpy as np
import pandas as pd
import pytest


def series(values, freq="B"):
    days = pd.date_range("2010-01-04", periods=len(values), freq=freq, tz="UTC")
    return pd.Series(np.asarray(values, dtype=float), index=days)


@pytest.fixture(scope="session")
def returns():
    return series(np.random.default_rng(11).standard_t(4, 2520) * 0.008 + 0.0004)


@pytest.fixture(scope="session")
def benchmark(returns):
    noise = series(np.random.default_rng(12).standard_normal(2520) * 0.006)
    return 0.6 * returns + noise
