"""Trend and time to breach, against scipy's slopes and the closed form of the first passage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.risk.early_warning import (
    Persistence,
    UtilisationTrend,
    first_passage_probability,
)

SECOND = 1_000_000_000


def fed(values, every_s=5.0, **settings):
    trend = UtilisationTrend(**settings)
    for at, value in enumerate(values):
        trend.observe(float(value), int(at * every_s * SECOND))
    return trend


@pytest.mark.parametrize("horizon_s", [1.0, 20.0, 100.0, 1e4])
@pytest.mark.parametrize("drift", [0.002, 0.01])
def test_the_first_passage_is_the_inverse_gaussian_distribution(drift, horizon_s):
    distance, volatility = 0.3, 0.02
    mean, shape = distance / drift, (distance / volatility) ** 2
    expected = stats.invgauss(mean / shape, scale=shape).cdf(horizon_s)
    found = first_passage_probability(distance, drift, volatility, horizon_s)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("drift", [-0.01, -0.001, 0.0, 0.004])
def test_the_first_passage_is_the_integral_of_its_density(drift):
    distance, volatility, horizon_s = 0.2, 0.03, 60.0

    def density(t):
        away = (distance - drift * t) ** 2 / (2 * volatility**2 * t)
        return distance / (volatility * math.sqrt(2 * math.pi * t**3)) * math.exp(-away)

    expected, _ = integrate.quad(density, 0, horizon_s)
    found = first_passage_probability(distance, drift, volatility, horizon_s)
    assert found == pytest.approx(expected, abs=1e-8)


def test_the_first_passage_at_its_edges():
    assert first_passage_probability(0.0, -1, 1, 1) == 1.0
    assert first_passage_probability(0.1, 1, 1, 0) == 0.0
    assert first_passage_probability(0.1, 0.01, 0.0, 10.0) == 1.0
    assert first_passage_probability(0.1, -0.01, 0.1, math.inf) == pytest.approx(math.exp(-0.2))
    assert first_passage_probability(0.1, 0.01, 0.1, math.inf) == 1.0
    assert math.isnan(first_passage_probability(math.nan, 0, 1, 1))
    # A drift that volatility hardly disturbs: the reflected term is exp(20000) Phi(-200).
    assert first_passage_probability(1.0, 1.0, 0.01, 0.9) == pytest.approx(0, abs=1e-12)
    assert first_passage_probability(1.0, 1.0, 0.01, 1.1) == pytest.approx(1)


@given(
    st.floats(1e-3, 1),
    st.floats(-0.1, 0.1),
    st.floats(1e-4, 0.1),
    st.lists(st.floats(0, 1e5), min_size=2, max_size=2).map(sorted),
)
def test_a_first_passage_is_a_probability_that_grows_with_time(distance, drift, volatility, times):
    early, late = (first_passage_probability(distance, drift, volatility, t) for t in times)
    assert 0 <= early <= late + 1e-9 <= 1 + 1e-9


@pytest.mark.parametrize("window", [20, 60])
def test_the_slope_is_that_of_theil_and_sen(window):
    rng = np.random.default_rng(window)
    values = 0.4 + 0.002 * np.arange(100) + 0.02 * rng.standard_t(3, 100)
    expected = stats.theilslopes(values[-window:], 5.0 * np.arange(100)[-window:]).slope
    assert fed(values, window=window).estimate().slope == pytest.approx(expected, rel=1e-9)


def test_a_quarter_of_bad_ticks_does_not_turn_the_slope():
    rng = np.random.default_rng(3)
    values = 0.4 + 0.002 * np.arange(60) + 0.001 * rng.standard_normal(60)
    bad = values.copy()
    bad[rng.choice(60, 15, replace=False)] = 25.0
    assert fed(values).estimate().slope == pytest.approx(0.0004, rel=0.02)
    assert fed(bad).estimate().slope == pytest.approx(0.0004, rel=0.25)
    least_squares = np.polyfit(5.0 * np.arange(60), bad, 1)[0]
    assert abs(least_squares - 0.0004) > 0.004


def test_the_deviation_of_a_slope_of_a_random_walk_is_what_simulation_finds():
    rng = np.random.default_rng(4)
    slopes, told = [], []
    for _ in range(400):
        walk = 0.3 + np.cumsum(0.01 * rng.standard_normal(60))
        found = fed(walk).estimate()
        slopes.append(found.slope)
        told.append(found.slope_deviation)
    assert np.std(slopes) == pytest.approx(np.median(told), rel=0.15)


def test_forecasts_are_calibrated_on_random_walks_whose_drift_is_not_known():
    """In ten groups by what was foretold, breaches come about as often as they were foretold."""
    rng = np.random.default_rng(5)
    told, came = [], []
    for _ in range(1500):
        drift = 0.0006 * rng.standard_normal()
        path = np.cumsum(5 * drift + 0.0112 * rng.standard_normal(120))
        path = path - path[59] + rng.uniform(0.75, 0.99)
        told.append(fed(path[:60]).forecast(300.0, now_ns=59 * 5 * SECOND).probability)
        came.append(path[60:].max() > 1.0)
    told, came = np.array(told), np.array(came, float)
    for low in np.arange(0, 1, 0.2):
        group = (told >= low) & (told < low + 0.2)
        # Seen every five seconds only, some passages are missed: foretold a little more than came.
        assert came[group].mean() - told[group].mean() == pytest.approx(-0.03, abs=0.09)
    brier = ((told - came) ** 2).mean()
    base = came.mean() * (1 - came.mean())
    assert brier < 0.75 * base  # persistence foretells 0 here, and scores came.mean()
    assert brier < came.mean()


def test_time_to_breach_is_where_the_forecast_reaches_its_probability():
    rng = np.random.default_rng(6)
    trend = fed(0.5 + 0.004 * np.arange(60) + np.cumsum(0.002 * rng.standard_normal(60)))
    found, now_ns = trend.estimate(), 59 * 5 * SECOND
    assert 0 < found.earliest_s < found.median_s < found.latest_s
    for share, at in ((0.1, found.earliest_s), (0.5, found.median_s), (0.9, found.latest_s)):
        assert trend.forecast(at, now_ns).probability == pytest.approx(share, abs=2e-3)


def test_what_rises_in_a_line_is_over_the_limit_when_the_line_is():
    found = fed(np.linspace(0.4, 0.8, 41)).estimate()  # 0.01 in 5 s: 20 left
    assert found.median_s == pytest.approx(100, rel=2e-3)
    assert found.earliest_s == pytest.approx(found.latest_s, rel=2e-3)


def test_what_falls_may_never_get_there_and_what_is_over_is_there():
    falling = fed(np.linspace(0.8, 0.4, 41)).estimate()
    assert falling.slope < 0
    assert math.isinf(falling.earliest_s)
    over = fed([1.2] * 20).estimate()
    assert (over.earliest_s, over.median_s) == (0.0, 0.0)
    still = fed([0.5] * 20)
    assert still.forecast(300, 20 * 5 * SECOND).probability == 0.0


def test_what_moves_by_rare_jumps_has_a_volatility():
    jumps = 0.5 + 0.08 * (np.arange(60) // 10 % 2)
    found = fed(jumps).estimate()
    changes = np.diff(jumps) / math.sqrt(5.0)
    assert found.slope == 0.0
    assert found.volatility == pytest.approx(np.sqrt(np.mean(changes**2)))


@pytest.mark.parametrize("jumps", [1, 2])
def test_a_jump_or_two_are_no_trend(jumps):
    levels = [0.0] * 20 + [0.5] * 20 + [0.7 if jumps == 2 else 0.5] * 20
    trend = fed(levels)
    assert math.isnan(trend.breach_in_s())
    assert math.isnan(trend.forecast(60, 0).probability)
    with pytest.raises(NotEnoughData, match="3 changes"):
        trend.estimate()
    for number in range(60):  # until the window has forgotten them
        trend.observe(levels[-1], (60 + number) * 5 * SECOND)
    assert trend.breach_in_s() == math.inf


def test_what_jumped_over_its_limit_is_over_it():
    assert fed([0.2] * 30 + [1.1] * 30).breach_in_s() == 0.0


def test_time_that_passed_since_the_last_observation_counts():
    rng = np.random.default_rng(7)
    walk = np.cumsum(0.01 * rng.standard_normal(60))
    trend = fed(0.98 + walk - walk[-1])
    last = 59 * 5 * SECOND
    later = trend.forecast(60, last + 60 * SECOND).probability
    assert later == pytest.approx(trend.forecast(120, last).probability)
    assert 0.01 < trend.forecast(60, last).probability < later - 0.01 < 0.99
    assert trend.forecast(60, last + 60 * SECOND).as_of_ns == last


def test_too_few_and_what_is_not_known_foretell_nothing():
    trend = fed([0.5] * 11)
    assert math.isnan(trend.forecast(60, 0).probability)
    with pytest.raises(NotEnoughData):
        trend.estimate()
    trend.observe(0.5, 11 * 5 * SECOND)
    assert trend.forecast(60, 0).probability == 0.0
    for bad in (math.nan, math.inf):
        trend.observe(bad, 12 * 5 * SECOND)
        assert math.isnan(trend.forecast(60, 0).probability)
        with pytest.raises(NotEnoughData):
            trend.estimate()
    trend.observe(0.5, 13 * 5 * SECOND)
    assert trend.forecast(60, 0).probability == 0.0


def test_what_is_not_later_than_the_last_is_ignored():
    trend = fed([0.5] * 20)
    trend.observe(0.99, 19 * 5 * SECOND)
    trend.observe(0.99, 0)
    assert trend.estimate().utilisation == 0.5
    assert trend.estimate().n_observations == 20


def test_settings_that_can_be_none_are_refused():
    for settings in ({"window": 4}, {"window": 501}, {"min_observations": 61}):
        with pytest.raises(InputError):
            UtilisationTrend(**settings)
    with pytest.raises(InputError):
        UtilisationTrend().forecast(0, 0)


@pytest.mark.parametrize("make", [UtilisationTrend, Persistence])
def test_what_every_forecaster_promises(make):
    forecaster = make()
    assert math.isnan(forecaster.forecast(60.0, 0).probability)
    for at in range(100):
        forecaster.observe(1.2 if at > 80 else 0.5, at * 5 * SECOND)
        told = forecaster.forecast(60.0, at * 5 * SECOND)
        assert told.in_service
        assert told.model
        assert math.isnan(told.probability) or 0 <= told.probability <= 1
    assert told.probability == 1.0
    assert told.as_of_ns == 99 * 5 * SECOND
    assert forecaster.forecast(60.0, told.as_of_ns) == told
    forecaster.observe(math.nan, 100 * 5 * SECOND)
    assert math.isnan(forecaster.forecast(60.0, 100 * 5 * SECOND).probability)
