import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors import WalkForward, combine, evaluate, forward_returns, standardise

WALK = WalkForward(horizon=5, window=60, min_dates=20, refit=15)
METHODS = ["equal", "ic", "icir", "regression", LinearRegression()]


def test_all_alike_is_the_mean_of_the_standard_scores(factors):
    both = combine(factors)
    by_hand = sum(
        frame.sub(frame.mean(axis=1), axis=0).div(frame.std(axis=1), axis=0)
        for frame in factors.values()
    )
    pd.testing.assert_frame_equal(both.scores, by_hand / 3)
    assert both.scores.iloc[:3].isna().all().all()
    assert both.through.isna().all()


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_only_the_past_teaches(factors, prices, method):
    whole = combine(factors, prices, method=method, walk=WALK)
    cut = {name: frame.iloc[:150] for name, frame in factors.items()}
    short = combine(cut, prices.iloc[:150], method=method, walk=WALK)
    assert short.scores.iloc[-1].notna().all()
    pd.testing.assert_frame_equal(short.scores, whole.scores.iloc[:150], rtol=1e-9)
    pd.testing.assert_frame_equal(short.weights, whole.weights.iloc[:150], rtol=1e-9)
    # Another future leaves it as it is, too.
    other = prices.copy()
    other.iloc[150:] = other.iloc[150:].to_numpy()[:, ::-1]
    again = combine(factors, other, method=method, walk=WALK)
    pd.testing.assert_frame_equal(again.scores.iloc[:150], whole.scores.iloc[:150], rtol=1e-9)


@pytest.mark.parametrize("method", METHODS[1:], ids=str)
def test_what_is_learned_from_lies_an_embargo_back(factors, prices, method):
    found = combine(factors, prices, method=method, walk=WALK)
    place = pd.Series(np.arange(504), prices.index)
    known = found.through.dropna()
    apart = place[known.index].to_numpy() - place[known].to_numpy()
    assert apart.min() == 6
    wide = WalkForward(horizon=5, window=60, min_dates=20, refit=15, embargo=11)
    known = combine(factors, prices, method=method, walk=wide).through.dropna()
    assert (place[known.index].to_numpy() - place[known].to_numpy()).min() == 11


def test_weights_by_ic_are_means_of_those_whose_returns_were_known(factors, prices):
    found = combine(factors, prices, method="ic", walk=WALK)
    by_ratio = combine(factors, prices, method="icir", walk=WALK)
    ics = pd.DataFrame(
        {
            name: evaluate(frame, prices, horizons=(5,), quantiles=2).ic[5]
            for name, frame in factors.items()
        }
    ).reindex(prices.index)
    past = ics.iloc[200 - 6 - 59 : 200 - 6 + 1]
    mean, ratio = past.mean(), past.mean() / past.std()
    np.testing.assert_allclose(found.weights.iloc[200], mean / mean.abs().sum(), atol=1e-12)
    np.testing.assert_allclose(by_ratio.weights.iloc[200], ratio / ratio.abs().sum(), atol=1e-12)
    assert found.weights["turned"].mean() < 0 < found.weights["good"].mean()


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_slopes_are_those_of_statsmodels_and_scikit_learn(factors, prices, ridge):
    found = combine(factors, prices, method="regression", walk=WALK, ridge=ridge)
    scaled = {name: standardise(frame) for name, frame in factors.items()}
    ahead = forward_returns(prices, [5])[5]
    slopes = []
    for row in range(200 - 6 - 59, 200 - 6 + 1):
        x = np.column_stack([frame.iloc[row] for frame in scaled.values()])
        y = ahead.iloc[row].to_numpy()
        if ridge:
            slopes.append(Ridge(alpha=ridge * len(y)).fit(x, y).coef_)
        else:
            slopes.append(sm.OLS(y, sm.add_constant(x)).fit().params[1:])
    np.testing.assert_allclose(found.weights.iloc[200], np.mean(slopes, axis=0), atol=1e-12)
    by_hand = sum(found.weights[name].iloc[200] * frame.iloc[200] for name, frame in scaled.items())
    np.testing.assert_allclose(found.scores.iloc[200], by_hand, atol=1e-12)


