import warnings

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors import evaluate
from nautilus_lab.factors.scale import evaluate_many


@pytest.fixture(scope="module")
def panel(prices):
    """Factors of all kinds, in single precision so that both sides see the same numbers."""
    rng = np.random.default_rng(6)
    ahead = (prices.shift(-2) / prices.shift(-1) - 1).fillna(0.0)

    def noisy():
        return (ahead + rng.normal(0, 0.05, prices.shape)).astype(np.float32).astype(float)

    gaps, tied, sparse = noisy(), noisy().round(2), noisy().round(1)
    gaps[rng.random(prices.shape) < 0.2] = np.nan
    sparse[rng.random(prices.shape) < 0.6] = np.nan
    sparse.iloc[:60] = np.nan
    sparse.iloc[70] = 1.0
    sparse.iloc[71, 3:] = np.nan
    late = noisy().iloc[200:, :25]
    more = pd.concat([noisy(), noisy().add_prefix("not priced ")], axis=1)
    return {"plain": noisy(), "gaps": gaps, "tied": tied, "sparse": sparse, "late": late,
            "more": more}  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("horizons", "quantiles", "delay"), [((1, 5, 21), 5, 1), ((1, 2, 3, 4, 7), 3, 0)]
)
def test_each_factor_has_the_numbers_of_its_own_study(
    panel, prices, threads, horizons, quantiles, delay
):
    settings = {"horizons": horizons, "quantiles": quantiles, "delay": delay}
    many = evaluate_many(panel, prices, threads=threads, **settings)
    summary = many.summary()
    for name, scores in panel.items():
        one = evaluate(scores, prices, **settings)
        ic = many.ic_of(name)
        assert ic.index.equals(one.ic.index)
        np.testing.assert_allclose(ic, one.ic, atol=2e-6)
        np.testing.assert_allclose(many.quantiles_of(name), one.quantile_returns, atol=1e-7)
        mine = summary.loc[name]
        columns = list(one.ic_summary.columns)
        np.testing.assert_allclose(mine[columns], one.ic_summary, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(mine["spread"], one.spread.mean(), atol=1e-7)
        for bar in horizons:
            assert many.dropped.loc[name, f"used, {bar}"] == one.dropped.loc["used", bar]


@pytest.mark.filterwarnings("ignore")  # alphalens has its own, on pandas 3
def test_ic_and_quantiles_agree_with_alphalens(panel, prices):
    utils = pytest.importorskip("alphalens.utils")
    from alphalens import performance

    # alphalens trades at the close of the signal: hand it the prices of the next one.
    prices = prices.iloc[:90]
    at_entry = prices.shift(-1).iloc[:-1]
    stacked = panel["plain"].loc[at_entry.index].stack()
    stacked.index.names = ["date", "asset"]
    many = evaluate_many({"plain": panel["plain"]}, prices, horizons=(1, 5))
    # One at a time: it drops the dates whose longest future is not known from all.
    for bar in (1, 5):
        clean = utils.get_clean_factor_and_forward_returns(
            stacked, at_entry, quantiles=5, periods=(bar,), max_loss=1.0
        )
        ic = performance.factor_information_coefficient(clean)[f"{bar}D"]
        np.testing.assert_allclose(many.ic_of("plain")[bar].reindex(ic.index), ic, atol=1e-5)
        means, _ = performance.mean_return_by_quantile(clean, by_date=True, demeaned=False)
        by_quantile = means[f"{bar}D"].unstack().mean(axis=1)
        np.testing.assert_allclose(many.quantiles_of("plain")[bar], by_quantile, atol=1e-7)


def test_an_array_means_what_its_frames_do(panel, prices):
    names = ["plain", "gaps", "tied", "sparse"]
    array = np.stack([panel[name] for name in names])
    by_array = evaluate_many(array, prices, names=names)
    by_frame = evaluate_many({name: panel[name] for name in names}, prices)
    np.testing.assert_array_equal(by_array.ic, by_frame.ic)
    np.testing.assert_array_equal(by_array.quantile_returns, by_frame.quantile_returns)
    pd.testing.assert_frame_equal(by_array.dropped, by_frame.dropped)
    turned = np.asfortranarray(array)
    np.testing.assert_array_equal(evaluate_many(turned, prices).ic, by_frame.ic)


def test_every_score_is_accounted_for(panel, prices):
    dropped = evaluate_many(panel, prices).dropped
    cells = prices.size + dropped["no prices of the date or symbol"]
    for bar in (1, 5, 21):
        reasons = [c for c in dropped if "," not in c] + [f"future not known, {bar}"]
        total = dropped[[*reasons, f"used, {bar}"]].sum(axis=1)
        np.testing.assert_array_equal(total, cells)
    assert dropped.loc["more", "no prices of the date or symbol"] == prices.size
    assert dropped.loc["sparse", "all scores equal that date"] > 0


def test_scores_change_nothing_before_they_are_known(panel, prices):
    cut = 300
    whole = evaluate_many(panel, prices, horizons=(5,))
    part = evaluate_many(
        {name: frame.loc[: prices.index[cut - 1]] for name, frame in panel.items()},
        prices.iloc[:cut],
        horizons=(5,),
    )
    np.testing.assert_array_equal(part.ic[:, : cut - 6], whole.ic[:, : cut - 6])
    assert np.isnan(part.ic[:, cut - 6 :]).all()


def test_equal_futures_have_no_ic(prices):
    flat = prices * 0 + 100.0
    flat.iloc[:, 0] = prices.iloc[:, 0]
    flat.iloc[100:, 0] = 100.0
    scores = pd.DataFrame(
        np.random.default_rng(0).standard_normal(prices.shape), prices.index, prices.columns
    )
    many = evaluate_many({"a": scores}, flat, horizons=(1,))
    one = evaluate(scores, flat, horizons=(1,))
    assert np.isnan(many.ic[0, 150, 0])
    np.testing.assert_allclose(many.ic[0, :502, 0], one.ic[1], atol=1e-6)


def test_few_names_and_no_delay_are_told(panel, prices):
    notices = evaluate_many(panel, prices, delay=0).provenance.notices
    assert any("40 names: weak statistical power" in notice for notice in notices)
    assert any("delay 0" in notice for notice in notices)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"quantiles": 1}, InputError, "quantiles must be at least 2"),
        ({"horizons": ()}, InputError, "horizons must be different"),
        ({"delay": -1}, InputError, "a delay must not be negative"),
        ({"names": ["a"]}, InputError, "each factor has one name"),
        ({"names": ["a", "a"]}, InputError, "each factor has one name"),
    ],
)
def test_settings_that_break_a_rule_are_refused(prices, change, kind, words):
    scores = np.random.default_rng(0).standard_normal((2, *prices.shape))
    with pytest.raises(kind, match=words):
        evaluate_many(scores, prices, **change)


def test_bad_scores_are_refused_with_their_place(prices):
    scores = np.random.default_rng(0).standard_normal((2, *prices.shape))
    with pytest.raises(InputError, match="has the shape"):
        evaluate_many(scores[:, 1:], prices)
    empty = scores.copy()
    empty[1] = np.nan
    with pytest.raises(NotEnoughData, match="1: NaN everywhere"):
        evaluate_many(empty, prices)
    scores[1, 7, 3] = np.inf
    with pytest.raises(BadData, match="1: S03 at 2018-01-11"):
        evaluate_many(scores, prices)
    strange = pd.DataFrame({"X": np.arange(504.0)}, prices.index)
    with pytest.raises(InputError, match="odd: scores of X"):
        evaluate_many({"odd": strange}, prices)
    with pytest.raises(NotEnoughData):
        evaluate_many({}, prices)


def test_no_warning_is_raised_for_a_factor_never_used(prices):
    scores = np.full((1, *prices.shape), np.nan)
    scores[0, :, :3] = 1.0  # fewer names than quantiles
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        many = evaluate_many(scores, prices)
    assert np.isnan(many.ic).all()
    assert many.summary()["n_dates"].eq(0).all()
