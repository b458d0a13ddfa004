import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.risk import (
    FilteredHistoricalRisk,
    HistoricalRisk,
    ParametricRisk,
    backtest_value_at_risk,
    rolling_risk,
)

DAYS = pd.date_range("2000-01-03", periods=300, tz="UTC")


def pnl_with(*losses):
    pnl = pd.Series(1.0, index=DAYS)
    pnl.iloc[: len(losses)] = [-loss for loss in losses]
    return pnl


SAID = pd.Series(10.0, index=DAYS)


def test_a_loss_on_the_value_at_risk_is_within_and_above_it_is_not():
    report = backtest_value_at_risk(pnl_with(10.0, 10.000001, 9.0, 50.0), SAID)
    assert list(np.flatnonzero(report.exceptions)) == [1, 3]
    assert (report.n_exceptions, report.n_observations, report.missing) == (2, 300, 0)


def test_missing_data_is_an_exception():
    pnl, said = pnl_with(0.0), SAID.copy()
    pnl.iloc[5] = np.nan
    said.iloc[7] = np.nan
    report = backtest_value_at_risk(pnl, said)
    assert list(np.flatnonzero(report.exceptions)) == [5, 7]
    assert report.missing == 2
    assert "nan" not in report.tear_sheet().html


def test_of_two_profits_the_one_with_more_exceptions_counts():
    few, many = pnl_with(20.0), pnl_with(20.0, 20.0, 20.0)
    for actual, hypothetical in ((few, many), (many, few)):
        report = backtest_value_at_risk(actual, SAID, hypothetical=hypothetical)
        assert report.n_exceptions == 3
        assert {report.actual_exceptions, report.hypothetical_exceptions} == {1, 3}
    assert backtest_value_at_risk(few, SAID).hypothetical_exceptions is None


def test_the_zone_looks_at_the_last_250_periods():
    early = pnl_with(*[20.0] * 12)
    report = backtest_value_at_risk(early, SAID)
    assert (report.n_exceptions, report.light.exceptions, report.light.zone) == (12, 0, "green")
    late = early.iloc[::-1].set_axis(DAYS)
    assert backtest_value_at_risk(late, SAID).light.zone == "red"


def test_the_zone_takes_the_higher_count_of_the_last_250_periods_by_itself():
    long_ago = pnl_with(*[20.0] * 20)
    lately = pnl_with(*[20.0] * 6).iloc[::-1].set_axis(DAYS)
    report = backtest_value_at_risk(long_ago, SAID, hypothetical=lately)
    assert (report.n_exceptions, report.light.exceptions, report.light.zone) == (20, 6, "yellow")


def test_the_sheet_tells_power_and_that_it_is_no_regulatory_figure():
    text = backtest_value_at_risk(pnl_with(20.0), SAID).tear_sheet().text
    assert "chance of 40%: not to reject proves little" in text
    assert "not a regulatory figure" in text


def test_a_history_that_is_long_enough_is_not_excused():
    days = pd.date_range("2000-01-03", periods=3000, tz="UTC")
    report = backtest_value_at_risk(pd.Series(1.0, days), pd.Series(10.0, days))
    text = report.tear_sheet().text
    assert "chance of 99%. " in text
    assert "proves little" not in text


def test_the_chart_marks_the_exceptions():
    figure = backtest_value_at_risk(pnl_with(20.0, 1.0, 30.0), SAID).plot()
    assert list(figure.data[2].y) == [-20.0, -30.0]


def test_times_must_agree_and_numbers_be_finite():
    with pytest.raises(BadData, match="times of the value at risk; got 1 times"):
        backtest_value_at_risk(pnl_with(1.0).iloc[1:], SAID)
    with pytest.raises(BadData, match="P&L must be finite"):
        backtest_value_at_risk(pnl_with(np.inf), SAID)
    with pytest.raises(InputError, match="value at risk must be a Series"):
        backtest_value_at_risk(pnl_with(1.0), 10.0)
    with pytest.raises(NotEnoughData, match="at least 2 rows"):
        backtest_value_at_risk(pnl_with(1.0).iloc[:1], SAID.iloc[:1])


@pytest.mark.parametrize(
    "model",
    [HistoricalRisk(), ParametricRisk(confidence=0.95), FilteredHistoricalRisk(confidence=0.95)],
    ids=repr,
)
def test_each_rolling_figure_is_the_measure_of_the_periods_before(model, frame, weights):
    rolled = rolling_risk(frame.head(270), weights, model=model, window=250)
    assert len(rolled) == 20
    for row in (0, 7, 19):
        report = model.measure(frame.iloc[row : row + 250], weights)
        at = frame.index[row + 250]
        assert rolled["value_at_risk"][at] == pytest.approx(report.value_at_risk, rel=1e-12)
        told = rolled["expected_shortfall"][at]
        assert told == pytest.approx(report.expected_shortfall, rel=1e-12)
        came = (frame.loc[at] * pd.Series(weights)).sum()
        assert rolled["return"][at] == pytest.approx(came, rel=1e-12)


def test_a_right_model_passes_and_one_of_half_the_risk_does_not(frame, weights):
    rolled = rolling_risk(frame, weights, model=ParametricRisk(confidence=0.95), window=500)
    honest = backtest_value_at_risk(rolled["return"], rolled["value_at_risk"], confidence=0.95)
    assert not honest.kupiec.rejected()
    half = backtest_value_at_risk(rolled["return"], rolled["value_at_risk"] / 2, confidence=0.95)
    assert half.kupiec.rejected(level=1e-6)
    assert half.light.zone == "red"


def test_a_window_that_the_model_cannot_use_is_refused(frame, weights):
    with pytest.raises(InputError, match="at least the 100 periods that the model needs; got 60"):
        rolling_risk(frame, weights, window=60)
    with pytest.raises(NotEnoughData, match="at least 251 rows; got 250"):
        rolling_risk(frame.head(250), weights, window=250)
