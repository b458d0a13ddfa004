"""The probability of overfitting against a loop over all splits."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from nautilus_lab.analytics.significance import overfitting
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData


def frame(values):
    return pd.DataFrame(values, pd.date_range("2020-01-01", periods=len(values), tz="UTC"))


def by_loop(values, blocks):
    length = len(values) // blocks
    cut = values[len(values) - length * blocks :].reshape(blocks, length, -1)
    logits, losses = [], []
    for half in itertools.combinations(range(blocks), blocks // 2):
        rest = [b for b in range(blocks) if b not in half]
        before, after = np.concatenate(cut[list(half)]), np.concatenate(cut[rest])
        best = (before.mean(0) / before.std(0, ddof=1)).argmax()
        out = after.mean(0) / after.std(0, ddof=1)
        rank = rankdata(out)[best] / (values.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
        losses.append(out[best] < 0)
    return np.array(logits), float(np.mean(losses))


def test_it_is_what_a_loop_over_all_splits_finds():
    values = np.random.default_rng(1).normal(0.0002, 0.01, (203, 7))
    found = overfitting(frame(values), blocks=6)
    logits, losses = by_loop(values, 6)
    np.testing.assert_allclose(found.logits, logits)
    assert found.probability == (logits <= 0).mean()
    assert found.loss_probability == losses
    assert (found.n_splits, found.n_trials) == (20, 7)


def test_noise_is_chosen_no_better_than_by_chance():
    drawn = np.random.default_rng(4).normal(0, 0.01, (20, 400, 30))
    mean = np.mean([overfitting(frame(one), blocks=8).probability for one in drawn])
    assert 0.35 < mean < 0.65


def test_skill_is_found_again_and_its_returns_are_not_lost():
    values = np.random.default_rng(2).normal(0, 0.01, (800, 20))
    values[:, 3] += 0.01
    found = overfitting(frame(values), blocks=8)
    assert (found.probability, found.loss_probability) == (0, 0)


def test_a_trial_that_never_moves_is_not_chosen_over_one_that_gains():
    values = np.random.default_rng(2).normal(0.005, 0.01, (100, 3))
    values[:, 1] = 0.7  # no risk: not a ratio, however large
    found = overfitting(frame(values), blocks=4)
    assert np.isfinite(found.logits).all()
    assert np.isfinite(found.slope)


def test_equal_trials_rank_in_the_middle():
    one = np.random.default_rng(2).normal(0, 0.01, 64)
    found = overfitting(frame(np.stack([one, one, one], axis=1)), blocks=4)
    assert found.logits.tolist() == [0.0] * 6


@pytest.mark.parametrize(
    ("shape", "settings", "error"),
    [
        ((100, 3), {"blocks": 5}, InputError),
        ((100, 3), {"blocks": 22}, InputError),
        ((31, 3), {"blocks": 16}, NotEnoughData),
        ((100, 1), {}, NotEnoughData),
    ],
)
def test_what_breaks_a_rule_is_refused(shape, settings, error):
    with pytest.raises(error):
        overfitting(frame(np.random.default_rng(1).normal(size=shape)), **settings)


def test_a_missing_return_is_refused_with_its_place():
    values = np.ones((40, 2)) * [0.1, 0.2]
    values[3, 1] = math.nan
    with pytest.raises(BadData, match="2020-01-04"):
        overfitting(frame(values), blocks=4)
