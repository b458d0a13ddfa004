import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models import bias_statistics

DAYS = pd.bdate_range("2020-01-01", periods=400, tz="UTC")


def frame(values):
    return pd.DataFrame(values, DAYS, ["right", "low", "high"])


@pytest.fixture
def returns():
    return frame(np.random.default_rng(0).normal(0, 0.01, (400, 3)))


@pytest.fixture
def forecasts():
    return frame(np.tile([0.01, 0.005, 0.02], (400, 1)))


def test_a_right_forecast_has_a_bias_of_1_and_a_low_one_more(returns, forecasts):
    found = bias_statistics(returns, forecasts)
    np.testing.assert_allclose(found.table["bias"], [1.0, 2.0, 0.5], rtol=0.06)
    assert found.table["inside"].tolist() == [True, False, False]
    assert found.table["bias"]["low"] == pytest.approx(returns["low"].std() / 0.005)


def test_right_forecasts_lie_outside_of_the_interval_one_time_in_twenty():
    rng = np.random.default_rng(1)
    names = [f"P{i}" for i in range(1_000)]
    returns = pd.DataFrame(rng.normal(0, 0.01, (400, 1_000)), DAYS, names)
    found = bias_statistics(returns, returns * 0 + 0.01)
    assert 0.03 < 1 - found.table["inside"].mean() < 0.07


def test_returns_that_are_not_known_yet_are_not_counted(returns, forecasts):
    returns.iloc[-1] = np.nan
    assert (bias_statistics(returns, forecasts).table["n"] == 399).all()


def test_what_cannot_be_judged_is_named(returns, forecasts):
    with pytest.raises(NotEnoughData, match="got 5 of right, low, high"):
        bias_statistics(returns.iloc[:5], forecasts.iloc[:5])
    with pytest.raises(BadData, match="got 0 of low at 2020-01-01"):
        bias_statistics(returns, forecasts.assign(low=0.0))
    with pytest.raises(InputError, match="without high"):
        bias_statistics(returns.drop(columns="high"), forecasts)


def test_it_shows(returns, forecasts):
    found = bias_statistics(returns, forecasts)
    assert repr(found).startswith("BiasStatistics(3 portfolios, mean=1.")
    assert "Bias by portfolio" in found.tear_sheet().text
