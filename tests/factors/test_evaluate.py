import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from nautilus_lab.engine import Engine, State
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors import FactorEngine, evaluate, evaluate_many, forward_returns
from nautilus_lab.factors._rank import average_ranks, row_correlations
from nautilus_lab.factors.evaluation._newey_west import newey_west_t
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark


def with_ties_and_gaps(scores):
    rough = scores.round(2)
    rough[np.random.default_rng(9).random(scores.shape) < 0.2] = np.nan
    return rough


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        float,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0, math.nan]),
    )
)
def test_ranks_are_scipys_with_ties_and_missing_values(values):
    expected = stats.rankdata(values, axis=1, nan_policy="omit")
    np.testing.assert_array_equal(average_ranks(values), expected)


def test_ranks_do_not_depend_on_how_rows_are_blocked():
    values = np.random.default_rng(1).integers(0, 9, (600, 13)).astype(float)
    np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values, axis=1))


def test_a_row_that_does_not_vary_has_no_correlation():
    rows = np.array([[0.1, 0.1, 0.1], [1.0, 2.0, 4.0], [1.0, math.nan, math.nan]])
    other = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 8.0], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(row_correlations(rows, other), [math.nan, 1.0, math.nan])


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_the_ic_is_scipys_on_every_date_with_ties_and_gaps(scores, prices, delay):
    rough = with_ties_and_gaps(scores)
    study = evaluate(rough, prices, horizons=(1, 5), delay=delay)
    ahead = forward_returns(prices, (1, 5), delay=delay)
    for bar in (1, 5):
        for time in study.ic.index[::7]:
            pair = pd.DataFrame({"score": rough.loc[time], "ahead": ahead[bar].loc[time]}).dropna()
            if pair.empty:
                assert math.isnan(study.ic.loc[time, bar])
                continue
            spearman = stats.spearmanr(pair["score"], pair["ahead"]).statistic
            pearson = stats.pearsonr(pair["score"], pair["ahead"]).statistic
            assert study.ic.loc[time, bar] == pytest.approx(spearman, abs=1e-12)
            assert study.pearson_ic.loc[time, bar] == pytest.approx(pearson, abs=1e-12)


@pytest.mark.filterwarnings("ignore")  # alphalens has its own, on pandas 3
def test_ic_quantiles_and_turnover_agree_with_alphalens(scores, prices):
    utils = pytest.importorskip("alphalens.utils")
    from alphalens import performance

    # alphalens trades at the close of the signal: hand it the prices of the next one.
    at_entry = prices.shift(-1).iloc[:-1]
    stacked = scores.iloc[:-1].stack()
    stacked.index.names = ["date", "asset"]
    clean = utils.get_clean_factor_and_forward_returns(
        stacked, at_entry, quantiles=5, periods=(1, 5), max_loss=1.0
    )
    study = evaluate(scores, prices, horizons=(1, 5), quantiles=5)

    theirs = performance.factor_information_coefficient(clean).to_numpy()
    # Dates without the longest horizon are dropped there for all of them.
    np.testing.assert_allclose(study.ic.to_numpy()[: len(theirs)], theirs, atol=1e-6)

    both = evaluate(scores.iloc[: len(theirs)], prices, horizons=(1, 5), quantiles=5)
    means, _ = performance.mean_return_by_quantile(clean, demeaned=False)
    np.testing.assert_allclose(both.quantile_returns.to_numpy(), means.to_numpy(), atol=1e-9)

    turnover = performance.quantile_turnover(clean["factor_quantile"], 5).dropna()
    np.testing.assert_allclose(both.turnover[5].to_numpy(), turnover.to_numpy(), atol=1e-12)


def test_newey_west_is_statsmodels(scores, prices):
    study = evaluate(scores, prices, horizons=(1, 5, 21))
    for bar in study.horizons:
        values = study.ic[bar].dropna()
        fit = sm.OLS(values.to_numpy(), np.ones(len(values))).fit(
            cov_type="HAC", cov_kwds={"maxlags": bar - 1, "use_correction": True}
        )
        assert study.ic_summary.loc[bar, "t"] == pytest.approx(fit.tvalues[0], rel=1e-10)


def test_without_lags_newey_west_is_the_ordinary_t():
    values = np.random.default_rng(4).normal(0.1, 1, 50)
    assert newey_west_t(values, 0) == pytest.approx(stats.ttest_1samp(values, 0).statistic)
    assert math.isnan(newey_west_t(np.ones(9), 2))
    assert math.isnan(newey_west_t(np.ones(1), 0))


