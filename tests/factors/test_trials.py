"""Evaluations as trials: what is recorded, counted once, and made again."""

import functools
import inspect
import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, StoreUnwritable
from nautilus_lab.factors import (
    FactorDefinition,
    FactorEngine,
    FactorMatrix,
    clusters,
    evaluate,
    evaluate_expression,
    evaluate_many,
    low_volatility,
    momentum,
    scan,
)
from nautilus_lab.trials import Ledger


@pytest.fixture
def ledger(tmp_path):
    return Ledger(folder=tmp_path / "trials")


@pytest.fixture
def drawn():
    """Declared noise: 12 symbols, 150 days."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=150, freq="B", tz="UTC")
    steps = rng.normal(0, 0.01, (150, 12))
    return pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), days, [f"S{n}" for n in range(12)])


def tried(ledger, prices, window=20, **settings):
    scores = momentum(prices, window=window, skip=1)
    settings = {"horizons": (1, 5), "quantiles": 3, "study": ledger.study("momentum")} | settings
    return evaluate(scores, prices, **settings)


def test_each_horizon_is_a_trial_with_the_figures_of_the_study(ledger, drawn):
    answer = tried(ledger, drawn)
    assert answer.trials == ("1.0", "1.1")
    for place, bar in zip(answer.trials, (1, 5), strict=True):
        run = ledger.run(place)
        assert run.parameters["horizon"] == bar
        assert run.results["t"] == answer.ic_summary["t"][bar]
        assert run.results["ic"] == answer.ic_summary["mean"][bar]
        spread = answer.spread[bar].dropna().iloc[::bar]  # holding periods that do not overlap
        assert run.results["sharpe"] == pytest.approx(spread.mean() / spread.std())
        assert run.returns.index.equals(spread.index.as_unit("ns"))


def test_nothing_is_recorded_where_nobody_asked(ledger, drawn):
    answer = tried(ledger, drawn, study=None)
    assert answer.trials == ()
    assert not ledger.folder.exists()


def test_every_setting_of_an_evaluation_is_recorded(ledger, drawn):
    # A setting that is added to evaluate must be told to the ledger too.
    run = ledger.run(tried(ledger, drawn).trials[0])
    told = {*run.parameters, "horizons"} - {"horizon", "scores", "definition"}
    given = set(inspect.signature(evaluate).parameters)
    assert given - told == {"scores", "prices", "study", "definition"}


def test_the_same_scores_again_are_a_repeat_whatever_they_are_called(ledger, drawn):
    tried(ledger, drawn)
    tried(ledger, drawn, definition=functools.partial(momentum, window=20, skip=1))
    tried(ledger, drawn, horizons=(5, 1))
    scores = momentum(drawn, window=20, skip=1)
    study = ledger.study("momentum")
    evaluate_many({"m": scores}, drawn, horizons=(1, 5), quantiles=3, study=study)
    evaluate_many(
        scores.to_numpy(dtype=np.float32)[None], drawn, horizons=(1, 5), quantiles=3, study=study
    )
    assert ledger.runs()["repeat"].sum() == 8
    assert len(ledger.significant("momentum").table) == 2


@pytest.mark.parametrize("changed", [{"quantiles": 4}, {"delay": 2}, {"window": 21}])
def test_another_setting_is_another_trial(ledger, drawn, changed):
    tried(ledger, drawn)
    tried(ledger, drawn, **changed)
    assert not ledger.runs()["repeat"].any()


def test_rows_the_prices_do_not_have_make_no_other_trial(ledger, drawn):
    scores = momentum(drawn, window=20, skip=1)
    study = ledger.study("a")
    evaluate(scores, drawn.iloc[:-10], horizons=[1], quantiles=3, study=study)
    evaluate(scores.iloc[:-10], drawn.iloc[:-10], horizons=[1], quantiles=3, study=study)
    assert ledger.runs()["repeat"].to_list() == [False, True]


@pytest.mark.parametrize(
    ("definition", "made"),
    [
        (functools.partial(momentum, window=20, skip=1), lambda p: momentum(p, window=20, skip=1)),
        (low_volatility, low_volatility),
        ("-ts_std(returns, 20)", None),
        (FactorDefinition(name="trend", expression="close / ts_mean(close, 20)"), None),
    ],
)
def test_a_trial_with_its_definition_is_made_again(ledger, drawn, definition, made):
    fields = {"close": drawn, "returns": drawn.pct_change()}
    text = definition if isinstance(definition, str) else getattr(definition, "expression", "")
    scores = made(drawn) if made else evaluate_expression(text, fields)
    answer = evaluate(
        scores, drawn, horizons=(1, 3), quantiles=3, study=ledger.study("a"), definition=definition
    )
    for place in answer.trials:
        assert ledger.run(place).reproduce().equal


def test_scores_that_are_not_what_their_definition_makes_are_found_out(ledger, drawn):
    answer = tried(ledger, drawn, definition=functools.partial(momentum, window=60, skip=1))
    found = ledger.run(answer.trials[0]).reproduce()
    assert found.verdict == "differs"
    assert any(reason.startswith("t was") for reason in found.reasons)


def test_what_lacks_a_definition_or_its_data_says_so(ledger, drawn):
    none = ledger.run(tried(ledger, drawn).trials[0]).reproduce()
    assert none.reasons == ("no definition was recorded: pass definition= to evaluate",)
    answer = tried(ledger, drawn, definition="rank(volume)", window=30)
    assert "it reads volume" in ledger.run(answer.trials[0]).reproduce().reasons[0]
    answer = tried(ledger, drawn, definition=lambda prices: prices, window=31)
    assert "not importable" in ledger.run(answer.trials[0]).reproduce().reasons[0]


@pytest.mark.parametrize("definition", [3, functools.partial(momentum, None), "rank(", object()])
def test_what_is_no_definition_is_refused(ledger, drawn, definition):
    with pytest.raises(InputError):
        tried(ledger, drawn, definition=definition)
    assert ledger.runs().empty


def test_an_engine_records_in_its_ledger_and_a_function_in_that_of_the_workspace(
    ledger, drawn, tmp_path
):
    scores = momentum(drawn, window=20, skip=1)
    settings = {"horizons": [1], "quantiles": 3, "study": "by name"}
    FactorEngine(ledger=ledger).evaluate(scores, drawn, **settings)
    assert ledger.runs()["study"].to_list() == ["by name"]
    (tmp_path / "lab.toml").write_text("", "utf-8")
    evaluate(scores, drawn, **settings)
    assert len(Ledger.of_workspace().runs()) == 1
    assert len(ledger.runs()) == 1


def test_a_ledger_that_cannot_be_written_is_told_before_the_work(tmp_path, drawn):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StoreUnwritable):
        evaluate(drawn * math.nan, drawn, study=Ledger(folder=tmp_path / "file" / "t").study("a"))


def test_many_are_recorded_as_each_by_itself_would_be(ledger, drawn):
    frames = {w: momentum(drawn, window=w, skip=1) for w in (10, 20, 30)}
    settings = {"horizons": (1, 5), "quantiles": 3}
    many = evaluate_many(frames, drawn, **settings, study=ledger.study("many"))
    for scores in frames.values():
        evaluate(scores, drawn, **settings, study=ledger.study("single"))
    assert many.names.to_list() == [10, 20, 30]
    together, single = ledger.runs("many"), ledger.runs("single")
    assert together["name"].to_list()[:2] == ["10@1", "10@5"]
    for column in ("sharpe", "t", "p", "n_observations"):
        np.testing.assert_allclose(together[column], single[column], rtol=2e-4, atol=1e-6)
    hashes = [[ledger.run(place).hash for place in table.index] for table in (together, single)]
    assert hashes[0] == hashes[1]


def test_a_scan_records_every_factor_at_every_horizon(ledger):
    rng = np.random.default_rng(3)
    values = rng.standard_normal((300, 60), dtype=np.float32)
    values[7] = values[8] * 2
    values[20, :5] = np.nan
    ahead = {"day": rng.normal(size=60), "week": rng.normal(size=60)}
    found = scan(FactorMatrix(values), ahead, study=ledger.study("scan"))
    table = ledger.runs()
    assert len(table) == 600
    assert table["name"].to_list()[14:16] == ["7@day", "7@week"]
    np.testing.assert_allclose(table["t"].to_numpy().reshape(300, 2), found.t())
    from scipy import stats

    expected = stats.spearmanr(values[9], ahead["day"])
    run = ledger.run("1.18")
    assert run.results["ic_spearman"] == pytest.approx(expected.statistic, abs=1e-5)
    assert run.results["p"] == pytest.approx(expected.pvalue, abs=1e-5)
    # The mean of a trial's returns is the Pearson correlation.
    assert run.returns.mean() == pytest.approx(run.results["ic_pearson"], abs=1e-5)
    assert ledger.run("1.14").deflated_sharpe().effective.number == 598  # 7 is 8, twice as large
    assert "one of many" in run.reproduce().reasons[0]


def test_a_scan_leaves_out_what_was_set_aside(ledger):
    values = np.random.default_rng(3).standard_normal((20, 60))
    values[4] = 1.0
    matrix = FactorMatrix(values, unusable="set aside")
    scan(matrix, np.random.default_rng(4).normal(size=60), study=ledger.study("scan"))
    assert ledger.runs()["name"].to_list() == [str(n) for n in range(20) if n != 4]
    assert ledger.run("1.0").parameters["set aside"] == 1


def test_a_factor_that_is_what_came_after_is_recorded_without_a_ratio(ledger):
    values = np.random.default_rng(3).standard_normal((3, 60))
    scan(FactorMatrix(values), values[1], study=ledger.study("scan"))
    assert ledger.runs()["p"].iloc[1] < 1e-10
    assert ledger.deflated_sharpe("1.0").n_trials == 3


def test_a_scan_of_noise_leaves_nothing_and_one_of_a_planted_factor_that(ledger):
    rng = np.random.default_rng(5)
    values = rng.standard_normal((2_000, 250), dtype=np.float32)
    ahead = rng.normal(size=250)
    scan(FactorMatrix(values), ahead, study=ledger.study("noise"))
    assert ledger.significant("noise").kept.empty
    values[77] += 0.6 * ahead
    found = scan(FactorMatrix(values), ahead, study=ledger.study("planted"))
    assert ledger.significant("planted", method="holm").kept.to_list() == ["77"]
    best = ledger.runs("noise")["t"].abs().idxmax()
    assert ledger.deflated_sharpe(best, either_sign=True).probability < 0.95
    place = ledger.runs("planted").index[ledger.runs("planted")["name"] == "77"][0]
    assert ledger.deflated_sharpe(place).probability > 0.95
    assert len(clusters(FactorMatrix(values), scores=found.scores()).kept) == 2_000


def test_times_in_another_zone_are_the_same_trial(ledger, drawn):
    tried(ledger, drawn)
    tried(ledger, drawn.tz_convert("America/New_York"))
    assert ledger.runs()["repeat"].to_list() == [False, False, True, True]


def alphalens_frame(prices, groups):
    """What alphalens' get_clean_factor_and_forward_returns makes, groups included."""
    scores = momentum(prices, window=20, skip=1)
    parts = {f"{bar}D": prices.shift(-bar) / prices - 1 for bar in (1, 5)} | {"factor": scores}
    clean = pd.concat({name: part.stack() for name, part in parts.items()}, axis=1).dropna()
    return clean.assign(group=[groups[symbol] for symbol in clean.index.get_level_values(1)])


