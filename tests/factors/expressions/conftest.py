import numpy as np
import pandas as pd
import pytest

ROWS, SYMBOLS = 160, 7


@pytest.fixture(scope="session")
def fields():
    """Drawn fields of 160 days and 7 symbols, nothing missing, some values equal."""
    rng = np.random.default_rng(11)
    days = pd.bdate_range("2020-01-01", periods=ROWS, tz="UTC")
    symbols = [f"S{i}" for i in range(SYMBOLS)]

    def frame(values):
        return pd.DataFrame(values, days, symbols)

    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, SYMBOLS)), axis=0))
    opened = close * np.exp(rng.normal(0, 0.01, close.shape))
    volume = rng.integers(1, 9, close.shape) * 100.0  # many are equal
    returns = np.round(rng.normal(0, 0.02, close.shape), 3)
    sectors = np.array(["energy", "banks", "energy", "banks", "mines", "mines", "banks"])
    return {
        "open": frame(opened),
        "high": frame(np.maximum(opened, close) * 1.01),
        "low": frame(np.minimum(opened, close) * 0.99),
        "close": frame(close),
        "volume": frame(volume),
        "vwap": frame((opened + close) / 2),
        "returns": frame(returns),
        "sector": frame(np.tile(sectors, (ROWS, 1))),
        "industry": frame(np.tile(np.array(list("aabbbcc")), (ROWS, 1))),
        "subindustry": frame(np.tile(np.array(list("aabbccc")), (ROWS, 1))),
    }


@pytest.fixture(scope="session")
def gappy(fields):
    """The same with a fortieth of all values missing, and a symbol that is listed late."""
    rng = np.random.default_rng(12)
    found = {}
    for name, frame in fields.items():
        missing = rng.random(frame.shape) < 0.025
        if name != "sector":
            missing[:40, 2] = True
        found[name] = frame.mask(missing)
    return found
