import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def returns():
    """600 days of eight symbols in two sectors."""
    rng = np.random.default_rng(21)
    market = rng.normal(0.0004, 0.008, (600, 1))
    sectors = np.repeat(rng.normal(0, 0.006, (600, 2)), 4, axis=1)
    own = rng.normal(0, 1, (600, 8)) * np.linspace(0.006, 0.018, 8)
    drift = np.linspace(-0.0001, 0.0009, 8)
    days = pd.bdate_range("2019-01-01", periods=600, tz="UTC", name="time")
    return pd.DataFrame(market + sectors + own + drift, days, list("ABCDEFGH"))