def test_the_summary_is_of_the_ic(scores, prices):
    study = evaluate(scores, prices, horizons=(5,))
    row, line = study.ic_summary.loc[5], study.ic[5].dropna()
    assert row["mean"] == pytest.approx(line.mean())
    assert row["std"] == pytest.approx(line.std())
    assert row["icir"] == pytest.approx(line.mean() / line.std())
    assert row["positive_share"] == (line > 0).mean()
    assert row["n_dates"] == len(line) == 504 - 6


def test_perfect_foresight_has_an_ic_of_one_and_orders_the_quantiles(prices):
    ahead = forward_returns(prices, [1])[1]
    study = evaluate(ahead, prices, horizons=[1])
    assert study.ic[1].min() == pytest.approx(1.0)
    assert study.quantile_returns[1].is_monotonic_increasing
    assert (study.spread[1] > 0).all()


def test_quantile_returns_by_hand_on_one_date():
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    prices = pd.DataFrame([[10.0] * 4, [10.0] * 4, [11.0, 12.0, 13.0, 14.0]], days, list("ABCD"))
    scores = pd.DataFrame([[3.0, 1.0, 4.0, 2.0]], days[:1], list("ABCD"))
    study = evaluate(scores, prices, horizons=[1], quantiles=2)
    # B and D are low: 20% and 40%; A and C are high: 10% and 30%.
    assert study.quantile_returns[1].to_dict() == pytest.approx({1: 0.3, 2: 0.2})
    assert study.spread[1].to_list() == pytest.approx([-0.1])
    # One date has no deviation, no t and no turnover; the sheet shows dashes for them.
    assert math.isnan(study.ic_summary.loc[1, "t"])
    assert "—" in study.tear_sheet().text
    assert "nan" not in study.tear_sheet().html
    assert len(study.tear_sheet().figures) == 11


def test_turnover_is_the_share_of_newcomers():
    days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    prices = pd.DataFrame(np.linspace(10, 17, 16).reshape(4, 4) ** 1.1, days, list("ABCD"))
    scores = pd.DataFrame([[1, 2, 3, 4], [1, 4, 3, 2], [1, 4, 3, 2]], days[:3], list("ABCD"))
    study = evaluate(scores * 1.0, prices, horizons=[1], quantiles=2)
    assert study.turnover[2].to_list() == [0.5, 0.0]
    assert study.turnover[1].to_list() == [0.5, 0.0]


def test_what_was_dropped_is_counted_by_reason_and_sums_to_all(scores, prices):
    odd = scores.assign(GHOST=1.0)
    odd.iloc[:10] = np.nan  # warm-up: 10 x 40, and GHOST's own 10
    odd.iloc[10, 4:40] = np.nan  # 4 names are fewer than 5 quantiles
    odd.iloc[11] = 1.0  # all equal
    late = odd.iloc[[-1]].set_axis(odd.index[[-1]] + pd.Timedelta(days=30))
    study = evaluate(pd.concat([odd, late]), prices, horizons=(1, 5))
    dropped = study.dropped
    assert (dropped.sum() == 505 * 41).all()
    column = dropped[5]
    assert column["no prices of the symbol"] == 505
    assert column["no score: warm-up or missing"] == 10 * 40 + 36
    assert column["no prices of the date"] == 40
    assert column["fewer names than quantiles that date"] == 4
    assert column["all scores equal that date"] == 40
    assert column["future not known: end of the prices"] == 6 * 40
    assert dropped.loc["used", 1] - column["used"] == 4 * 40
    assert study.ic.index[0] == odd.index[12]


def test_the_ic_of_a_date_knows_no_price_beyond_its_horizon(scores, prices):
    whole = evaluate(scores, prices, horizons=(5,))
    short = evaluate(scores.iloc[:200], prices.iloc[:206], horizons=(5,))
    pd.testing.assert_frame_equal(short.ic, whole.ic.iloc[:200], rtol=0)


def test_few_names_and_kind_timing_head_the_study(scores, prices):
    marked = mark(prices, Provenance(notices=(SURVIVORS_ONLY,)))
    study = evaluate(scores, marked, delay=0)
    for text in (study.tear_sheet().text, study.plot().layout.title.subtitle.text):
        plain = text.replace("<br>", " ")
        assert "Survivor bias" in plain
        assert "Evaluation on 40 names: weak statistical power." in plain
        assert "no market is so kind" in plain


def test_many_names_and_the_next_close_need_no_warning():
    rng = np.random.default_rng(8)
    days = pd.date_range("2024-01-01", periods=30, tz="UTC")
    prices = pd.DataFrame(np.exp(rng.normal(0, 0.01, (30, 60)).cumsum(axis=0)), days)
    study = evaluate(prices.pct_change(), prices, horizons=[1])
    assert study.provenance.caption == ""
    assert study.n_names == 60


