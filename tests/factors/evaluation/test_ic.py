import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors import evaluate, forward_returns


@pytest.fixture(scope="module")
def study(scores, prices):
    sectors = {symbol: "AB"[place % 2] for place, symbol in enumerate(prices)}
    return evaluate(scores, prices, horizons=(1, 5), groups=sectors)


def test_decay_is_the_ic_of_each_horizon_studied_by_itself(study, scores, prices):
    table = study.decay(range(1, 8))
    alone = evaluate(scores, prices, horizons=range(1, 8))
    np.testing.assert_allclose(table["ic"], alone.ic_summary["mean"], atol=1e-12)
    np.testing.assert_allclose(table["t"], alone.ic_summary["t"], atol=1e-9)
    assert list(study.decay().index) == [1, 2, 3, 4, 5]


def test_the_last_bar_of_a_holding_period_is_the_first_of_a_later_trade(study, scores, prices):
    table = study.decay([1, 4])
    later = evaluate(scores, prices, horizons=(1,), delay=4)
    assert table.loc[4, "bar_ic"] == pytest.approx(later.ic_summary.loc[1, "mean"], abs=1e-12)
    assert table.loc[1, "bar_ic"] == table.loc[1, "ic"]
    # The foresight of the scores is of one bar.
    assert table.loc[1, "bar_ic"] > 0.1 > abs(table.loc[4, "bar_ic"])


def test_the_ic_within_a_group_is_scipys(study, scores, prices):
    ahead = forward_returns(prices, [5])[5]
    names = prices.columns[1::2]
    by_hand = [
        stats.spearmanr(scores.loc[time, names], ahead.loc[time, names]).statistic
        for time in scores.index[: 504 - 6]
    ]
    row = study.ic_by_group().loc[("B", 5)]
    assert row["mean"] == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert row["names"] == 20


def test_years_and_months_are_means_of_their_dates(study):
    years = study.ic_by_period("year")
    assert list(years.index) == [2018, 2019]
    assert years.loc[2018, 1] == pytest.approx(study.ic.loc["2018", 1].mean())
    months = study.ic_by_period("month")
    assert months.loc[(2019, 3), 5] == pytest.approx(study.ic.loc["2019-03", 5].mean())
    with pytest.raises(InputError, match="a year or a month"):
        study.ic_by_period("week")


def test_states_are_those_known_before_the_date(study):
    times = study.ic.index
    states = pd.Series(["calm", "wild"] * 251, times)
    table = study.by(states)
    # A date takes the state of the date before it; nothing is known before the first.
    among = np.array([False, *(states == "calm").iloc[:-1]])
    assert table.loc[("calm", 1), "ic"] == pytest.approx(study.ic.loc[among, 1].mean())
    assert table.loc[("not known", 1), "n_dates"] == 1
    assert table.xs(1, level="horizon")["n_dates"].sum() == study.ic[1].notna().sum()
    later = states.copy()
    later.iloc[300:] = "unseen"
    cut = study.by(later)
    assert cut.loc[("unseen", 1), "n_dates"] == study.ic[1].notna().sum() - 301


def test_errors_of_a_state_are_those_of_a_regression_on_its_dummy(study):
    rng = np.random.default_rng(8)
    states = pd.Series(rng.integers(0, 2, 502), study.ic.index).rolling(7).max()
    table = study.by(states)
    # The last four dates have no returns of five bars ahead.
    line, known = study.ic[5].iloc[7:-4], states.shift(1).iloc[7:-4]
    dummies = pd.get_dummies(known).astype(float)
    fit = sm.OLS(line.to_numpy(), dummies.to_numpy()).fit(
        cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": False}
    )
    for state, mean, error in zip(dummies.columns, fit.params, fit.bse, strict=True):
        n = dummies[state].sum()
        assert table.loc[(state, 5), "ic"] == pytest.approx(mean)
        expected = mean / (error * math.sqrt(n / (n - 1)))
        assert table.loc[(state, 5), "ic_t"] == pytest.approx(expected, rel=1e-9)


def test_states_that_are_no_series_over_time_are_refused(study):
    states = pd.Series("calm", study.ic.index)
    for wrong in (["calm"], states.reset_index(drop=True)):
        with pytest.raises(InputError, match="a Series over time"):
            study.by(wrong)
    with pytest.raises(InputError, match="tz-aware"):
        study.by(states.tz_localize(None))
    with pytest.raises(InputError, match="sorted"):
        study.by(states.iloc[::-1])
    with pytest.raises(NotEnoughData, match="empty"):
        study.by(states.iloc[:0])


def test_ranks_that_stay_correlate_with_themselves(prices):
    still = pd.DataFrame(np.tile(np.arange(40.0), (504, 1)), prices.index, prices.columns)
    study = evaluate(still, prices, horizons=(1,))
    assert study.rank_autocorrelation().min() == pytest.approx(1.0)
    with pytest.raises(InputError, match="lag must be at least 1"):
        study.rank_autocorrelation(lag=0)
    with pytest.raises(InputError, match="at least 1"):
        study.decay([0])


def test_a_study_of_the_past_stays_as_it_was(scores, prices):
    settings = {"horizons": (1, 5)}
    whole = evaluate(scores, prices, **settings)
    short = evaluate(scores.iloc[:200], prices.iloc[:206], **settings)
    pd.testing.assert_frame_equal(short.ic, whole.ic.iloc[:200], rtol=0)
    pd.testing.assert_frame_equal(short.spread, whole.spread.iloc[:200], rtol=0)
    pd.testing.assert_series_equal(
        short.rank_autocorrelation(), whole.rank_autocorrelation().iloc[:199], rtol=0,
        check_freq=False,
    )  # fmt: skip


def test_the_summary_puts_all_of_it_into_one_table(study):
    table = study.summary()
    assert list(table.columns) == [1, 5]
    assert table.loc["IC", 5] == study.ic_summary.loc[5, "mean"]
    assert table.loc["t of the spread", 1] == study.spread_summary.loc[1, "t"]
    assert table.loc["break-even cost, bps", 1] == study.portfolio().breakeven_bps
