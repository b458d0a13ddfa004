import numpy as np
import pandas as pd
import pytest


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
