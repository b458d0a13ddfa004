import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Two thousand days of four symbols that move together, somewhat skewed."""
    rng = np.random.default_rng(11)
    common = rng.standard_normal((2000, 1))
    values = 0.0005 + 0.01 * (0.6 * common + 0.8 * rng.standard_normal((2000, 4)))
    values += 0.007 * np.minimum(rng.standard_normal((2000, 4)), 0) * [1, 2, 0, 1]
    days = pd.date_range("2000-01-03", periods=2000, tz="UTC")
    return pd.DataFrame(values, index=days, columns=["A", "B", "C", "D"])


@pytest.fixture(scope="session")
def weights() -> dict[str, float]:
    return {"A": 0.5, "B": 0.4, "C": -0.3, "D": 0.2}


@pytest.fixture(scope="session")
def sp500() -> pd.DataFrame:
    """Daily returns of the S&P 500 from 1990 to 2022, real closes."""
    from skfolio.datasets import load_sp500_index

    closes = load_sp500_index()
    closes.index = pd.DatetimeIndex(closes.index, tz="UTC")
    closes.columns = ["SP500"]
    return closes.pct_change().iloc[1:]
