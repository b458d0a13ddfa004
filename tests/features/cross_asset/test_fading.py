"""Exponentially weighted comovement, beside pandas."""

import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()


@pytest.mark.parametrize("span", [5, 60])
def test_correlation_and_beta_are_those_of_pandas(closes, bars_of, span):
    asked = [f"{name}(against=JPM,span={span})" for name in ("ewm_correlation", "ewm_beta")]
    found = ENGINE.compute(bars_of(closes), asked)
    returns = closes.pct_change(fill_method=None).iloc[1:]
    other = returns["JPM"]
    ewm = returns.ewm(span=span, min_periods=span)
    of_other = other.ewm(span=span, min_periods=span)
    theirs = [ewm.corr(other), ewm.cov(other).div(of_other.var(), axis=0)]
    for ours, one in zip(found.values(), theirs, strict=True):
        pd.testing.assert_frame_equal(
            ours.iloc[1:], one, rtol=1e-9, check_freq=False, check_names=False
        )
