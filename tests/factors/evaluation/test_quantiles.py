import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from arch.bootstrap import StationaryBootstrap
from scipy import stats

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors import evaluate, forward_returns
from nautilus_lab.factors.evaluation._quantiles import bootstrap_means


def test_errors_of_the_spread_are_statsmodels(scores, prices):
    study = evaluate(scores, prices, horizons=(1, 5))
    for bar in study.horizons:
        values = study.spread[bar].dropna()
        fit = sm.OLS(values.to_numpy(), np.ones(len(values))).fit(
            cov_type="HAC", cov_kwds={"maxlags": bar - 1, "use_correction": True}
        )
        row = study.spread_summary.loc[bar]
        assert row["mean"] == pytest.approx(fit.params[0])
        assert row["error"] == pytest.approx(fit.bse[0], rel=1e-10)
        assert row["t"] == pytest.approx(fit.tvalues[0], rel=1e-10)
        assert row["hit_rate"] == (values > 0).mean()


def test_the_quantile_table_has_the_means_of_the_study(scores, prices):
    study = evaluate(scores, prices, horizons=(1, 5))
    table = study.quantile_summary()
    np.testing.assert_allclose(table["mean"].unstack("horizon"), study.quantile_returns)
    assert (table.loc[5, "n_dates"] == 504 - 6).all()


def test_samples_of_the_bootstrap_are_as_wide_as_those_of_arch():
    rng = np.random.default_rng(0)
    values = np.zeros((800, 2))
    for row in range(1, 800):
        values[row] = 0.7 * values[row - 1] + rng.normal(size=2)
    mine = bootstrap_means(values, draws=4_000, block=10, seed=1)
    theirs = StationaryBootstrap(10, values, seed=3).apply(lambda drawn: drawn.mean(0), 2_000)
    np.testing.assert_allclose(mine.mean(0), values.mean(0), atol=0.01)
    np.testing.assert_allclose(mine.std(0), theirs.std(0), rtol=0.06)
    # Blocks of one are independent draws: the textbook error of a mean.
    alone = bootstrap_means(values, draws=4_000, block=1, seed=1)
    np.testing.assert_allclose(alone.std(0), values.std(0) / 800**0.5, rtol=0.05)


def test_foresight_rises_with_each_quantile_and_noise_does_not(prices):
    rng = np.random.default_rng(21)
    ahead = forward_returns(prices, [1])[1]
    noise = pd.DataFrame(rng.normal(size=prices.shape), prices.index, prices.columns)
    seen = evaluate(ahead + 0.01 * noise, prices, horizons=(1,)).monotonicity().loc[1]
    assert seen["spearman"] == pytest.approx(1.0)
    assert seen["steps_up"] == 1
    assert seen["smallest_step"] > 0
    assert seen["p_value"] < 0.01
    blind = evaluate(noise, prices, horizons=(1,)).monotonicity().loc[1]
    assert blind["p_value"] > 0.1
    assert evaluate(-ahead, prices, horizons=(1,)).monotonicity().loc[1, "p_value"] > 0.9


def test_the_test_of_monotonicity_rejects_flat_returns_about_as_often_as_it_says():
    rng = np.random.default_rng(4)
    rejected = 0
    for trial in range(200):
        means = rng.normal(size=(150, 3))
        steps = np.diff(means.mean(0))
        drawn = np.diff(bootstrap_means(means, draws=200, block=5, seed=trial), axis=1) - steps
        rejected += (drawn.min(1) > steps.min()).mean() < 0.1
    assert stats.binomtest(rejected, 200, 0.1).pvalue > 1e-3


def test_the_same_seed_gives_the_same_p_value(scores, prices):
    study = evaluate(scores, prices, horizons=(5,))
    pd.testing.assert_frame_equal(study.monotonicity(seed=2), study.monotonicity(seed=2))
    with pytest.raises(InputError, match="needs a draw"):
        study.monotonicity(draws=0)
