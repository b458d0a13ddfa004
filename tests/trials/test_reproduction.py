"""A trial made again: equal, different, or not to be made; never passed over."""

import functools

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.trials import Ledger, Recipe


@pytest.fixture
def run(study, module, prices):
    return study.run(module().tilt, prices, window=7, seed=3)


def test_a_trial_made_again_is_equal(run):
    assert run.name == "tilt(window=7, seed=3)"
    assert run.seed == 3
    found = run.reproduce()
    assert found.equal
    assert repr(found) == "Reproduction(1 equal)"


def test_it_is_made_of_the_data_that_were_kept_or_of_those_that_are_passed(run, prices):
    assert run.reproduce(prices).equal
    (run.ledger.folder / "data" / f"{run.data['prices']['digest']}.parquet").unlink()
    gone = run.reproduce()
    assert gone.verdict == "cannot"
    assert "the file is gone" in gone.reasons[0]
    assert run.reproduce(prices).equal


def test_other_data_are_refused_by_what_they_hold(run, prices):
    changed = prices.copy()
    changed.iloc[60, 1] *= 1.0001
    for other in (changed, prices.iloc[1:], prices[["B", "A", "C"]]):
        found = run.reproduce(other)
        assert found.verdict == "cannot"
        assert "prices changed" in found.reasons[0]
    assert "it takes 1 frames" in run.reproduce(prices, prices).reasons[0]


def test_a_function_that_was_rewritten_is_not_passed_over(run, module):
    module(module.text.replace("gt(0)", "lt(0)"))
    found = run.reproduce()
    assert found.verdict == "cannot"
    assert found.reasons[0] == "the code of tried_strategies:tilt has changed"
    made = run.reproduce(changed_code=True)
    assert made.verdict == "differs"
    assert any(reason.startswith("sharpe was") for reason in made.reasons)
    assert any("returns differ from 2020-" in reason for reason in made.reasons)
    assert "the code of tried_strategies:tilt has changed" in made.changed


def test_a_rewrite_that_changes_nothing_is_equal_and_still_told(run, module):
    module(module.text.replace("window=5", "window=6"))
    made = run.reproduce(changed_code=True)
    assert made.equal
    assert "has changed" in repr(made)


def test_a_function_that_went_away_is_told(run, module):
    module("x = 1")
    assert "not importable" in run.reproduce().reasons[0]


def test_what_decides_without_being_recorded_is_found_out(study, module, prices):
    found = study.run(module().unsteady, prices).reproduce()
    assert found.verdict == "differs"


def test_an_error_where_there_was_none_is_a_difference(study, module, prices):
    found = study.run(module().late, prices).reproduce()
    assert found.verdict == "differs"
    assert found.reasons == ("it ends in an error now: ZeroDivisionError: nothing to divide by",)


def test_what_is_not_importable_or_was_recorded_by_its_returns_cannot_be_made(study, noise, prices):
    def local(prices):
        return prices.pct_change().mean(axis=1).iloc[1:]

    assert "not importable" in study.run(local, prices).reproduce().reasons[0]
    assert "not importable" in study.run(lambda p: local(p), prices).reproduce().reasons[0]
    found = study.record("a", noise()).reproduce()
    assert (found.verdict, found.reasons) == ("cannot", ("it was recorded by its returns",))


def test_other_packages_are_told_beside_an_equal_result(run, monkeypatch):
    from nautilus_lab.trials import _code, _reproduction

    then = _code.code_of(run.ledger.folder)
    later = {**then, "packages": {**then["packages"], "numpy": "9.9"}, "python": "3.99"}
    monkeypatch.setattr(_reproduction, "code_of", lambda folder: later)
    found = run.reproduce()
    assert found.equal
    assert f"numpy {np.__version__} -> 9.9" in found.changed
    assert any(one.startswith("python") for one in found.changed)


def test_data_that_are_too_large_are_not_kept_and_it_is_said(tmp_path, module, prices):
    small = Ledger(folder=tmp_path / "small", keep_bytes=100)
    run = small.study("a").run(module().tilt, prices)
    assert "are more than" in run.data["prices"]["kept"]
    assert "are more than" in run.reproduce().reasons[0]
    assert run.reproduce(prices).equal


def test_data_parquet_cannot_hold_are_not_kept_and_it_is_said(study, noise):
    odd = noise().to_frame()
    odd.columns = pd.Index([object()])
    run = study.record("a", noise(), data={"odd": odd})
    assert run.data["odd"]["kept"]


def test_data_are_kept_once_for_all_trials(study, module, prices):
    for window in range(3, 8):
        study.run(module().tilt, prices, window=window)
    assert len(list((study.ledger.folder / "data").iterdir())) == 1


def test_only_plain_data_are_parameters(study, module, prices):
    with pytest.raises(InputError, match="plain data"):
        study.run(module().tilt, prices, window=functools)


def test_a_run_that_returns_no_returns_is_refused_and_not_recorded(study, prices):
    with pytest.raises(InputError, match="Series of its returns"):
        study.run(lambda prices: 3, prices)
    assert study.ledger.runs().empty


def test_a_number_that_json_has_not_is_given_back(study, module, prices):
    path = module(
        module.text + "\n\ndef capped(prices, most):\n    return prices.pct_change()"
        ".mean(axis=1).iloc[1:].clip(upper=most * 1)\n"
    )
    run = study.run(path.capped, prices, most=np.inf)
    assert run.reproduce().equal


def test_what_is_kept_as_text_is_said_where_it_makes_a_difference(study, module, prices):
    path = module(
        module.text + "\n\ndef held(prices, weights):\n    return prices.pct_change()"
        ".mul(pd.Series(weights)).sum(axis=1).iloc[1:]\n"
    )
    numbered = prices.set_axis(range(3), axis=1)
    found = study.run(path.held, numbered, weights={0: 0.5, 1: 0.3, 2: 0.2}).reproduce()
    assert found.verdict == "cannot"
    assert found.reasons[0] == "weights had the key 0, a int, and is kept as text"
    assert study.run(path.held, prices, weights={"A": 1.0}).reproduce().equal


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(function="os:getcwd"),
        Recipe(function="subprocess:run", sources={"subprocess:run": "0"}),
        Recipe(function="tried_strategies:tilt"),
        Recipe(
            function="tried_strategies:tilt",
            sources={"tried_strategies:tilt": "0"},
            parameters={"definition": {"function": "os:system", "settings": {"command": "true"}}},
        ),
    ],
)
def test_a_function_whose_text_was_not_recorded_is_not_even_imported(study, noise, recipe):
    found = study.record("doctored", noise(), recipe=recipe).reproduce(changed_code=True)
    assert found.verdict == "cannot"
    assert "its text was not recorded" in found.reasons[0]


def test_a_module_that_does_not_import_any_more_is_told(run, module):
    with pytest.raises(RuntimeError):
        module("raise RuntimeError('broken')")
    found = run.reproduce()
    assert found.verdict == "cannot"
    assert found.reasons == ("not importable: broken",)


def test_kept_data_that_are_torn_are_told(run, prices):
    place = run.ledger.folder / "data" / f"{run.data['prices']['digest']}.parquet"
    place.write_bytes(b"torn")
    found = run.reproduce()
    assert found.verdict == "cannot"
    assert "prices cannot be read" in found.reasons[0]
    assert run.reproduce(prices).equal
