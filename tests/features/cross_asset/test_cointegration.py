"""Cointegration, beside statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tsa.stattools import coint

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()


@pytest.mark.parametrize("lags", [0, 1, 4])
def test_the_statistic_and_the_verdict_are_those_of_statsmodels(closes, bars_of, lags):
    pair = closes[["CVX", "XOM"]]
    (label, *_) = found = ENGINE.compute(
        bars_of(pair), [f"cointegration(against=XOM,lags={lags},window=100)"]
    )
    name = label.rpartition(".")[0]
    logs = np.log(pair)
    for at in (99, 180, 260, 419):
        part = logs.iloc[at - 99 : at + 1]
        statistic, _, critical = coint(part["CVX"], part["XOM"], maxlag=lags, autolag=None)
        ours = {
            one: found[f"{name}.{one}"]["CVX"].iloc[at] for one in ("statistic", "cointegrated")
        }
        assert ours["statistic"] == pytest.approx(statistic, rel=1e-8)
        assert ours["cointegrated"] == float(statistic < critical[1])


def test_the_spread_is_what_a_regression_leaves(closes, bars_of):
    pair = closes[["CVX", "XOM"]]
    found = ENGINE.compute(bars_of(pair), ["cointegration(against=XOM)"])
    part = np.log(pair).iloc[-120:]
    fit = sm.OLS(part["CVX"], sm.add_constant(part["XOM"])).fit()
    last = {column.rpartition(".")[2]: found[column]["CVX"].iloc[-1] for column in found}
    assert last["hedge_ratio"] == pytest.approx(fit.params["XOM"], rel=1e-9)
    score = fit.resid.iloc[-1] / math.sqrt(fit.mse_resid)
    assert last["zscore"] == pytest.approx(score, rel=1e-8)
    spread = fit.resid.to_numpy()
    slope = sm.OLS(np.diff(spread), spread[:-1]).fit().params[0]
    assert last["half_life"] == pytest.approx(-math.log(2) / slope, rel=1e-8)


def test_a_planted_pair_is_found_and_two_walks_mostly_are_not(bars_of):
    draw = np.random.default_rng(5)
    walks = np.cumsum(draw.standard_normal((3_000, 2)) * 0.01, axis=0)
    spread = np.zeros(3_000)
    for at in range(1, 3_000):
        spread[at] = 0.7 * spread[at - 1] + draw.standard_normal() * 0.004
    days = pd.date_range("2014-01-01", periods=3_000, tz="UTC", name="timestamp")
    columns = {"X": walks[:, 0], "Y": 1.5 * walks[:, 0] + spread, "Z": walks[:, 1]}
    closes = np.exp(pd.DataFrame(columns, days).rename_axis(columns="symbol")) * 50
    found = ENGINE.compute(bars_of(closes), ["cointegration(against=X)"])
    verdict = found["cointegration(against=X).cointegrated"]
    assert verdict["Y"].mean() > 0.9
    # Windows overlap, so that the share of false ones is only about the five percent of the test.
    assert verdict["Z"].mean() < 0.15
    assert found["cointegration(against=X).hedge_ratio"]["Y"].mean() == pytest.approx(1.5, abs=0.05)
    # Half of a deviation is gone after ln 2 / 0.3 bars; windows make that shorter.
    assert 1 < found["cointegration(against=X).half_life"]["Y"].median() < 2.4


def test_a_series_and_itself_have_no_spread(closes, bars_of):
    found = ENGINE.compute(bars_of(closes[["CVX", "XOM"]]), ["cointegration(against=XOM)"])
    assert found["cointegration(against=XOM).statistic"]["XOM"].isna().all()
