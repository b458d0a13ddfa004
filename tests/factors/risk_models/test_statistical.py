import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from statsmodels.multivariate import pca

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models import StatisticalModel
from nautilus_lab.factors.risk_models._statistical import information_criteria


def panel(*, t, n, k, seed=0, noise=0.01):
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.01, (t, k)) @ rng.normal(0.5, 1, (k, n))
    days = pd.date_range("2018-01-01", periods=t, tz="UTC")
    return pd.DataFrame(common + rng.normal(0, noise, (t, n)), days, [f"S{i}" for i in range(n)])


def test_what_components_explain_is_sklearns():
    returns = panel(t=300, n=40, k=3)
    model = StatisticalModel(n_factors=3, scale=False).fit(returns)
    peer = PCA(3).fit(returns)
    explained = model.exposures.to_numpy() @ model.exposures.to_numpy().T
    expected = peer.components_.T * peer.explained_variance_ @ peer.components_
    np.testing.assert_allclose(explained, expected, atol=1e-14)


def test_the_criterion_is_statsmodels_bai_and_ng():
    returns = panel(t=120, n=30, k=3)
    peer = pca.PCA(returns, standardize=True)
    scaled = (returns - returns.mean()) / returns.std(ddof=0)
    sizes = np.linalg.svd(scaled.to_numpy(), compute_uv=False)
    found = information_criteria(sizes, 120, 30, 10)
    # statsmodels leaves out the division by the number of returns, the same for every count.
    expected = peer.ic["IC_p2"].iloc[:11] - np.log(120 * 30)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("criterion", ["bai_ng", "marchenko_pastur"])
@pytest.mark.parametrize(("t", "n"), [(400, 60), (120, 400)])
def test_the_number_of_planted_factors_is_found(criterion, t, n):
    """With more symbols than periods too, where the covariance has no inverse."""
    model = StatisticalModel(n_factors=criterion).fit(panel(t=t, n=n, k=4))
    assert len(model.factors) == 4


def test_the_covariance_has_the_variances_of_the_sample():
    returns = panel(t=400, n=50, k=3)
    model = StatisticalModel().fit(returns)
    np.testing.assert_allclose(np.diag(model.covariance()), returns.var(), rtol=0.02)


def test_with_more_symbols_than_periods_risk_is_nearer_to_the_truth_than_the_samples():
    rng = np.random.default_rng(5)
    load = rng.normal(1, 0.5, (2, 300))
    own = rng.uniform(0.01, 0.03, 300)
    truth = load.T @ load * 1e-4 + np.diag(own**2)
    days = pd.date_range("2018-01-01", periods=100, tz="UTC")
    values = rng.normal(0, 0.01, (100, 2)) @ load + rng.normal(size=(100, 300)) * own
    model = StatisticalModel().fit(pd.DataFrame(values, days))
    far = np.linalg.norm(np.cov(values.T) - truth)
    assert np.linalg.norm(model.covariance() - truth) < far
    least = np.linalg.solve(model.covariance(), np.ones(300))
    least /= least.sum()
    forecast = np.sqrt(least @ model.covariance().to_numpy() @ least)
    assert forecast == pytest.approx(np.sqrt(least @ truth @ least), rel=0.5)


def test_few_symbols_are_not_explained_by_as_many_factors():
    """The criterion falls again where nothing is left to explain; its authors' bound is kept."""
    model = StatisticalModel().fit(panel(t=2_000, n=20, k=1, noise=0.005))
    assert len(model.factors) <= 5
    assert model.specific_variance.min() > 1e-5


def test_signs_do_not_depend_on_the_decomposition():
    model = StatisticalModel(n_factors=5).fit(panel(t=200, n=30, k=5))
    assert (model.exposures.sum() >= 0).all()


def test_bad_input_is_named():
    returns = panel(t=50, n=10, k=1)
    with pytest.raises(BadData, match="must move; got still"):
        StatisticalModel().fit(returns.assign(still=0.0))
    with pytest.raises(NotEnoughData, match="10 factors take more than 11 periods"):
        StatisticalModel(n_factors=10).fit(returns)
    with pytest.raises(NotEnoughData, match="at least 3 periods and 3 symbols"):
        StatisticalModel().fit(returns.iloc[:, :2])
    with pytest.raises(InputError, match="count of at least 1 or a criterion"):
        StatisticalModel(n_factors="elbow")
    with pytest.raises(InputError, match="count of at least 1"):
        StatisticalModel(n_factors=0)
    with pytest.raises(InputError, match="max_factors must be at least 1"):
        StatisticalModel(max_factors=0)