def test_a_model_is_fitted_to_the_window_and_foretells_the_dates_after(factors, prices):
    found = combine(factors, prices, method=LinearRegression(), walk=WALK)
    scaled = [standardise(frame) for frame in factors.values()]
    ahead = forward_returns(prices, [5])[5]
    ahead = ahead.sub(ahead.mean(axis=1), axis=0)
    # Twenty dates whose returns are known, the last of which lies six bars back.
    first = int(np.flatnonzero(found.through.notna())[0])
    assert first == 20 - 1 + 6
    begin = first + 15 * 10
    rows = slice(begin - 6 - 59, begin - 6 + 1)
    x = np.column_stack([frame.iloc[rows].to_numpy().ravel() for frame in scaled])
    fitted = LinearRegression().fit(x, ahead.iloc[rows].to_numpy().ravel())
    for date in (begin, begin + 14):
        now = np.column_stack([frame.iloc[date] for frame in scaled])
        np.testing.assert_allclose(found.scores.iloc[date], fitted.predict(now), atol=1e-12)
        np.testing.assert_allclose(found.weights.iloc[date], fitted.coef_, atol=1e-12)


def test_a_forest_has_importances_for_weights_and_is_left_as_it_was(factors, prices):
    forest = RandomForestRegressor(n_estimators=5, max_depth=3, random_state=0)
    walk = WalkForward(window=60, min_dates=40, refit=200)
    found = combine(factors, prices, method=forest, walk=walk)
    assert not hasattr(forest, "estimators_")
    np.testing.assert_allclose(found.weights.dropna().sum(axis=1), 1.0)
    assert found.method == "RandomForestRegressor"
    assert found.weights["good"].iloc[-1] > found.weights["blind"].iloc[-1]


def test_weights_that_were_learned_foretell_better_than_equal_ones(factors, prices):
    def icir(method):
        found = combine(factors, prices, method=method, walk=WALK)
        return evaluate(found.scores.iloc[100:], prices, horizons=(5,)).ic_summary.loc[5, "icir"]

    alike = icir("equal")
    for method in METHODS[1:]:
        assert icir(method) > alike + 0.3


def test_names_without_a_factor_have_a_score_only_when_told(factors, prices):
    gap = {**factors, "blind": factors["blind"].copy()}
    gap["blind"].iloc[300, :5] = np.nan
    assert combine(gap).scores.iloc[300, :5].isna().all()
    some = combine(gap, min_factors=2)
    two = sum(standardise(gap[name]).iloc[300, :5] for name in ("good", "turned")) / 2
    np.testing.assert_allclose(some.scores.iloc[300, :5], two)
    assert some.scores.iloc[:3].notna().all().all()


def test_factors_of_alphalens_are_combined_as_the_wide_ones(factors, prices):
    long = {name: frame.tz_localize(None).stack() for name, frame in factors.items()}
    found = combine(long, prices.tz_localize(None), method="ic", walk=WALK)
    wide = combine(factors, prices, method="ic", walk=WALK)
    pd.testing.assert_frame_equal(found.scores, wide.scores, check_freq=False, check_names=False)


def test_what_cannot_be_combined_is_refused(factors, prices):
    for settings, said in (
        ({"method": "luck"}, "equal, ic, icir, regression or a model; got luck"),
        ({"method": "ic", "prices": None}, "learned from prices"),
        ({"ridge": -1.0}, "must not be negative"),
        ({"min_factors": 4}, "not more than there are; got 4"),
        ({"scale": "logit"}, "zscore, rank, normal or none"),
    ):
        asked = {"prices": prices} | settings
        with pytest.raises(InputError, match=said):
            combine(factors, **asked)
    with pytest.raises(InputError, match="must not be none"):
        combine({})
    with pytest.raises(BadData, match=r"same times and symbols; got blind: \(504, 39\)"):
        combine({**factors, "blind": factors["blind"].iloc[:, 1:]})
    short = {name: frame.iloc[:30] for name, frame in factors.items()}
    with pytest.raises(NotEnoughData, match=r"63 dates whose 5 bars ahead are known; got 24"):
        combine(short, prices.iloc[:30], method="ic")
    with pytest.raises(InputError, match="until the returns of a date are known; got 5"):
        WalkForward(horizon=5, embargo=5)
    with pytest.raises(InputError, match="not more than the window"):
        WalkForward(window=10, min_dates=20)
    with pytest.raises(InputError, match="for a date at least"):
        WalkForward(refit=0)


def test_a_model_that_foretells_no_numbers_is_refused(factors, prices):
    class Mute:
        def fit(self, X, y):  # noqa: N803  # scikit-learn's own name
            return self

        def predict(self, X):  # noqa: N803
            return np.full(len(X), np.nan)

    with pytest.raises(BadData, match="one finite number a row"):
        combine(factors, prices, method=Mute(), walk=WALK)
