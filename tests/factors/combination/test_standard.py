import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import mstats

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors import neutralise, standardise, winsorise


@pytest.fixture
def rough(scores):
    found = scores.round(2)
    found[np.random.default_rng(2).random(scores.shape) < 0.2] = np.nan
    found.iloc[5] = 1.0
    return found


def test_standard_scores_are_scipys(rough):
    varied = rough.drop(rough.index[5])
    theirs = stats.zscore(varied.to_numpy(), axis=1, ddof=1, nan_policy="omit")
    found = standardise(rough).to_numpy()
    np.testing.assert_allclose(np.delete(found, 5, 0), theirs, atol=1e-12)
    assert np.isnan(found[5]).all()


def test_ranks_are_standardised_too(rough):
    ranks = rough.rank(axis=1)
    theirs = ranks.sub(ranks.mean(axis=1), axis=0).div(ranks.std(axis=1), axis=0)
    found = standardise(rough, scale="rank").drop(rough.index[5])
    pd.testing.assert_frame_equal(found, theirs.drop(rough.index[5]), check_freq=False)
    shares = rough.rank(axis=1).sub(0.5).div(rough.notna().sum(axis=1), axis=0)
    np.testing.assert_allclose(standardise(rough, scale="normal"), stats.norm.ppf(shares))
    pd.testing.assert_frame_equal(standardise(rough, scale="none"), rough)


def test_outliers_are_brought_into_the_quantiles_of_pandas(rough):
    low, high = rough.quantile(0.1, axis=1), rough.quantile(0.9, axis=1)
    expected = rough.clip(low, high, axis=0)
    pd.testing.assert_frame_equal(winsorise(rough, share=0.1), expected)
    whole = pd.DataFrame([np.arange(41.0)], rough.index[:1])
    theirs = mstats.winsorize(np.arange(41.0), limits=0.1)
    np.testing.assert_array_equal(winsorise(whole, share=0.1).iloc[0], theirs)


def test_residuals_are_not_correlated_with_what_was_taken_out(rough, prices):
    sectors = {symbol: "ABC"[place % 3] for place, symbol in enumerate(prices)}
    size = np.log(prices)
    left = neutralise(rough, groups=sectors, exposures={"size": size})
    np.testing.assert_allclose(left.T.groupby(sectors).mean(), 0, atol=1e-12)
    known = left.notna()
    cross = (left * size.where(known)).sum(axis=1) - left.mean(axis=1) * size.where(known).sum(
        axis=1
    )
    np.testing.assert_allclose(cross, 0, atol=1e-10)
    by_sector = neutralise(rough, groups=sectors)
    again = rough.T.groupby(sectors).transform(lambda names: names - names.mean()).T
    np.testing.assert_allclose(by_sector, again, atol=1e-12)


def test_settings_outside_their_bounds_are_refused(rough):
    with pytest.raises(InputError, match="a tail's share"):
        winsorise(rough, share=0.5)
    with pytest.raises(InputError, match="a scale must be"):
        standardise(rough, scale="huge")
    with pytest.raises(InputError, match="must be given"):
        neutralise(rough)
