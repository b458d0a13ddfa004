"""Volatility from ranges: by hand, and against a price whose volatility is known."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine, drawn_bars

REGISTRY = FeatureEngine().registry
OF_RANGES = ("parkinson", "garman_klass", "rogers_satchell", "yang_zhang")


def of(text, columns):
    spec = REGISTRY.spec(text)
    (found,) = spec.evaluate(*[columns[name] for name in spec.inputs])
    return found


def walk(days, *, volatility=0.3, drift=0.0, steps=2_000, seed=3):
    """Return bars of a price that walks, `steps` steps a day, without gaps."""
    draw = np.random.default_rng(seed)
    daily = volatility / math.sqrt(252)
    moves = draw.standard_normal((days, steps)) * daily / math.sqrt(steps) + drift / steps
    path = np.cumsum(moves.ravel()).reshape(days, steps)
    opens = np.r_[0.0, path[:-1, -1]]
    whole = np.column_stack([opens, path])
    prices = {"open": opens, "high": whole.max(1), "low": whole.min(1), "close": path[:, -1]}
    return {name: 100 * np.exp(logs) for name, logs in prices.items()}


def test_by_hand():
    two = {
        "open": np.array([100.0, 102.0]),
        "high": np.array([104.0, 105.0]),
        "low": np.array([99.0, 100.0]),
        "close": np.array([103.0, 101.0]),
    }
    first, second = math.log(104 / 99) ** 2, math.log(105 / 100) ** 2
    parkinson = math.sqrt((first + second) / 2 / (4 * math.log(2)) * 252)
    assert of("parkinson(window=2)", two)[-1] == pytest.approx(parkinson, rel=1e-12)
    body = (math.log(103 / 100) ** 2 + math.log(101 / 102) ** 2) / 2
    klass = math.sqrt(((first + second) / 4 - (2 * math.log(2) - 1) * body) * 252)
    assert of("garman_klass(window=2)", two)[-1] == pytest.approx(klass, rel=1e-12)


def test_close_to_close_is_the_one_of_pandas():
    close = drawn_bars(100)["close"]
    theirs = np.log(pd.Series(close)).diff().rolling(20).std() * math.sqrt(252)
    np.testing.assert_allclose(of("close_volatility", {"close": close}), theirs, rtol=1e-9)


@pytest.mark.parametrize("name", OF_RANGES)
def test_a_walk_of_known_volatility_is_measured(name):
    bars = walk(400)
    # 2,000 steps a day see a little less than the whole range
    assert of(f"{name}(window=399)", bars)[-1] == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(("name", "sees"), [("rogers_satchell", False), ("parkinson", True)])
def test_a_drift_is_volatility_to_some_and_not_to_others(name, sees):
    drifting = of(f"{name}(window=399)", walk(400, drift=0.03))[-1]
    assert bool(drifting > 0.35) is sees
