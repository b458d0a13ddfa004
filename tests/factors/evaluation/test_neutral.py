import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors import evaluate, forward_returns


@pytest.fixture(scope="module")
def sectors(prices):
    return pd.Series({symbol: f"sector {place % 4}" for place, symbol in enumerate(prices)})


@pytest.fixture(scope="module")
def beta(prices):
    rng = np.random.default_rng(12)
    frame = pd.DataFrame(rng.normal(1, 0.3, prices.shape), prices.index, prices.columns)
    frame.iloc[:, 4] = np.nan
    return frame


def residuals(y, x):
    both = pd.concat([y.rename("y"), x], axis=1).dropna()
    return sm.OLS(both["y"], sm.add_constant(both.drop(columns="y"))).fit().resid


def test_scores_and_returns_are_the_residuals_of_statsmodels(scores, prices, beta, sectors):
    study = evaluate(scores, prices, horizons=(5,), neutral={"beta": beta, "sector": sectors})
    ahead = forward_returns(prices, [5])[5]
    dummies = pd.get_dummies(sectors, drop_first=True, dtype=float)
    for time in scores.index[[3, 77, 400]]:
        x = pd.concat([beta.loc[time].rename("beta"), dummies], axis=1)
        pair = pd.concat([residuals(scores.loc[time], x), residuals(ahead.loc[time], x)], axis=1)
        assert len(pair) == 39
        spearman = pair[0].corr(pair[1], method="spearman")
        assert study.ic.loc[time, 5] == pytest.approx(spearman, abs=1e-10)
        assert study.pearson_ic.loc[time, 5] == pytest.approx(pair[0].corr(pair[1]), abs=1e-10)
    assert study.dropped.loc["no group or exposure", 5] == len(scores)


def test_neutral_to_groups_is_a_regression_on_their_dummies(scores, prices, sectors):
    by_means = evaluate(scores, prices, groups=sectors, neutral="group")
    by_dummies = evaluate(scores, prices, neutral={"sector": sectors, "one": sectors})
    np.testing.assert_allclose(by_means.pearson_ic, by_dummies.pearson_ic, atol=1e-10)
    np.testing.assert_allclose(by_means.quantile_returns, by_dummies.quantile_returns, atol=1e-10)


def test_a_factor_that_is_nothing_but_its_sectors_is_not_studied_on_rounding(prices, sectors):
    level = sectors.map({f"sector {place}": 0.1 * place for place in range(4)})
    only = pd.DataFrame(np.tile(level, (len(prices), 1)), prices.index, prices.columns)
    only.iloc[:9] += np.random.default_rng(3).normal(size=(9, 40))
    study = evaluate(only, prices, horizons=(1,), groups=sectors, neutral="group")
    assert len(study.ic) == 9
    assert study.dropped.loc["all scores equal that date", 1] == (504 - 9) * 40


def test_groups_may_change_over_time(scores, prices, sectors):
    frame = pd.DataFrame(np.tile(sectors, (504, 1)), prices.index, prices.columns)
    fixed = evaluate(scores, prices, groups=sectors, neutral="group")
    pd.testing.assert_frame_equal(
        evaluate(scores, prices, groups=frame, neutral="group").ic, fixed.ic
    )
    frame.iloc[200:] = np.sort(frame.iloc[200:].to_numpy(), axis=1)
    moved = evaluate(scores, prices, groups=frame, neutral="group").ic
    pd.testing.assert_frame_equal(moved.iloc[:200], fixed.ic.iloc[:200])
    assert not np.allclose(moved.iloc[200:], fixed.ic.iloc[200:], equal_nan=True)


def test_what_cannot_be_neutral_is_refused(scores, prices):
    with pytest.raises(InputError, match="none, group, or exposures by name; got beta"):
        evaluate(scores, prices, neutral="beta")
    with pytest.raises(InputError, match="needs groups"):
        evaluate(scores, prices, neutral="group")
    with pytest.raises(InputError, match="label the symbols"):
        evaluate(scores, prices, groups={"X": "tech"})
    with pytest.raises(InputError, match="must not be empty"):
        evaluate(scores, prices, neutral={})
    with pytest.raises(InputError, match="known where scores are; got size"):
        evaluate(scores, prices, neutral={"size": pd.Series({"X": 1.0})})
    with pytest.raises(InputError, match="the study has no groups"):
        evaluate(scores, prices).ic_by_group()


def test_groups_of_alphalens_by_date_and_asset_are_taken_too(scores, prices, sectors):
    stacked = pd.DataFrame(np.tile(sectors, (504, 1)), prices.index, prices.columns).stack()
    naive = stacked.tz_localize(None, level=0).astype("category")
    fixed = evaluate(scores, prices, groups=sectors, neutral="group").ic
    for groups in (stacked, naive):
        found = evaluate(scores, prices, groups=groups, neutral="group").ic
        pd.testing.assert_frame_equal(found, fixed)


def test_exposures_in_another_zone_are_those_of_their_instants(scores, prices, beta):
    there = beta.tz_convert("America/New_York")
    settings = {"horizons": (5,)}
    pd.testing.assert_frame_equal(
        evaluate(scores, prices, neutral={"beta": there}, **settings).ic,
        evaluate(scores, prices, neutral={"beta": beta}, **settings).ic,
    )
    with pytest.raises(InputError, match="beta must have tz-aware times; got tz-naive"):
        evaluate(scores, prices, neutral={"beta": beta.tz_localize(None)})
    with pytest.raises(InputError, match="groups must have tz-aware times; got int64"):
        evaluate(scores, prices, groups=beta.reset_index(drop=True))
