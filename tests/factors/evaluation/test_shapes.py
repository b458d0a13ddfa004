"""Factors as alphalens has them, studied as they are, beside what alphalens says of them."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors import evaluate

utils = pytest.importorskip("alphalens.utils")
from alphalens import performance  # noqa: E402  # after the skip

# alphalens has warnings of its own, on pandas 3
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def factor(scores):
    """The scores as alphalens takes them: stacked, dates without a zone, ties and gaps."""
    rough = scores.round(3).tz_localize(None)
    rough[np.random.default_rng(9).random(scores.shape) < 0.15] = np.nan
    stacked = rough.iloc[:160].stack()
    stacked.index.names = ["date", "asset"]
    return stacked


@pytest.fixture(scope="module")
def naive_prices(prices):
    return prices.tz_localize(None).iloc[:190]


@pytest.fixture(scope="module")
def sectors(prices):
    return {symbol: f"sector {place % 3}" for place, symbol in enumerate(prices)}


@pytest.fixture(scope="module")
def clean(factor, naive_prices, sectors):
    return utils.get_clean_factor_and_forward_returns(
        factor, naive_prices, groupby=sectors, quantiles=5, periods=(1, 5), max_loss=1.0
    )


def test_a_clean_frame_has_the_numbers_of_alphalens_with_ties_and_gaps(clean):
    assert clean.reset_index().groupby("date").size().min() < 40
    assert clean["factor"].groupby("date").agg(lambda day: day.duplicated().any()).any()
    study = evaluate(clean)
    assert study.horizons == (1, 5)
    assert study.delay == 0
    ic = performance.factor_information_coefficient(clean)
    np.testing.assert_allclose(study.ic, ic, atol=1e-12)
    means, _ = performance.mean_return_by_quantile(clean, demeaned=False)
    np.testing.assert_allclose(study.quantile_returns, means, atol=1e-12)
    for quantile in (1, 5):
        theirs = performance.quantile_turnover(clean["factor_quantile"], quantile).dropna()
        np.testing.assert_allclose(study.turnover[quantile], theirs, atol=1e-12)
    ranks = performance.factor_rank_autocorrelation(clean).dropna()
    np.testing.assert_allclose(study.rank_autocorrelation(), ranks, atol=1e-12)
    later = performance.factor_rank_autocorrelation(clean, period=5).dropna()
    np.testing.assert_allclose(study.rank_autocorrelation(lag=5), later, atol=1e-12)


def test_groups_of_a_clean_frame_have_the_numbers_of_alphalens(clean):
    study = evaluate(clean)
    theirs = performance.mean_information_coefficient(clean, by_group=True)
    mine = study.ic_by_group()["mean"].unstack()
    np.testing.assert_allclose(mine, theirs, atol=1e-12)
    means, _ = performance.mean_return_by_quantile(clean, demeaned=False, by_group=True)
    found = study.quantile_summary(by_group=True)["mean"].unstack("horizon")
    for group in found.index.get_level_values("group").unique():
        np.testing.assert_allclose(
            found.loc[group], means.xs(group, level="group"), atol=1e-12, err_msg=group
        )


def test_months_have_the_numbers_of_alphalens(clean):
    theirs = performance.mean_information_coefficient(clean, by_time="ME")
    np.testing.assert_allclose(evaluate(clean).ic_by_period("month"), theirs, atol=1e-12)


@pytest.mark.parametrize("neutral", ["dollar", "group"])
def test_the_book_has_the_weights_and_returns_of_alphalens(clean, neutral):
    book = evaluate(clean).portfolio(neutral=neutral)
    by_group = neutral == "group"
    weights = performance.factor_weights(clean, demeaned=True, group_adjust=by_group).unstack()
    np.testing.assert_allclose(book.weights, weights.fillna(0.0), atol=1e-12)
    returns = performance.factor_returns(clean, demeaned=True, group_adjust=by_group)
    np.testing.assert_allclose(book.returns, returns["1D"], atol=1e-12)
    alpha_beta = performance.factor_alpha_beta(clean, demeaned=True, group_adjust=by_group)
    market = book.performance(periods_per_year=252).market
    assert market.beta == pytest.approx(alpha_beta.loc["beta", "1D"], abs=1e-10)
    yearly = (1 + market.alpha / 252) ** 252 - 1
    assert yearly == pytest.approx(alpha_beta.loc["Ann. alpha", "1D"], rel=1e-9)


def test_scores_less_their_groups_mean_have_the_group_adjusted_numbers_of_alphalens(clean):
    study = evaluate(clean, neutral="group")
    neutral = clean.copy()
    groups = [clean.index.get_level_values("date"), "group"]
    neutral["factor"] -= clean.groupby(groups, observed=True)["factor"].transform("mean")
    # Equal scores of a group stay equal: rounding must not part them.
    neutral["factor"] = neutral["factor"].round(12)
    ic = performance.factor_information_coefficient(neutral, group_adjust=True)
    np.testing.assert_allclose(study.pearson_ic.mean(), _pearson(neutral, groups), atol=1e-10)
    assert np.median(np.abs(study.ic.to_numpy() - ic.to_numpy())) < 1e-12
    means, _ = performance.mean_return_by_quantile(clean, demeaned=False, group_adjust=True)
    np.testing.assert_allclose(study.quantile_returns, means, atol=1e-12)


def _pearson(neutral, groups):
    adjusted = utils.demean_forward_returns(neutral, groups)
    by_date = adjusted.groupby(level="date")
    return [
        by_date.apply(lambda day, bar=bar: day["factor"].corr(day[bar])).mean()
        for bar in ("1D", "5D")
    ]


def test_a_stacked_factor_is_studied_as_the_wide_one(factor, prices, scores):
    wide = factor.unstack().tz_localize("UTC")
    study, same = evaluate(factor, prices), evaluate(wide, prices)
    pd.testing.assert_frame_equal(study.ic, same.ic, check_freq=False)
    pd.testing.assert_frame_equal(study.dropped, same.dropped)
    assert "bore no zone and were read as UTC" in study.provenance.caption
    assert "zone" not in same.provenance.caption


def test_dates_without_a_zone_are_read_in_that_of_the_prices(factor, prices):
    there = prices.tz_localize(None).tz_localize("America/New_York")
    study = evaluate(factor, there)
    assert study.ic.index[0] == pd.Timestamp("2018-01-02", tz="America/New_York")
    assert "America/New_York" in study.provenance.caption
    neither = evaluate(factor, prices.tz_localize(None))
    np.testing.assert_array_equal(study.ic, neither.ic)


def test_dates_with_a_zone_need_no_notice(factor, prices):
    there = factor.tz_localize("UTC", level=0)
    assert "zone" not in evaluate(there, prices).provenance.caption


def test_a_clean_frame_beside_prices_is_traded_at_the_next_close(clean, prices):
    study = evaluate(clean, prices, horizons=(1,))
    assert study.delay == 1
    assert study.ic.index.equals(evaluate(clean).ic.index)
    assert not np.allclose(study.ic[1], evaluate(clean).ic[1])


def test_a_clean_frame_may_be_cut_anew_and_say_its_delay(clean):
    study = evaluate(clean, horizons=(5,), quantiles=3, delay=1)
    assert study.horizons == (5,)
    assert list(study.quantile_returns.index) == [1, 2, 3]
    assert study.delay == 1
    assert "no market is so kind" not in study.provenance.caption


def test_horizons_that_did_not_come_with_the_scores_are_refused(clean):
    with pytest.raises(InputError, match=r"came with the scores; got \[21\]; choose from 1, 5"):
        evaluate(clean, horizons=(1, 21))
    with pytest.raises(NotEnoughData, match=r"2 bars.* need prices"):
        evaluate(clean).decay([1, 2])
    five = clean.drop(columns="1D")
    with pytest.raises(NotEnoughData, match="pass prices beside the factor"):
        evaluate(five).portfolio()
    assert "Long-short book" not in evaluate(five).tear_sheet().figures


def test_weeks_apart_one_bar_is_a_week():
    weeks = pd.date_range("2024-01-05", periods=8, freq="7D")
    rng = np.random.default_rng(2)
    index = pd.MultiIndex.from_product([weeks, list("ABCDEF")], names=["date", "asset"])
    clean = pd.DataFrame({"7D": rng.normal(size=48), "14D": rng.normal(size=48)}, index)
    clean["factor"] = rng.normal(size=48)
    assert evaluate(clean, quantiles=3).horizons == (1, 2)


def test_other_shapes_are_refused_by_name(factor, prices, scores):
    with pytest.raises(InputError, match=r"a Series of scores must be indexed by \(date, asset\)"):
        evaluate(scores["S00"], prices)
    with pytest.raises(InputError, match=r"swaplevel"):
        evaluate(factor.swaplevel(), prices)
    with pytest.raises(InputError, match="prices are needed"):
        evaluate(factor)
    with pytest.raises(InputError, match="prices are needed"):
        evaluate(scores)
    with pytest.raises(InputError, match="a column named factor; got score"):
        evaluate(factor.to_frame("score"), prices)
    with pytest.raises(InputError, match="forward returns must come with the scores"):
        evaluate(factor.to_frame("factor"))
    with pytest.raises(BadData, match=r"each \(date, asset\) once; got S00 at 2018-01-02"):
        evaluate(pd.concat([factor, factor.iloc[:1]]), prices)
    with pytest.raises(NotEnoughData, match="empty"):
        evaluate(factor.iloc[:0], prices)
    with pytest.raises(InputError, match="scores must be a frame; got ndarray"):
        evaluate(scores.to_numpy(), prices)


def test_returns_that_are_not_finite_are_refused_with_their_place(clean):
    odd = clean.copy()
    odd.iloc[7, 1] = np.inf
    time, symbol = odd.index[7]
    with pytest.raises(BadData, match=rf"finite or NaN; got {symbol} at {time:%Y-%m-%d}.*5 bars"):
        evaluate(odd)


def test_one_quantile_is_no_ground_for_a_spread(clean):
    with pytest.raises(InputError, match="at least 2; got 1"):
        evaluate(clean.assign(factor_quantile=1))


def test_the_book_of_a_clean_frame_needs_returns_of_one_bar_though_none_is_studied(clean):
    book = evaluate(clean, horizons=(5,)).portfolio()
    np.testing.assert_array_equal(book.returns, evaluate(clean).portfolio().returns)


@pytest.mark.parametrize("bar", [1, 5])
def test_gaps_in_prices_are_not_filled_as_alphalens_fills_them(factor, naive_prices, bar):
    gap = naive_prices.mask(np.random.default_rng(3).random(naive_prices.shape) < 0.05)
    gap.loc["2018-06-01":, "S11"] = np.nan
    study = evaluate(factor, gap, horizons=(bar,), delay=0)
    ahead = gap.shift(-bar) / gap - 1
    wide = factor.unstack()
    for time in wide.index[::9]:
        pair = pd.DataFrame({"score": wide.loc[time], "ahead": ahead.loc[time]}).dropna()
        expected = pair["score"].corr(pair["ahead"], method="spearman")
        assert study.ic.loc[time.tz_localize("UTC"), bar] == pytest.approx(expected, abs=1e-12)
    assert study.dropped.loc["future not known: no price at entry or exit", bar] > 100
    # There a name without a price goes on at its last one, and is counted as a return of 0.
    filled = utils.get_clean_factor_and_forward_returns(
        factor.dropna(), gap, quantiles=5, periods=(bar,), max_loss=1.0
    )
    assert len(filled) > study.dropped.loc["used", bar] + 300


@pytest.mark.parametrize("quantile", [0.0, 1.5, -1.0, "high"])
def test_quantiles_that_are_no_counts_from_one_up_are_refused(quantile):
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    places = pd.MultiIndex.from_product([days, list("ABCD")], names=["date", "asset"])
    clean = pd.DataFrame({"1D": 0.01, "factor": np.arange(12.0)}, places)
    with pytest.raises(BadData, match="factor_quantile"):
        evaluate(clean.assign(factor_quantile=quantile))


def test_labels_that_are_no_values_are_refused():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    places = pd.MultiIndex.from_product([days, list("ABCD")], names=["date", "asset"])
    clean = pd.DataFrame({"1D": 0.01, "factor": np.arange(12.0)}, places)
    with pytest.raises(InputError, match="groups must be labels"):
        evaluate(clean, quantiles=2, groups={name: {"a set"} for name in "ABCD"})
