import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.risk import HistoricalRisk, ParametricRisk, calibrated_shortfall, stressed_risk


@pytest.fixture(scope="module")
def stormy(frame):
    """A storm in the periods 700 to 1000, in opposite directions for C."""
    storm = pd.Series(1.0, index=frame.index)
    storm.iloc[700:1000] = 4.0
    return frame.mul(storm, axis=0)


def test_the_window_found_is_the_worst_of_all_measured_one_by_one(stormy, weights):
    found = stressed_risk(stormy.iloc[400:1600], weights, window=250)
    model = HistoricalRisk(confidence=0.975)
    each = [
        model.measure(stormy.iloc[at : at + 250], weights).expected_shortfall
        for at in range(400, 1600 - 250 + 1)
    ]
    worst = int(np.argmax(each))
    assert found.n_windows == len(each)
    assert found.begin == stormy.index[400 + worst]
    assert found.end == stormy.index[400 + worst + 249]
    assert found.stressed.expected_shortfall == pytest.approx(each[worst], rel=1e-12)
    assert found.current.expected_shortfall == pytest.approx(each[-1], rel=1e-12)
    assert found.ratio > 2


def test_other_models_search_as_well(stormy, weights):
    found = stressed_risk(stormy, weights, model=ParametricRisk(), window=300)
    assert found.begin in stormy.index[690:710]
    assert found.stressed.method == "parametric"


def test_the_window_depends_on_what_is_held():
    rng = np.random.default_rng(1)
    values = 0.01 * rng.standard_normal((900, 2))
    values[100:300, 0] *= 5
    values[600:800, 1] *= 5
    returns = pd.DataFrame(values, pd.date_range("2000-01-03", periods=900, tz="UTC"), ["A", "B"])
    early = stressed_risk(returns, {"A": 1.0, "B": 0.1}, window=200)
    late = stressed_risk(returns, {"A": 0.1, "B": 1.0}, window=200)
    assert early.end < returns.index[450] < late.begin


def test_without_a_loss_today_there_is_no_ratio(stormy):
    rising = stormy["A"].abs()
    rising.iloc[700:720] = -0.05
    found = stressed_risk(rising)
    assert found.stressed.expected_shortfall == pytest.approx(0.05)
    assert np.isnan(found.ratio)


def test_a_series_of_a_portfolio_does_as_well(stormy):
    alone = stressed_risk(stormy["A"])
    framed = stressed_risk(stormy, {"A": 1.0})
    assert alone.begin == framed.begin
    assert alone.stressed.expected_shortfall == framed.stressed.expected_shortfall


def test_the_calibrated_shortfall_is_the_standards_product(stormy, weights):
    history = stormy[["A", "B", "D"]]
    recent = stormy.tail(252)
    made = calibrated_shortfall(recent, weights, history=history, least_share=0.5)
    model = HistoricalRisk(confidence=0.975)
    reduced = {symbol: weights[symbol] for symbol in history}
    full = model.measure(recent, weights).expected_shortfall
    current = model.measure(history.tail(252), reduced).expected_shortfall
    stressed = stressed_risk(history, reduced).stressed.expected_shortfall
    assert made.value == pytest.approx(stressed * max(1, full / current), rel=1e-12)
    assert made.share == pytest.approx(current / full, rel=1e-12)


def test_a_reduced_set_that_carries_more_is_not_scaled_down(stormy):
    hedged = {"A": 1.0, "B": -0.5}
    made = calibrated_shortfall(stormy.tail(252), hedged, history=stormy[["A"]])
    assert made.share > 1
    assert made.value == made.reduced_stressed


def test_a_reduced_set_that_carries_little_is_refused(stormy):
    with pytest.raises(BadData, match=r"must carry 75%"):
        calibrated_shortfall(stormy, {"A": 0.1, "B": 5.0}, history=stormy[["A"]])


@pytest.mark.parametrize(
    ("arguments", "error", "rule"),
    [
        ({"window": 50}, InputError, "window must be at least the 100 periods"),
        ({"window": 3000}, NotEnoughData, "at least 3000 rows"),
    ],
)
def test_windows_that_cannot_be_searched_are_refused(stormy, weights, arguments, error, rule):
    with pytest.raises(error, match=rule):
        stressed_risk(stormy, weights, **arguments)


def test_histories_that_do_not_belong_together_are_refused(stormy):
    with pytest.raises(InputError, match="some of what is held"):
        calibrated_shortfall(stormy, {"A": 1.0}, history=stormy[["B"]])
    with pytest.raises(BadData, match="end on the same period"):
        calibrated_shortfall(stormy, {"A": 1.0}, history=stormy[["A"]].iloc[:-1])
    with pytest.raises(InputError, match="least_share"):
        calibrated_shortfall(stormy, {"A": 1.0}, history=stormy[["A"]], least_share=float("nan"))
