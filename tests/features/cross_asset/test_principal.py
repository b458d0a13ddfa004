"""Principal components, beside scikit-learn and numpy."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()


@pytest.mark.parametrize("window", [12, 60])  # fewer returns than stocks, and more
def test_exposures_and_shares_are_those_of_scikit_learn(closes, bars_of, window):
    found = ENGINE.compute(bars_of(closes), [f"pca_exposure(window={window},components=2)"])
    returns = closes.pct_change(fill_method=None)
    for at in (window, 200, 419):
        part = returns.iloc[at - window + 1 : at + 1]
        scores = ((part - part.mean()) / part.std()).to_numpy()
        fit = PCA(2, svd_solver="full").fit(scores)
        theirs = fit.components_ * np.sqrt(fit.explained_variance_)[:, None]
        ours = np.array([found[column].iloc[at].to_numpy() for column in found])
        signs = np.sign((ours[:2] * theirs).sum(axis=1))
        assert ours[:2] == pytest.approx(theirs * signs[:, None], abs=1e-9)
        assert ours[2] == pytest.approx(np.full(20, fit.explained_variance_ratio_[0]), abs=1e-12)
        assert ours[3] == pytest.approx(np.full(20, fit.explained_variance_ratio_[1]), abs=1e-12)


def test_an_exposure_is_the_correlation_with_the_component(closes, bars_of):
    found = ENGINE.compute(bars_of(closes), ["pca_exposure(window=60,components=1)"])
    part = closes.pct_change(fill_method=None).iloc[-60:]
    scores = (part - part.mean()) / part.std()
    ours = found["pca_exposure(window=60, components=1).exposure_1"].iloc[-1]
    component = scores @ ours
    assert scores.corrwith(component).to_numpy() == pytest.approx(ours.to_numpy(), abs=1e-9)


def test_signs_do_not_flip_from_bar_to_bar(closes, bars_of):
    found = ENGINE.compute(bars_of(closes), ["pca_exposure(window=60)"])
    for number in (1, 2, 3):
        exposures = found[f"pca_exposure(window=60).exposure_{number}"].iloc[60:].to_numpy()
        assert ((exposures[1:] * exposures[:-1]).sum(axis=1) > 0).all()
    assert (found["pca_exposure(window=60).exposure_1"].iloc[60:].sum(axis=1) > 0).all()


def test_the_same_price_twice_has_one_component(closes, bars_of):
    twice = pd.DataFrame({name: closes["AAPL"] * k for k, name in enumerate("ABC", 1)})
    twice = twice.rename_axis(columns="symbol")
    found = ENGINE.compute(bars_of(twice), ["pca_exposure(window=60,components=2)"])
    last = [found[column].iloc[-1].to_numpy() for column in found]
    assert last[0] == pytest.approx([1, 1, 1])
    assert np.isnan(last[1]).all()
    assert last[2] == pytest.approx([1, 1, 1])
    assert last[3] == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("window", [12, 60])
def test_the_absorption_ratio_is_that_of_the_eigenvalues(closes, bars_of, window):
    found = ENGINE.compute(bars_of(closes), [f"absorption_ratio(window={window})"])
    (ours,) = found.values()
    part = closes.pct_change(fill_method=None).iloc[-window:]
    values = np.linalg.eigvalsh(part.cov())
    assert ours.iloc[-1].to_numpy() == pytest.approx(np.full(20, values[-4:].sum() / values.sum()))
