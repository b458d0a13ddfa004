"""Single figures, against hand computation and other libraries."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nautilus_lab.analytics import (
    annual_return,
    annual_volatility,
    calmar_ratio,
    drawdown_series,
    market_model,
    max_drawdown,
    sharpe_ratio,
    sortino_ratio,
    total_return,
    worst_drawdowns,
)
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData


def series(values, freq="B"):
    days = pd.date_range("2010-01-04", periods=len(values), freq=freq, tz="UTC")
    return pd.Series(np.asarray(values, dtype=float), index=days)


DAILY = {"periods_per_year": 252}
UP_DOWN = series([0.02, -0.01, 0.02, -0.01])


def test_a_year_of_one_percent_a_month_is_the_textbooks_12_68_percent():
    assert annual_return(series([0.01] * 12), periods_per_year=12) == pytest.approx(0.12682503)


def test_total_return_compounds():
    assert total_return(series([0.1, -0.1])) == pytest.approx(-0.01)


def test_volatility_by_hand():
    # Deviations of 0.015 from a mean of 0.005; sample variance 4 * 0.015**2 / 3.
    by_hand = math.sqrt(4 * 0.015**2 / 3) * math.sqrt(252)
    assert annual_volatility(UP_DOWN, **DAILY) == pytest.approx(by_hand)


def test_sharpe_by_hand_with_a_yearly_risk_free_rate_compounded_down():
    rate = 1.03 ** (1 / 252) - 1
    by_hand = (0.005 - rate) / math.sqrt(4 * 0.015**2 / 3) * math.sqrt(252)
    assert sharpe_ratio(UP_DOWN, risk_free=0.03, **DAILY) == pytest.approx(by_hand)


def test_sortino_by_hand_divides_by_all_periods():
    by_hand = 0.005 / math.sqrt(2 * 0.01**2 / 4) * math.sqrt(252)
    assert sortino_ratio(UP_DOWN, **DAILY) == pytest.approx(by_hand)


def test_figures_agree_with_empyrical(returns, benchmark):
    ep = pytest.importorskip("empyrical")
    rate = 1.02 ** (1 / 252) - 1
    pairs = [
        (annual_return(returns, **DAILY), ep.annual_return(returns)),
        (annual_volatility(returns, **DAILY), ep.annual_volatility(returns)),
        (sharpe_ratio(returns, risk_free=0.02, **DAILY), ep.sharpe_ratio(returns, risk_free=rate)),
        (
            sortino_ratio(returns, risk_free=0.02, **DAILY),
            ep.sortino_ratio(returns, required_return=rate),
        ),
        (calmar_ratio(returns, **DAILY), ep.calmar_ratio(returns)),
        (max_drawdown(returns).depth, ep.max_drawdown(returns)),
        (total_return(returns), ep.cum_returns_final(returns)),
        (market_model(returns, benchmark, **DAILY).beta, ep.beta(returns, benchmark)),
        # empyrical compounds a period's alpha to a year; here it is multiplied.
        (
            (1 + market_model(returns, benchmark, **DAILY).alpha / 252) ** 252 - 1,
            ep.alpha(returns, benchmark),
        ),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, rel=1e-10)


def test_figures_agree_with_quantstats_where_definitions_do(returns, benchmark):
    qs = pytest.importorskip("quantstats.stats")
    naive, level = returns.tz_localize(None), benchmark.tz_localize(None)
    greeks = qs.greeks(naive, level, periods=252)
    model = market_model(returns, benchmark, **DAILY)
    pairs = [
        (sharpe_ratio(returns, **DAILY), qs.sharpe(naive, periods=252)),
        (sortino_ratio(returns, **DAILY), qs.sortino(naive, periods=252)),
        (annual_volatility(returns, **DAILY), qs.volatility(naive, periods=252)),
        (max_drawdown(returns).depth, qs.max_drawdown(naive)),
        (model.beta, greeks["beta"]),
        (model.alpha, greeks["alpha"]),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(float(theirs), rel=1e-9)


def test_the_market_model_is_statsmodels_least_squares(returns, benchmark):
    rate = 1.02 ** (1 / 252) - 1
    ols = sm.OLS(returns - rate, sm.add_constant(benchmark - rate)).fit()
    model = market_model(returns, benchmark, risk_free=0.02, **DAILY)
    assert model.alpha == pytest.approx(ols.params.iloc[0] * 252, rel=1e-9)
    assert model.beta == pytest.approx(ols.params.iloc[1], rel=1e-12)
    assert model.alpha_t == pytest.approx(ols.tvalues.iloc[0], rel=1e-9)
    assert model.r_squared == pytest.approx(ols.rsquared, rel=1e-12)
    assert model.n_observations == 2520


def test_a_portfolio_is_its_own_market(returns):
    model = market_model(returns, returns, **DAILY)
    assert (model.beta, model.r_squared) == (pytest.approx(1.0), pytest.approx(1.0))
    assert model.alpha == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(model.alpha_t)


def test_drawdown_counts_the_start_as_a_peak():
    assert drawdown_series(series([-0.5, 0.5, 1.0])).to_list() == [-0.5, -0.25, 0.0]


def test_the_deepest_drawdown_has_its_peak_trough_and_recovery():
    values = series([0.10, -0.20, -0.25, 1.0, -0.1])
    worst = max_drawdown(values)
    assert worst.depth == pytest.approx(-0.4)
    assert (worst.peak, worst.trough, worst.recovery) == tuple(values.index[[0, 2, 3]])


def test_a_loss_from_the_first_day_on_has_no_peak_date_and_an_open_one_no_recovery():
    values = series([-0.1, -0.1, 0.05])
    worst = max_drawdown(values)
    assert worst.peak is None
    assert worst.trough == values.index[1]
    assert worst.recovery is None


def test_without_a_loss_there_is_no_drawdown():
    rising = series([0.01, 0.0, 0.02])
    assert max_drawdown(rising).depth == 0.0
    assert max_drawdown(rising).trough is None
    assert worst_drawdowns(rising) == ()
    assert math.isnan(calmar_ratio(rising, **DAILY))


def test_worst_drawdowns_are_separate_spells_in_order_of_depth(returns):
    spells = worst_drawdowns(returns, count=4)
    depths = [spell.depth for spell in spells]
    assert depths == sorted(depths)
    assert depths[0] == max_drawdown(returns).depth
    losses = drawdown_series(returns)
    for spell in spells:
        inside = losses[spell.peak : spell.recovery].iloc[1:-1]
        assert (inside < 0).all()
        assert inside.min() == spell.depth


@settings(max_examples=80, deadline=None)
@given(hnp.arrays(float, st.integers(1, 60), elements=st.floats(-0.3, 2.0)))
def test_no_drawdown_is_positive_or_a_loss_of_everything(values):
    losses = drawdown_series(series(values)).to_numpy()
    assert ((losses <= 0) & (losses > -1)).all()
    assert max_drawdown(series(values)).depth == losses.min()


def test_ratios_over_no_risk_have_no_value():
    constant = series([0.001] * 7)
    assert math.isnan(sharpe_ratio(constant, **DAILY))
    assert math.isnan(sortino_ratio(constant, **DAILY))
    assert annual_volatility(constant, **DAILY) == 0.0


FIGURES = [annual_return, annual_volatility, sharpe_ratio, sortino_ratio, calmar_ratio]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("periods", [0, -1, float("nan"), float("inf")])
def test_periods_per_year_must_be_positive(figure, periods):
    with pytest.raises(InputError, match="periods_per_year must be a positive number"):
        figure(UP_DOWN, periods_per_year=periods)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_missing_return_is_refused_with_its_day(figure):
    with pytest.raises(BadData, match="2010-01-05"):
        figure(series([0.1, math.nan, 0.1]), **DAILY)


@pytest.mark.parametrize("figure", FIGURES)
def test_unsorted_returns_are_refused(figure):
    with pytest.raises(BadData, match="sorted"):
        figure(UP_DOWN.iloc[::-1], **DAILY)


@pytest.mark.parametrize("figure", FIGURES)
def test_an_empty_series_is_refused(figure):
    with pytest.raises(NotEnoughData):
        figure(UP_DOWN.iloc[:0], **DAILY)


@pytest.mark.parametrize("figure", [annual_volatility, sharpe_ratio, sortino_ratio])
def test_one_return_has_no_deviation(figure):
    with pytest.raises(NotEnoughData, match="at least 2 rows; got 1"):
        figure(series([0.01]), **DAILY)


@pytest.mark.parametrize("figure", [annual_return, calmar_ratio])
def test_a_loss_of_everything_does_not_compound(figure):
    with pytest.raises(BadData, match=r"above -1.*got -1 at 2010-01-05"):
        figure(series([0.1, -1.0, 0.1]), **DAILY)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_risk_free_rate_that_cannot_compound_is_refused(rate):
    with pytest.raises(InputError, match="risk_free"):
        sharpe_ratio(UP_DOWN, risk_free=rate, **DAILY)


def test_a_benchmark_with_a_day_missing_is_refused_with_the_day(returns, benchmark):
    with pytest.raises(BadData, match="none at 2010-01-06, 1 missing"):
        market_model(returns, benchmark.drop(benchmark.index[2]), **DAILY)


def test_a_benchmark_that_does_not_vary_is_refused(returns):
    with pytest.raises(BadData, match="must vary"):
        market_model(returns, 0 * returns + 0.001, **DAILY)


def test_a_benchmark_in_another_time_zone_is_the_same_benchmark(returns, benchmark):
    there = benchmark.tz_convert("America/New_York")
    assert market_model(returns, there, **DAILY) == market_model(returns, benchmark, **DAILY)


def test_no_drawdowns_at_all_may_not_be_asked_for():
    with pytest.raises(InputError, match="count"):
        worst_drawdowns(UP_DOWN, count=0)
