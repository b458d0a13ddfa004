"""A ledger in a folder of its own, declared noise, and functions that are found by name."""

import importlib
import sys

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.trials import Ledger

MODULE = """
import numpy as np
import pandas as pd


def tilt(prices, window=5, seed=0):
    held = prices.pct_change(window).gt(0).shift(1).eq(True).astype(float)
    drawn = np.random.default_rng(seed).normal(0, 1e-4, len(prices))
    return (held * prices.pct_change()).mean(axis=1).iloc[1:] + drawn[1:]


def unsteady(prices, calls=[]):
    calls.append(1)
    return prices.pct_change().mean(axis=1).iloc[1:] * len(calls)


def late(prices, calls=[]):
    calls.append(1)
    if len(calls) > 1:
        raise ZeroDivisionError("nothing to divide by")
    return prices.pct_change().mean(axis=1).iloc[1:]
"""


@pytest.fixture
def ledger(tmp_path):
    return Ledger(folder=tmp_path / "lab" / "trials")


@pytest.fixture
def study(ledger):
    return ledger.study("momentum")


@pytest.fixture
def noise():
    def drawn(n=100, seed=0, drift=0.0):
        values = np.random.default_rng(seed).normal(drift, 0.01, n)
        return pd.Series(values, pd.date_range("2020-01-01", periods=n, freq="B", tz="UTC"))

    return drawn


@pytest.fixture
def prices():
    rng = np.random.default_rng(1)
    days = pd.date_range("2020-01-01", periods=120, freq="B", tz="UTC")
    growth = np.exp(np.cumsum(rng.normal(0, 0.01, (120, 3)), axis=0))
    return pd.DataFrame(100 * growth, days, ["A", "B", "C"])


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of strategies; calling it writes another text in its place and loads that."""
    path = tmp_path / "tried_strategies.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(text=MODULE):
        import linecache

        path.write_text(text, "utf-8")
        linecache.clearcache()
        sys.modules.pop("tried_strategies", None)
        importlib.invalidate_caches()
        return importlib.import_module("tried_strategies")

    written.text = MODULE
    written()
    yield written
    sys.modules.pop("tried_strategies", None)
