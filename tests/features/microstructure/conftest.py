"""Ticks for these tests: drawn ones, declared so."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import drawn_ticks


def frame_of(columns, symbol="A"):
    """Return columns as a long frame of one instrument; the times are those of the column."""
    times = pd.to_datetime(np.round(columns["time"] * 1e9).astype(np.int64), utc=True)
    index = pd.MultiIndex.from_arrays([times, [symbol] * len(times)], names=["timestamp", "symbol"])
    return pd.DataFrame({k: v for k, v in columns.items() if k != "time"}, index)


@pytest.fixture(scope="session")
def drawn():
    return frame_of(drawn_ticks(800))


@pytest.fixture(scope="session")
def two(drawn):
    """Two instruments, their ticks interleaved."""
    both = pd.concat([drawn, frame_of(drawn_ticks(700, seed=8), "B")])
    return both.sort_index(level="timestamp", sort_remaining=False, kind="stable")
