"""Which series goes before."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()
DAYS = pd.date_range("2024-01-01", periods=400, tz="UTC", name="timestamp")


def priced(**returns):
    frame = pd.DataFrame(returns, DAYS).rename_axis(columns="symbol")
    return 100 * (1 + frame).cumprod()


@pytest.mark.parametrize("lag", [-3, 0, 2])
def test_a_planted_lag_is_found(bars_of, lag):
    draw = np.random.default_rng(3).standard_normal(410) * 0.01
    other, own = draw[5:405], draw[5 - lag : 405 - lag]
    noise = np.random.default_rng(4).standard_normal(400) * 0.003
    found = ENGINE.compute(bars_of(priced(A=own + noise, B=other)), ["lead_lag(against=B)"])
    assert set(found["lead_lag(against=B).lag"]["A"].dropna()) == {float(lag)}
    last = found["lead_lag(against=B).correlation"]["A"].iloc[-1]
    x, y = (own + noise)[-120:], other[-120:]
    now, before = (x[lag:], y[: 120 - lag]) if lag >= 0 else (x[:lag], y[-lag:])
    assert last == pytest.approx(np.corrcoef(now, before)[0, 1], rel=1e-9)


@pytest.mark.parametrize("lag", [-2, 0, 1, 5])
def test_a_lagged_correlation_is_that_of_pandas(closes, bars_of, lag):
    found = ENGINE.compute(bars_of(closes), [f"lagged_correlation(against=JPM,lag={lag})"])
    (ours,) = found.values()
    returns = closes.pct_change(fill_method=None)
    own, other = returns.shift(max(-lag, 0)), returns["JPM"].shift(max(lag, 0))
    theirs = own.rolling(60).corr(other)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9, check_freq=False, check_names=False)
