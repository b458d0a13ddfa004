"""The number of independent trials, on trials whose number is known."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.analytics.significance import effective_trials, expected_max_sharpe
from nautilus_lab.analytics.significance._effective import _number_of, weighted_spread
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData


def groups(rho, *, groups=10, each=10, periods=500, seed=0):
    """Trials in groups; within one they correlate by `rho`, between them not at all."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((periods, groups, 1))
    own = rng.standard_normal((periods, groups, each))
    return pd.DataFrame((math.sqrt(rho) * shared + math.sqrt(1 - rho) * own).reshape(periods, -1))


@pytest.mark.parametrize(("rho", "number"), [(0.0, 100), (0.3, 100), (0.98, 10)])
def test_clusters_count_groups_that_are_alike_and_single_trials_that_are_not(rho, number):
    assert effective_trials(groups(rho)).number == number


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.7, 0.9, 0.97])
def test_maxima_find_the_number_whose_best_shows_what_the_best_of_these_shows(rho):
    rng = np.random.default_rng(9)
    shared, own = rng.standard_normal((4000, 10, 1)), rng.standard_normal((4000, 10, 10))
    drawn = (math.sqrt(rho) * shared + math.sqrt(1 - rho) * own).reshape(4000, -1).max(axis=1)
    found = effective_trials(groups(rho, periods=2_000), method="maxima")
    # In the unit that matters: what is expected of the best.
    assert expected_max_sharpe(found.number, 1.0) == pytest.approx(drawn.mean(), abs=0.08)


def test_the_number_belongs_to_its_maximum():
    for n in (2, 10, 5_000):
        assert _number_of(expected_max_sharpe(n, 1.0)) == pytest.approx(n, rel=1e-6)


def test_copies_and_multiples_are_one_trial_and_opposites_are_two():
    one = np.random.default_rng(1).standard_normal(100)
    tried = pd.DataFrame({"a": one, "b": 3 * one + 1, "c": -one})
    assert effective_trials(tried).number == 2
    assert effective_trials(tried).weights.tolist() == [0.5, 0.5, 1]


def test_gaps_are_compared_over_what_both_know_and_equal_pandas():
    rng = np.random.default_rng(3)
    base = rng.standard_normal((300, 1))
    values = pd.DataFrame(0.99 * base + 0.14 * rng.standard_normal((300, 6)))
    values = values.mask(rng.random(values.shape) < 0.3)
    least = values.corr(min_periods=20).to_numpy().min()
    assert effective_trials(values, threshold=least - 1e-4).number == 1
    assert effective_trials(values, threshold=0.9999).number == 6


def test_correlations_with_gaps_are_those_of_pandas():
    from nautilus_lab.analytics.significance._effective import _distances, _standardised

    rng = np.random.default_rng(5)
    values = rng.standard_normal((700, 40)).T.copy()
    values[1] = values[0] + 0.1 * values[1]
    values[rng.random(values.shape) < 0.2] = np.nan
    unit, known, _ = _standardised(values)
    expected = 1 - pd.DataFrame(values.T).corr().to_numpy()[np.triu_indices(40, 1)]
    np.testing.assert_allclose(_distances(unit, known), expected, atol=2e-5)


def test_trials_that_share_too_little_or_never_move_stay_alone():
    rng = np.random.default_rng(1)
    early, late = np.full(60, np.nan), np.full(60, np.nan)
    early[:40], late[25:] = rng.standard_normal(40), rng.standard_normal(35)
    tried = pd.DataFrame({"early": early, "late": late, "flat": 0.1 + 0.2, "none": np.nan})
    found = effective_trials(tried)
    assert (found.number, found.n_alone, found.n_compared) == (4, 2, 2)


def test_one_trial_is_one_by_either_method():
    one = pd.DataFrame({"a": np.random.default_rng(1).standard_normal(50)})
    assert effective_trials(one).number == 1
    assert effective_trials(one, method="maxima").number == pytest.approx(1, abs=0.05)


def test_of_too_many_a_sample_is_compared_and_scaled():
    found = effective_trials(groups(0.98), most=40, seed=1)
    assert found.n_compared == 40
    assert 10 <= found.number <= 40  # ten groups; a sample never finds fewer than its share
    assert found.weights.sum() == pytest.approx(found.number)


def test_neither_count_depends_on_scale_or_order():
    tried = groups(0.95, groups=5, each=4)
    turned = tried.iloc[:, ::-1] * np.arange(1, 21)
    for method in ("clusters", "maxima"):
        first, second = (effective_trials(one, method=method).number for one in (tried, turned))
        assert first == pytest.approx(second, rel=1e-3)


def test_a_spread_weighs_clusters_and_leaves_out_what_is_not_known():
    weights, values = np.array([0.5, 0.5, 1, 1]), np.array([1.0, 1.0, 3.0, math.nan])
    mean, variance = weighted_spread(weights, values)
    assert (mean, variance) == (2.0, np.var([1, 3], ddof=1))
    assert weighted_spread(np.ones(1), np.array([2.0])) == (2.0, 0.0)
    assert weighted_spread(np.ones(1), np.array([math.nan]))[1] == 0.0


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"method": "onc"}, InputError),
        ({"threshold": 0}, InputError),
        ({"threshold": 1.1}, InputError),
        ({"most": 1}, InputError),
    ],
)
def test_what_breaks_a_rule_is_refused(settings, error):
    with pytest.raises(error):
        effective_trials(groups(0.5), **settings)


def test_no_trial_and_an_infinite_return_are_refused():
    with pytest.raises(NotEnoughData):
        effective_trials(pd.DataFrame(index=range(5)))
    with pytest.raises(BadData):
        effective_trials(pd.DataFrame({"a": [1.0, math.inf]}))