def test_groups_that_come_with_the_scores_tell_trials_apart(ledger, drawn):
    settings = {"neutral": "group", "quantiles": 3, "study": ledger.study("groups")}
    definition = functools.partial(momentum, window=20, skip=1)
    for priced in ({}, {"prices": drawn, "horizons": (1, 5), "definition": definition}):
        hashes = []
        for apart in (2, 3, 2):
            groups = {name: str(place % apart) for place, name in enumerate(drawn)}
            answer = evaluate(alphalens_frame(drawn, groups), **priced, **settings)
            hashes.append([ledger.run(place).hash for place in answer.trials])
        assert hashes[0] == hashes[2]
        assert not set(hashes[0]) & set(hashes[1])
    found = ledger.run(answer.trials[0]).reproduce()
    assert found.verdict == "cannot"
    assert found.reasons[0].startswith("groups came as a frame")


@pytest.mark.parametrize(
    ("label", "verdict"), [(lambda n: math.nan if n == 0 else n % 2, "equal"), (str, "cannot")]
)
def test_groups_that_a_ledger_gives_back_are_made_again_with(ledger, drawn, label, verdict):
    groups = {name: label(place % 2) for place, name in enumerate(drawn)}
    if verdict == "cannot":
        groups = {name: (one, "a tuple") for name, one in groups.items()}
    definition = functools.partial(momentum, window=20, skip=1)
    answer = tried(ledger, drawn, groups=groups, neutral="group", definition=definition)
    found = ledger.run(answer.trials[1]).reproduce()
    assert found.verdict == verdict
    assert verdict == "equal" or "groups.S0 was a tuple" in found.reasons[0]