def test_the_study_shows_as_a_small_sheet(scores, prices):
    study = evaluate(scores, prices)
    bundle = study._repr_mimebundle_()
    assert "Newey and West" in bundle["text/plain"]
    assert len(bundle["text/html"]) < 60_000
    figures = study.tear_sheet().figures
    assert list(figures) == [
        "Information coefficient",
        "Mean IC by month",
        "Distribution of the IC",
        "IC against a normal law",
        "Return by quantile",
        "Top less bottom quantile",
        "Growth by quantile",
        "Long-short book",
        "Decay",
        "Turnover",
        "Names over time",
    ]
    assert [trace.name for trace in figures["Return by quantile"].data] == [
        "1 bar",
        "5 bars",
        "21 bars",
    ]


def test_inputs_are_left_as_they_were(scores, prices):
    before = scores.copy(), prices.copy()
    evaluate(scores, prices)
    pd.testing.assert_frame_equal(scores, before[0])
    pd.testing.assert_frame_equal(prices, before[1])


def test_it_is_an_engine_that_is_always_ready(scores, prices):
    engine = FactorEngine()
    assert isinstance(engine, Engine)
    assert (engine.name, engine.health().state) == ("factors", State.READY)
    study = engine.evaluate(scores, prices, horizons=[5], quantiles=4, delay=2)
    pd.testing.assert_frame_equal(
        study.ic, evaluate(scores, prices, horizons=[5], quantiles=4, delay=2).ic
    )


def test_scores_that_cannot_be_studied_are_refused(scores, prices):
    with pytest.raises(NotEnoughData, match="empty"):
        evaluate(scores.iloc[:0], prices)
    with pytest.raises(NotEnoughData, match="at least one number"):
        evaluate(scores * np.nan, prices)
    with pytest.raises(BadData, match="finite or NaN"):
        evaluate(scores.replace(scores.iloc[3, 3], np.inf), prices)
    with pytest.raises(BadData, match="sorted"):
        evaluate(scores.iloc[::-1], prices)
    with pytest.raises(InputError, match="share symbols"):
        evaluate(scores.add_prefix("X"), prices)
    with pytest.raises(InputError, match="quantiles must be at least 2"):
        evaluate(scores, prices, quantiles=1)
    with pytest.raises(InputError, match="tz-aware"):
        evaluate(scores.tz_localize(None), prices)


def test_prices_that_cannot_be_studied_are_refused(scores, prices):
    odd = prices.copy()
    odd.iloc[5, 5] = 0.0
    with pytest.raises(BadData, match=r"positive, finite or NaN; got S05 = 0 at 2018-01-09"):
        evaluate(scores, odd)
    odd["S05"] = np.nan
    with pytest.raises(BadData, match="a price of each symbol; got S05"):
        evaluate(scores, odd)
    with pytest.raises(NotEnoughData, match="at least 102 rows; got 60"):
        evaluate(scores, prices.iloc[:60], horizons=[100])


def test_too_few_names_for_the_quantiles_are_refused_with_both_numbers(scores, prices):
    with pytest.raises(NotEnoughData, match=r"5 scored names.*at most 3 names.*quantiles=3"):
        evaluate(scores.iloc[:, :3], prices)


def test_scores_whose_future_is_never_known_are_refused(scores, prices):
    with pytest.raises(NotEnoughData, match=r"5 \+ 1 bars later"):
        evaluate(scores.iloc[-6:], prices, horizons=(1, 5))


@pytest.mark.parametrize(
    "settings",
    [
        {"quantiles": 2.5},
        {"quantiles": "3"},
        {"horizons": [1.5]},
        {"horizons": [True]},
        {"horizons": ["1"]},
        {"horizons": 5},
        {"delay": 1.5},
    ],
)
def test_counts_that_are_not_whole_are_refused_by_one_and_by_many(settings):
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=60, tz="UTC")
    prices = pd.DataFrame(
        100 * np.exp(rng.normal(0, 0.01, (60, 6)).cumsum(0)), days, list("ABCDEF")
    )
    scores = prices.pct_change()
    settings = {"horizons": [1], "quantiles": 3} | settings
    with pytest.raises(InputError, match=r"quantiles|horizons|delay"):
        evaluate(scores, prices, **settings)
    with pytest.raises(InputError, match=r"quantiles|horizons|delay"):
        evaluate_many({"up": scores}, prices, **settings)
