"""Closes of twenty US stocks, as skfolio ships them, and bars of one price each."""

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def closes():
    from skfolio.datasets import load_sp500_dataset

    found = load_sp500_dataset().iloc[-420:].astype(float)
    return found.tz_localize("UTC").rename_axis(index="timestamp", columns="symbol")


@pytest.fixture(scope="session")
def bars_of():
    def made(closes):
        long = closes.stack().sort_index()
        columns = dict.fromkeys(("open", "high", "low", "close"), long)
        return pd.DataFrame({**columns, "volume": 1.0})

    return made