def test_symbols_that_are_numbers_are_no_difference_but_cannot_be_given_back(ledger, drawn):
    numbered = drawn.set_axis(range(12), axis=1)
    definition = functools.partial(momentum, window=20, skip=1)
    groups = {place: place % 2 for place in range(12)}
    answer = tried(ledger, numbered, groups=groups, neutral="group", definition=definition)
    found = ledger.run(answer.trials[0]).reproduce()
    assert found.verdict == "cannot"
    assert "groups had the key 0, a int" in found.reasons[0]


def test_a_factor_of_some_universe_cannot_be_made_again_of_prices(ledger, drawn):
    definition = FactorDefinition(name="some", expression="rank(close)", universe="large")
    inside = pd.DataFrame(True, drawn.index, drawn.columns).assign(S0=False)
    scores = evaluate_expression(definition, {"close": drawn}, universe={"large": inside})
    answer = evaluate(
        scores, drawn, quantiles=3, study=ledger.study("large"), definition=definition
    )
    found = ledger.run(answer.trials[0]).reproduce()
    assert found.verdict == "cannot"
    assert found.reasons[0] == "it is of the universe 'large', and only prices were recorded"


def test_scores_of_a_dtype_with_na_are_the_same_trial(ledger, drawn):
    study = ledger.study("momentum")
    first = tried(ledger, drawn)
    scores = momentum(drawn, window=20, skip=1).astype("Float64")
    again = evaluate(scores, drawn, horizons=(1, 5), quantiles=3, study=study)
    hashes = [ledger.run(place).hash for place in (*first.trials, *again.trials)]
    assert hashes[:2] == hashes[2:]
