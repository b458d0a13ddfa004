"""What a ledger counts, tells, compares and judges."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.analytics.significance import SharpeSample, deflated_sharpe, expected_max_sharpe
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.trials import Batch, Ledger, Outcome, Recipe, row_digests


def batch(values, names=None, **more):
    """Trials of returns, shape (time, trial), told apart by them."""
    days = pd.date_range("2020-01-01", periods=len(values), freq="B", tz="UTC")
    frame = pd.DataFrame(values, days)
    return Batch(
        kind="custom",
        names=names or [f"trial {n}" for n in range(frame.shape[1])],
        hashes=row_digests(np.asarray(values).T),
        outcome=Outcome.of(frame),
        **more,
    )


def test_a_trial_is_told_as_it_was_recorded(study, noise):
    returns = noise()
    run = study.record("calm", returns, parameters={"window": 20}, results={"ic": 0.03}, seed=7)
    again = study.ledger.run(run.id)
    assert (again.name, again.study, again.seed) == ("calm", "momentum", 7)
    assert again.parameters == {"window": 20}
    assert again.results["ic"] == 0.03
    assert again.results["sharpe"] == pytest.approx(returns.mean() / returns.std())
    assert (again.returns.index == returns.index).all()
    np.testing.assert_allclose(again.returns, returns, rtol=1e-6)
    assert again.code["packages"]["numpy"] == np.__version__
    assert again.periods_per_year == pytest.approx(261, abs=1)
    assert "sharpe" in again._repr_html_()


def test_the_t_statistic_is_that_of_statsmodels(study, noise):
    import statsmodels.api as sm

    returns = noise(200, drift=0.001)
    run = study.record("a", returns)
    lags = int(4 * (200 / 100) ** (2 / 9))
    fit = sm.OLS(returns.to_numpy(), np.ones(200)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True
    )
    assert run.results["t"] == pytest.approx(fit.tvalues[0])
    assert run.results["p"] == pytest.approx(fit.pvalues[0])


def test_the_same_tried_again_is_a_repeat_and_counts_once(study, noise):
    first = study.record("a", noise(), parameters={"window": 20})
    study.record("a under another name", noise(), what="a", parameters={"window": 20})
    study.record("b", noise(seed=2), parameters={"window": 21})
    assert study.ledger.runs()["repeat"].to_list() == [False, True, False]
    found = study.ledger.deflated_sharpe(first)
    assert (found.n_trials, found.n_repeats) == (2, 1)


def test_what_says_nothing_of_itself_is_told_apart_by_its_returns(study, noise):
    for seed in (1, 1, 2):
        study.record("a", noise(seed=seed))
    assert study.ledger.runs()["repeat"].to_list() == [False, True, False]


def test_other_data_or_another_seed_is_another_trial(study, noise, prices):
    for data, seed in ((prices, 1), (prices, 2), (prices * 2, 1), (prices.iloc[1:], 1)):
        study.record("a", noise(), data={"prices": data}, seed=seed)
    assert not study.ledger.runs()["repeat"].any()


def test_a_repeat_that_came_out_otherwise_is_told(study, noise):
    study.record("a", noise(seed=1), parameters={"window": 1})
    run = study.record("a", noise(seed=2), parameters={"window": 1})
    assert "1 repeats came out otherwise" in " ".join(run.deflated_sharpe().notices)


def test_studies_are_counted_apart_and_together_when_asked(ledger, noise):
    ledger.study("one").record("a", noise(seed=1))
    run = ledger.study("two").record("b", noise(seed=2))
    assert ledger.deflated_sharpe(run).n_trials == 1
    assert ledger.deflated_sharpe(run, studies=["one", "two"]).n_trials == 2
    assert ledger.studies()["records"].to_dict() == {"one": 1, "two": 1}
    assert ledger.runs("two")["name"].to_list() == ["b"]
    with pytest.raises(InputError, match="among those"):
        ledger.deflated_sharpe(run, studies="one")


def test_a_study_that_goes_on_under_another_name_is_told(ledger, noise):
    for seed in range(3):
        ledger.study("momentum").record(f"{seed}", noise(seed=seed))
    best = ledger.study("momentum 2").record("2", noise(seed=2))
    notices = " ".join(ledger.deflated_sharpe(best).notices)
    assert "1 of these trials are in the study 'momentum' too, which has 3" in notices


def test_the_deflated_ratio_is_that_of_the_trials_by_hand(study):
    values = np.random.default_rng(3).normal(0, 0.01, (250, 40))
    runs = study.add(batch(values))
    sharpes = values.mean(axis=0) / values.std(axis=0, ddof=1)
    best = runs[int(sharpes.argmax())]
    found = best.deflated_sharpe()
    expected = deflated_sharpe(
        SharpeSample.of_values(values[:, sharpes.argmax()]),
        n_trials=40,
        variance=sharpes.var(ddof=1),
    )
    assert found.probability == pytest.approx(expected)
    assert found.undeflated > 0.95 > found.probability


def test_both_counts_are_shown_everywhere(study):
    rng = np.random.default_rng(1)
    one = rng.normal(0, 0.01, (100, 1))
    alike = np.hstack([one + rng.normal(0, 1e-5, (100, 4)), rng.normal(0, 0.01, (100, 2))])
    found = study.add(batch(alike))[0].deflated_sharpe()
    assert (found.n_trials, found.effective.number) == (6, 3)
    for shown in (repr(found), str(found), found._repr_html_()):
        assert "6" in shown
        assert "3.0" in shown


def test_one_trial_is_not_deflated(study, noise):
    found = study.record("a", noise(drift=0.002)).deflated_sharpe()
    assert found.probability == found.undeflated
    assert (found.expected_max, found.n_trials) == (0, 1)


def test_a_trial_that_never_moved_has_no_ratio_but_counts(study, noise):
    flat = study.record("flat", noise() * 0 + 0.1)
    other = study.record("other", noise(seed=2))
    assert math.isnan(flat.results["sharpe"])
    assert math.isnan(flat.results["t"])
    assert math.isnan(flat.deflated_sharpe().probability)
    assert "do not vary" in " ".join(flat.deflated_sharpe().notices)
    found = other.deflated_sharpe()
    assert found.n_trials == 2
    assert "1 trials have no Sharpe ratio" in " ".join(found.notices)
    assert study.ledger.significant("momentum").not_tested == ("flat",)


def test_a_trial_of_one_return_is_kept_but_not_judged(study, noise):
    run = study.record("short", noise(1))
    with pytest.raises(NotEnoughData, match="at least 2 returns"):
        run.deflated_sharpe()


def test_ratios_a_month_are_judged_in_months(ledger, noise):
    study = ledger.study("mixed")
    rng = np.random.default_rng(2)
    months = pd.date_range("2000-01-31", periods=120, freq="ME", tz="UTC")
    monthly = study.record("monthly", pd.Series(rng.normal(0.01, 0.04, 120), months))
    alone = study.record("also", pd.Series(rng.normal(0, 0.04, 120), months))
    study.record("daily", noise(2500, seed=3))
    sharpes = [monthly, alone]
    daily = ledger.run("3")
    scaled = daily.results["sharpe"] * math.sqrt(daily.periods_per_year / monthly.periods_per_year)
    told = np.array([*(run.results["sharpe"] for run in sharpes), scaled])
    found = monthly.deflated_sharpe()
    expected = deflated_sharpe(monthly.sample, n_trials=3, variance=told.var(ddof=1))
    assert found.probability == pytest.approx(expected, abs=1e-6)


def test_what_was_chosen_by_its_size_is_judged_among_twice_as_many(study):
    values = np.random.default_rng(3).normal(0, 0.01, (250, 10))
    runs = study.add(batch(values))
    worst = min(runs, key=lambda run: run.results["sharpe"])
    found = study.ledger.deflated_sharpe(worst, either_sign=True)
    both = np.hstack([values, -values])
    sharpes = both.mean(axis=0) / both.std(axis=0, ddof=1)
    turned = SharpeSample.of_values(-values[:, int(worst.id.split(".")[1])])
    assert found.sharpe.sharpe == pytest.approx(turned.sharpe)
    assert found.sharpe.skewness == pytest.approx(turned.skewness)
    assert found.expected_max == pytest.approx(
        expected_max_sharpe(20, sharpes.var(ddof=1)), rel=0.03
    )
    assert "opposite" in " ".join(found.notices)
    assert found.haircut == pytest.approx(-worst.deflated_sharpe().haircut)


def test_bh_keeps_the_planted_and_none_of_the_nulls(study):
    values = np.random.default_rng(8).normal(0, 0.01, (500, 60))
    values[:, 5] += 0.003
    study.add_many(batch(values))
    assert study.ledger.significant("momentum").kept.to_list() == ["trial 5"]


def test_names_given_twice_are_told_apart_by_their_ids(study):
    values = np.random.default_rng(8).normal(0, 0.01, (50, 2))
    study.add_many(batch(values, names=["a", "a"]))
    assert study.ledger.significant("momentum").table.index.to_list() == ["a [1.0]", "a [1.1]"]


def test_overfitting_is_that_of_the_returns_over_the_times_all_have(study):
    from nautilus_lab.analytics.significance import overfitting

    values = np.random.default_rng(1).normal(0, 0.01, (120, 6))
    values[:20, 2] = np.nan
    study.add_many(batch(values))
    days = pd.date_range("2020-01-01", periods=120, freq="B", tz="UTC")[20:]
    expected = overfitting(
        pd.DataFrame(values[20:].astype("float32").astype(float), days), blocks=4
    )
    found = study.ledger.overfitting("momentum", blocks=4)
    np.testing.assert_array_equal(found.logits, expected.logits)


def test_a_comparison_names_what_differs_and_nothing_else(study, noise, prices):
    a = study.record("a", noise(seed=1), parameters={"window": 20, "skip": 1}, data={"p": prices})
    b = study.record(
        "a", noise(seed=1), parameters={"window": 60, "skip": 1}, data={"p": prices.iloc[1:]}
    )
    found = study.ledger.compare(a, b.id)
    told = found.differences.set_index(["part", "what"])
    assert told.loc[("parameters", "window")].to_list() == [20, 60]
    assert ("data", "p.shape") in told.index
    assert ("parameters", "skip") not in told.index
    assert "results" not in told.index.get_level_values("part")
    assert found.correlation == pytest.approx(1)
    assert not found.same_trial
    assert "1 in parameters" in repr(found)
    assert "window" in found._repr_html_()


def test_a_trial_compared_with_itself_differs_nowhere(study, noise):
    run = study.record("a", noise() * 0)  # NaN results are equal to themselves
    found = study.ledger.compare(run, run)
    assert found.differences.empty
    assert found.same_trial


def test_a_large_batch_keeps_some_returns_and_is_told_to(ledger, monkeypatch):
    monkeypatch.setattr("nautilus_lab.trials._ledger._MOST_RETURNS", 150)
    rng = np.random.default_rng(2)
    shared = np.repeat(rng.normal(0, 0.01, (60, 20)), 15, axis=1)  # 20 trials, 15 copies of each
    values = shared + rng.normal(0, 1e-5, shared.shape)
    study = ledger.study("many")
    seq = study.add_many(batch(values))
    runs = [ledger.run(f"{seq}.{n}") for n in range(300)]
    assert sum(run.returns is not None for run in runs) == 150
    assert all(run.sampled for run in runs)
    top = max(runs, key=lambda run: abs(run.results["t"]))
    assert top.returns is not None
    # A sample never finds fewer than its share of the trials there are.
    assert 20 <= ledger.effective_trials("many").number < 120
    with pytest.raises(NotEnoughData, match="150 of 300 were kept"):
        ledger.overfitting("many")


def test_trials_of_different_times_are_compared_where_they_overlap(ledger):
    rng = np.random.default_rng(2)
    whole = rng.normal(0, 0.01, 200)
    days = pd.date_range("2020-01-01", periods=200, freq="B", tz="UTC")
    study = ledger.study("windows")
    study.record("long", pd.Series(whole, days))
    study.record("late", pd.Series(whole[100:], days[100:]))
    study.record("other", pd.Series(rng.normal(0, 0.01, 150), days[:150]))
    assert ledger.effective_trials("windows").number == 2


def test_returns_without_times_are_compared_by_their_place(ledger):
    rng = np.random.default_rng(2)
    line = rng.normal(0, 0.01, 100)
    study = ledger.study("bare")
    run = study.record("a", pd.Series(line))
    study.record("twice a", pd.Series(2 * line))
    assert math.isnan(run.periods_per_year)
    assert ledger.effective_trials("bare").number == 1
    assert run.returns.index.to_list() == list(range(100))


@pytest.mark.parametrize(
    "name", ["моментум", "動量", "../../etc/passwd", "a/b", "x" * 200, "né 🚀"]
)
def test_any_printable_name_is_a_study_and_no_path(ledger, noise, name, tmp_path):
    ledger.study(name).record("a", noise())
    assert ledger.studies().index.to_list() == [name]
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"trials.db"}


def test_two_ways_to_write_a_character_are_one_study(ledger, noise):
    ledger.study("e\u0301t\u0303").record("a", noise())
    ledger.study(" \u00e9t\u0303 ").record("b", noise(seed=2))
    assert len(ledger.studies()) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\0b", "\x1b[31m", 5, None])
def test_a_name_that_cannot_be_printed_is_refused(ledger, name):
    with pytest.raises(InputError):
        ledger.study(name)


@pytest.mark.parametrize(
    "place", ["", "0", "2", "1.2", "-1", "1.x", "x", "1.-1", "9" * 40, "1.0.0", "²"]
)
def test_a_trial_that_is_not_there_is_refused(ledger, study, place):
    study.add(batch(np.random.default_rng(1).normal(size=(30, 2))))
    with pytest.raises(InputError, match="recorded trial"):
        ledger.run(place)


def test_an_entry_of_several_asks_which(ledger, study):
    study.add(batch(np.random.default_rng(1).normal(size=(30, 2))))
    with pytest.raises(InputError, match="holds 2 trials"):
        ledger.run(1)


def test_an_empty_ledger_says_so_and_makes_no_file(ledger):
    assert ledger.runs().empty
    assert ledger.studies().empty
    assert ledger.verify().n_entries == 0
    with pytest.raises(NotEnoughData):
        ledger.significant("momentum")
    assert not ledger.folder.exists()


@pytest.mark.parametrize(
    ("returns", "error"),
    [
        ([0.1, 0.2], InputError),
        (pd.Series(["a"]), InputError),
        (pd.Series([], dtype=float), InputError),
        (pd.Series([0.1, math.inf]), BadData),
        (pd.Series([0.1, 0.2], [1, 1]), InputError),
        (pd.Series([0.1, 0.2], ["2020-01-01", "2020-01-02"]), InputError),
        (pd.Series([0.1, 0.2], pd.to_datetime(["2020-01-01", "2020-01-02"])), InputError),
        (pd.Series([0.1, 0.2], pd.to_datetime(["2020-01-02", "2020-01-01"], utc=True)), InputError),
        (pd.Series([0.1, 0.2], pd.to_datetime(["2020-01-02", None], utc=True)), InputError),
    ],
)
def test_what_is_no_series_of_returns_is_refused(study, returns, error):
    with pytest.raises(error):
        study.record("a", returns)
    assert study.ledger.runs().empty


def test_a_parameter_that_is_no_plain_data_is_named(study, noise):
    with pytest.raises(InputError, match=r"parameters\.model\.layers\[1\] is a object"):
        study.record("a", noise(), parameters={"model": {"layers": [1, object()]}})


def test_a_batch_whose_parts_do_not_fit_is_refused():
    good = Outcome.of(pd.DataFrame(np.random.default_rng(1).normal(size=(30, 2))))
    hashes = np.zeros((2, 16), np.uint8)
    with pytest.raises(InputError):
        Batch(kind="custom", names=["a"], hashes=hashes, outcome=good)
    with pytest.raises(InputError):
        Batch(kind="magic", names=["a", "b"], hashes=hashes, outcome=good)
    with pytest.raises(InputError, match="sharpe"):
        Batch(
            kind="custom",
            names=["a", "b"],
            hashes=hashes,
            outcome=Outcome(returns=None, results={}),
        )


def test_a_ledger_is_found_in_the_workspace_around(tmp_path, noise):
    (tmp_path / "lab.toml").write_text("", "utf-8")
    ledger = Ledger.of_workspace()
    assert ledger.folder == tmp_path / ".lab" / "trials"


def test_the_notebook_run_it_was_made_in_is_kept(study, noise, monkeypatch):
    monkeypatch.setenv("NL_RUN", "0197-run")
    assert study.record("a", noise()).job == "0197-run"


def test_a_recipe_says_why_there_is_none():
    def local(prices):
        return prices

    assert "not importable" in Recipe.of(local, {}).missing
    assert "x is a object" in Recipe.of(pd.concat, {"x": object()}).missing


def test_any_text_is_kept_as_it_is(study, noise):
    odd = "\x00 \u202e né\n"
    run = study.record(
        odd, noise(), parameters={odd: ["\ud800", math.nan]}, results={"../" + odd: 1.0, "a/b": 2.0}
    )
    again = study.ledger.run(run.id)
    assert again.name == odd
    assert again.parameters[odd][0] == "\ud800"
    assert again.results["../" + odd] == 1.0
    assert study.ledger.verify().ok


def test_a_study_goes_to_another_process(study, noise):
    import pickle

    pickle.loads(pickle.dumps(study)).record("from there", noise())
    assert study.ledger.runs()["name"].to_list() == ["from there"]


def test_many_threads_record_at_once(study, noise):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: study.record(f"{n}", noise(seed=n)), range(24)))
    assert sorted(study.ledger.runs()["name"], key=int) == [str(n) for n in range(24)]
    assert study.ledger.verify().ok


def test_a_name_that_no_table_could_show_is_refused(study, noise):
    with pytest.raises(InputError, match="UTF-8"):
        study.record("\ud800", noise())
    assert study.ledger.runs().empty


def test_hashes_that_end_in_zeros_are_told_apart_and_found(study):
    values = np.random.default_rng(1).normal(0, 0.01, (50, 4))
    one = batch(values)
    hashes = np.zeros((4, 16), np.uint8)
    hashes[1, 0], hashes[2, 1], hashes[3, 15] = 1, 1, 1  # the first is zeros alone
    runs = study.add(dataclasses.replace(one, hashes=hashes))
    assert [run.deflated_sharpe().n_trials for run in runs] == [4, 4, 4, 4]
    study.add(dataclasses.replace(one, hashes=hashes))
    assert runs[0].deflated_sharpe().n_repeats == 4


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"data": {"prices": 5}}, "prices is a int"),
        ({"data": {"prices": pd.Series([1.0])}}, "prices is a Series"),
        ({"data": {"prices": pd.DataFrame({"a": [[1]]})}}, "a list"),
        ({"results": {"ic": "high"}}, "must be numbers"),
        ({"results": {"sharpe": 5.0}}, "measured"),
        ({"parameters": {"n": 10**5_000}}, "parameters.n has 16,610"),
    ],
)
def test_what_cannot_be_kept_beside_returns_is_refused(ledger, study, noise, given, error):
    with pytest.raises(InputError, match=error):
        study.record("x", noise(), **given)
    assert ledger.runs().empty


def test_a_parameter_that_holds_itself_is_refused(study, noise):
    endless = []
    endless.append(endless)
    with pytest.raises(InputError, match="must end"):
        study.record("x", noise(), parameters={"endless": endless})


def test_returns_that_float32_cannot_hold_do_not_poison_a_study(ledger, study, noise):
    with pytest.raises(BadData, match=r"1e\+200"):
        study.record("huge", noise() * 0 + 1e200)
    run = study.record("fine", noise())
    assert ledger.deflated_sharpe(run).n_trials == 1


def test_a_clock_that_was_set_back_does_not_turn_first_and_last_around(
    ledger, study, noise, monkeypatch
):
    for seed, now in enumerate((2 * 10**18, 10**18)):
        monkeypatch.setattr("nautilus_lab.trials._ledger.now_ns", lambda now=now: now)
        study.record(f"{seed}", noise(seed=seed))
    row = ledger.studies().loc["momentum"]
    assert row["first"] == pd.Timestamp(10**18, tz="UTC")
    assert row["last"] == pd.Timestamp(2 * 10**18, tz="UTC")
    assert ledger.verify().ok
