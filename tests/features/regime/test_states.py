"""States of a price: scores beside pandas, scipy and arch; states by hand and of planted paths."""

import numpy as np
import pandas as pd
import pytest
from arch.unitroot import VarianceRatio
from scipy.stats import ttest_1samp

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine
from nautilus_lab.features.regime import MARKET_REGIMES

ENGINE = FeatureEngine()
DRAW = np.random.default_rng(5)
WALK = 100 * np.exp(np.cumsum(DRAW.standard_normal(1_500) * 0.01))


def of(text, close):
    return ENGINE.registry.spec(text).evaluate(np.asarray(close, dtype=float))


def held(scores, enter, leave):
    """Return states told in another way: runs that a score beyond `enter` began."""
    out = []
    for score in scores:
        before = out[-1] if out else 0.0
        side = np.sign(score)
        stays = before == side != 0 and abs(score) >= leave
        out.append(np.nan if np.isnan(score) else side if abs(score) >= enter or stays else 0.0)
    return np.array(out)


def autoregressive(weight):
    shocks = np.random.default_rng(8).standard_normal(1_500) * 0.01
    returns = np.zeros(1_500)
    for at in range(1, 1_500):
        returns[at] = weight * returns[at - 1] + shocks[at]
    return 100 * np.exp(np.cumsum(returns))


def test_the_place_of_volatility_is_that_of_pandas():
    state, place = of("volatility_state(window=20,lookback=100)", WALK)
    deviation = pd.Series(np.log(WALK)).diff().rolling(20).std()
    theirs = (deviation.rolling(100).rank() - 1) / 99
    assert place == pytest.approx(theirs.to_numpy(), nan_ok=True)
    assert np.array_equal(state, held(2 * place - 1, 0.6, 0.3), equal_nan=True)
    assert set(state[119:]) == {-1.0, 0.0, 1.0}


def test_a_burst_of_volatility_is_high_and_a_calm_is_low():
    scale = np.full(900, 0.01)
    scale[400:460], scale[600:660] = 0.04, 0.002
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).standard_normal(900) * scale))
    state, _ = of("volatility_state", close)
    assert (state[425:460] == 1).all()
    assert (state[625:660] == -1).all()


def test_the_score_of_momentum_is_students_t():
    state, found = of("momentum_state(window=40)", WALK)
    returns = np.diff(np.log(WALK))
    for at in (40, 700, 1_499):
        theirs = ttest_1samp(returns[at - 40 : at], 0.0).statistic
        assert found[at] == pytest.approx(theirs, rel=1e-10)
    assert np.array_equal(state, held(found, 1.0, 0.5), equal_nan=True)


def test_a_price_that_rises_then_falls_is_up_then_down():
    drift = np.r_[np.full(300, 0.004), np.full(300, -0.004)]
    close = 100 * np.exp(np.cumsum(drift + np.random.default_rng(2).standard_normal(600) * 0.005))
    state, _ = of("momentum_state", close)
    assert (state[60:300] == 1).all()
    assert (state[370:] == -1).all()


@pytest.mark.parametrize("lag", [2, 5, 10])
def test_the_score_of_reversion_is_that_of_arch(lag):
    _, found = of(f"reversion_state(window=200,lag={lag})", WALK)
    logs = np.log(WALK)
    for at in (200, 900, 1_499):
        theirs = VarianceRatio(logs[at - 200 : at + 1], lags=lag, robust=True).stat
        assert found[at] == pytest.approx(theirs, rel=1e-9)


def test_returns_that_go_on_trend_and_returns_that_turn_back_revert():
    def share(weight, code):
        state, _ = of("reversion_state(window=500)", autoregressive(weight))
        return float((state[500:] == code).mean())

    assert share(0.3, 1) > 0.95
    assert share(-0.3, -1) > 0.95
    assert share(0.0, 0) > 0.8


def test_a_fall_goes_through_correction_and_bear_and_back_by_half_of_each():
    path = [100, 95, 89, 85, 79, 85, 89, 91, 94, 96, 99]
    state, down = of("drawdown_state(window=2,correction=0.001,bear=0.002)", [3.0, 3.0])
    assert np.array_equal(state, [np.nan, 0], equal_nan=True)
    state, down = of("drawdown_state(window=12)", [*[100] * 11, *path])
    assert down[11:] == pytest.approx(1 - np.array(path) / 100)
    #                          100 95 89 85 79 85 89 91 94 96 99
    assert state[11:].tolist() == [0, 0, 1, 1, 2, 2, 2, 1, 1, 0, 0]


def test_without_hysteresis_states_change_more_often():
    def changes(hold):
        state, _ = of(f"momentum_state(hold={hold})", WALK)
        return int((np.diff(state[60:]) != 0).sum())

    assert changes(0.25) < changes(0.5) < changes(1)


def test_the_regime_of_a_market_is_both_states_in_one():
    code, volatility, momentum = of("market_regime", WALK)
    assert np.array_equal(volatility, of("volatility_state", WALK)[0], equal_nan=True)
    own = of("momentum_state", WALK)[0]
    known = np.isfinite(code)
    assert np.array_equal(momentum[known], own[known])
    assert np.array_equal(code[known], 3 * (volatility + 1)[known] + (momentum + 1)[known])
    assert known[271:].all()
    assert not known[:271].any()
    assert set(MARKET_REGIMES) == set(range(9))
    named = [MARKET_REGIMES[int(one)].split() for one in code[known]]
    rises, turbulent = momentum[known] == 1, volatility[known] == 1
    assert [("rise" in words) for words in named] == rises.tolist()
    assert [("turbulent" in words) for words in named] == turbulent.tolist()


def test_what_stands_still_has_no_momentum_and_begins_anew_after():
    close = np.r_[WALK[:200], np.full(100, WALK[199]), WALK[200:400]]
    state, found = of("momentum_state(window=20)", close)
    assert np.isnan(state[220:300]).all()
    assert np.isnan(found[220:300]).all()
    assert np.isfinite(state[300:]).all()
    assert np.array_equal(state[300:], held(found[300:], 1.0, 0.5))


def test_a_shallower_bear_than_a_correction_is_refused():
    with pytest.raises(InputError, match=r"deeper fall .* got correction=0\.2, bear=0\.1"):
        _ = ENGINE.registry.spec("drawdown_state(correction=0.2,bear=0.1)").warm_up
