import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors import evaluate

DAYS = pd.date_range("2024-01-01", periods=6, tz="UTC")
PRICES = pd.DataFrame(
    {"A": [10, 10, 11, 11, 11, 11.0], "B": [10, 10, 10, 12, 12, 12.0],
     "C": [10, 10, 10, 10, 10, 15.0], "D": [10, 10, 9, 9, 9, 9.0]},
    DAYS,
)  # fmt: skip
SCORES = pd.DataFrame([[4.0, 3, 2, 1], [1, 4, 3, 2]], DAYS[:2], list("ABCD"))


def test_a_book_by_hand():
    book = evaluate(SCORES, PRICES, horizons=(1,), quantiles=2).portfolio()
    # Traded on the 2nd, earned on the 3rd; the second signal is held as long as signals lie apart.
    assert list(book.returns.index) == list(DAYS[2:4])
    np.testing.assert_allclose(
        book.weights, np.array([[1.5, 0.5, -0.5, -1.5], [-1.5, 1.5, 0.5, -0.5]]) / 4
    )
    np.testing.assert_allclose(book.gross_returns, [(0.15 + 0.15) / 4, 0.3 / 4])
    np.testing.assert_allclose(book.universe, [0.0, 0.05], atol=1e-15)
    np.testing.assert_allclose(book.turnover, [1.0, (3 + 1 + 1 + 1) / 4])
    np.testing.assert_allclose(book.quantile_returns, [[-0.05, 0.05], [0.0, 0.1]])
    assert book.breakeven_bps == pytest.approx(1e4 * 0.15 / 2.5)


def test_a_trade_costs_what_it_is_said_to():
    study = evaluate(SCORES, PRICES, horizons=(1,), quantiles=2)
    dear = study.portfolio(cost_bps=study.portfolio().breakeven_bps)
    assert dear.returns.mean() == pytest.approx(0.0, abs=1e-15)
    assert dear.gross_returns.mean() > 0


def test_the_top_against_the_bottom_quantile_earns_half_their_spread(scores, prices):
    study = evaluate(scores, prices, horizons=(1,))
    book = study.portfolio(weighting="quantile")
    np.testing.assert_allclose(
        book.returns.iloc[: len(study.spread) - 3], study.spread[1].iloc[: len(book.returns) - 2
        ][: len(study.spread) - 3] / 2, atol=1e-15,
    )  # fmt: skip


@pytest.mark.parametrize("weighting", ["score", "rank", "quantile"])
def test_books_are_as_much_long_as_short_in_each_group(scores, prices, weighting):
    sectors = pd.Series({symbol: place % 3 for place, symbol in enumerate(prices)}).map(str)
    study = evaluate(scores, prices, horizons=(1,), groups=sectors)
    plain = study.portfolio(weighting=weighting)
    neutral = study.portfolio(weighting=weighting, neutral="group")
    for book in (plain, neutral):
        np.testing.assert_allclose(book.weights.sum(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(book.weights.abs().sum(axis=1), 1)
    by_sector = neutral.weights.T.groupby(sectors).sum()
    np.testing.assert_allclose(by_sector, 0, atol=1e-12)
    assert np.abs(plain.weights.T.groupby(sectors).sum()).to_numpy().max() > 0.01


def test_a_longer_holding_is_the_mean_of_the_latest_books(scores, prices):
    study = evaluate(scores, prices, horizons=(1,))
    one, five = study.portfolio(), study.portfolio(holding=5)
    np.testing.assert_allclose(five.weights.iloc[10], one.weights.iloc[6:11].mean(), atol=1e-15)
    np.testing.assert_allclose(five.weights.iloc[1], one.weights.iloc[:2].mean(), atol=1e-15)
    assert five.turnover.mean() < 0.4 * one.turnover.mean()


def test_monthly_scores_are_held_till_the_next_and_not_for_ever(scores, prices):
    monthly = scores.iloc[:210:21]
    book = evaluate(monthly, prices, horizons=(21,)).portfolio()
    assert len(book.returns) == 9 * 21 + 21
    assert (book.turnover > 0).sum() == 10
    held = book.weights.iloc[21:42]
    assert (held == held.iloc[0]).all().all()
    earned = prices.pct_change().loc[held.index]
    np.testing.assert_allclose(book.returns.loc[held.index], (held * earned).sum(axis=1))


def test_a_book_knows_no_price_of_later(scores, prices):
    whole = evaluate(scores, prices, horizons=(1,)).portfolio()
    short = evaluate(scores.iloc[:200], prices.iloc[:210], horizons=(1,)).portfolio()
    pd.testing.assert_frame_equal(
        short.weights.iloc[:199], whole.weights.iloc[:199], rtol=0, check_freq=False
    )
    pd.testing.assert_series_equal(
        short.returns.iloc[:199], whole.returns.iloc[:199], rtol=0, check_freq=False
    )


def test_names_without_a_price_earn_nothing_and_are_told_of(scores, prices):
    gap = prices.copy()
    gap.iloc[100:102, 7] = np.nan
    book = evaluate(scores, gap, horizons=(1,)).portfolio()
    sizes = book.weights.abs()
    times = prices.index[100:103]
    assert book.not_priced == pytest.approx(sizes.loc[times, "S07"].sum() / sizes.sum().sum())
    assert np.isfinite(book.returns).all()


def test_performance_is_that_of_analytics_against_the_universe(scores, prices):
    book = evaluate(scores, prices, horizons=(1,)).portfolio(cost_bps=2)
    did = book.performance(periods_per_year=252)
    assert did.sharpe_ratio == pytest.approx(
        book.returns.mean() / book.returns.std() * 252**0.5, rel=1e-12
    )
    assert did.market.n_observations == len(book.returns)
    assert "SIMULATED" not in did.provenance.caption
    assert "40 names" in did.provenance.caption


def test_books_that_cannot_be_are_refused(scores, prices):
    study = evaluate(scores, prices)
    for settings, said in (
        ({"weighting": "luck"}, "score, rank or quantile"),
        ({"neutral": "beta"}, "dollar or group"),
        ({"neutral": "group"}, "no groups"),
        ({"holding": 0}, "a signal at least"),
        ({"cost_bps": -1}, "must not be negative"),
    ):
        with pytest.raises(InputError, match=said):
            study.portfolio(**settings)


def test_a_book_of_given_returns_earns_them_whatever_scores_are_neutral_to():
    rng = np.random.default_rng(3)
    days = pd.date_range("2024-01-01", periods=40, tz="UTC")
    names = [f"S{n}" for n in range(9)]
    ahead = pd.DataFrame(rng.normal(0.01, 0.02, (40, 9)), days, names)
    scores = pd.DataFrame(rng.normal(size=(40, 9)), days, names)
    clean = pd.DataFrame({"1D": ahead.stack(), "factor": scores.stack()})
    groups = {name: str(place % 2) for place, name in enumerate(names)}
    study = evaluate(clean, quantiles=3, groups=groups, neutral="group")
    book = study.portfolio()
    pd.testing.assert_series_equal(
        book.universe, ahead.mean(axis=1), check_names=False, check_freq=False
    )
    earned = (book.weights * ahead).sum(axis=1)
    pd.testing.assert_series_equal(book.gross_returns, earned, check_names=False, check_freq=False)
    study.tear_sheet(periods_per_year=252)
