import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def factors(prices):
    """Three factors: one foretells five bars ahead, one the other way round, one nothing."""
    rng = np.random.default_rng(31)
    ahead = (prices.shift(-6) / prices.shift(-1) - 1).fillna(0.0)

    def noise(size):
        return pd.DataFrame(rng.normal(0, size, prices.shape), prices.index, prices.columns)

    made = {"good": ahead + noise(0.15), "turned": -ahead + noise(0.3), "blind": noise(1.0)}
    made["good"].iloc[:3] = np.nan
    return made
