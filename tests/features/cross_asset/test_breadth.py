"""Average correlation and dispersion, beside pandas."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()


def test_average_correlations_are_those_of_the_matrix(closes, bars_of):
    found = ENGINE.compute(bars_of(closes), ["average_correlation"])
    returns = closes.pct_change(fill_method=None)
    for at in (60, 419):
        matrix = returns.iloc[at - 59 : at + 1].corr().to_numpy()
        own = (matrix.sum(axis=1) - 1) / 19
        pairs = matrix[np.triu_indices(20, 1)].mean()
        ours = found["average_correlation.own"].iloc[at].to_numpy()
        assert ours == pytest.approx(own, abs=1e-12)
        everywhere = found["average_correlation.all"].iloc[at].to_numpy()
        assert everywhere == pytest.approx(np.full(20, pairs), abs=1e-12)


@pytest.mark.parametrize("window", [1, 5])
def test_dispersion_is_the_deviation_across_instruments(closes, bars_of, window):
    found = ENGINE.compute(bars_of(closes), [f"dispersion(window={window})"])
    (ours,) = found.values()
    theirs = closes.pct_change(window, fill_method=None).std(axis=1)
    for name in ("AAPL", "XOM"):
        pd.testing.assert_series_equal(
            ours[name], theirs, check_names=False, check_freq=False, rtol=1e-10
        )
