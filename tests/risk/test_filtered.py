import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData
from nautilus_lab.risk import FilteredHistoricalRisk, HistoricalRisk, ewma_volatility


def test_scaled_returns_are_those_of_a_plain_loop(frame):
    returns = frame["A"]
    decay, warm_up = 0.9, 10
    variance = (returns.iloc[:warm_up] ** 2).mean()
    known = []
    for value in returns.iloc[warm_up:]:
        known.append(np.sqrt(variance))
        variance = decay * variance + (1 - decay) * value**2
    scaled = returns.iloc[warm_up:] * np.sqrt(variance) / known
    report = FilteredHistoricalRisk(decay=decay, warm_up=warm_up).measure(returns)
    expected = HistoricalRisk().measure(scaled)
    assert report.value_at_risk == pytest.approx(expected.value_at_risk, rel=1e-12)
    assert report.expected_shortfall == pytest.approx(expected.expected_shortfall, rel=1e-12)
    told = ewma_volatility(returns, decay=decay, warm_up=warm_up)
    assert told.to_numpy() == pytest.approx(np.array(known), rel=1e-12)


def test_volatility_agrees_with_pandas_once_the_beginning_is_forgotten(frame):
    ours = ewma_volatility(frame["A"], decay=0.94)
    theirs = np.sqrt((frame["A"] ** 2).ewm(alpha=0.06, adjust=False).mean().shift())
    assert ours.iloc[-500:].to_numpy() == pytest.approx(theirs.iloc[-500:].to_numpy(), rel=1e-9)


def test_a_storm_at_the_end_raises_the_figures_more_than_past_returns_do():
    rng = np.random.default_rng(8)
    values = 0.01 * rng.standard_normal(1000)
    values[-30:] *= 3
    returns = pd.Series(values, index=pd.date_range("2000-01-03", periods=1000, tz="UTC"))
    filtered = FilteredHistoricalRisk().measure(returns).value_at_risk
    assert filtered > 1.8 * HistoricalRisk().measure(returns).value_at_risk


def test_volatility_uses_nothing_of_its_own_period_or_later(frame):
    changed = frame["A"].copy()
    changed.iloc[1000:] = 0.5
    before, after = ewma_volatility(frame["A"]), ewma_volatility(changed)
    pd.testing.assert_series_equal(before.loc[: frame.index[1000]], after.loc[: frame.index[1000]])
    assert after.loc[frame.index[1001]] > before.loc[frame.index[1001]]


def test_a_symbol_that_begins_to_move_cannot_be_scaled():
    values = np.r_[np.zeros(50), 0.01 * np.ones(150)]
    returns = pd.Series(values, index=pd.date_range("2000-01-03", periods=200, tz="UTC"))
    with pytest.raises(BadData, match=r"cannot be scaled; got return 0\.01, volatility 0"):
        FilteredHistoricalRisk(min_observations=100).measure(returns)
