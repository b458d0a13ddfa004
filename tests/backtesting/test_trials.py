"""Backtests and sweeps as trials."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.backtesting import BacktestingEngine
from nautilus_lab.exceptions import InputError
from nautilus_lab.strategies import Costs, buy_and_hold, moving_average_cross, strategy
from nautilus_lab.trials import Ledger


@pytest.fixture
def ledger(tmp_path):
    return Ledger(folder=tmp_path / "trials")


@pytest.fixture
def engine(ledger):
    return BacktestingEngine(ledger=ledger)


@pytest.fixture
def drawn():
    """Declared noise: 2 symbols, 200 days."""
    steps = np.random.default_rng(0).normal(0.0003, 0.01, (200, 2))
    days = pd.date_range("2020-01-01", periods=200, freq="B", tz="UTC")
    return pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), days, ["A", "B"])


def test_a_run_is_recorded_with_its_returns_and_made_again(engine, ledger, drawn):
    found = engine.run(
        moving_average_cross.with_parameters(fast=5, slow=20), drawn, mode="vectorised", study="ma"
    )
    run = ledger.run(found.trial)
    np.testing.assert_allclose(run.returns, found.returns, atol=1e-8)
    assert run.results["total_return"] == found.stats.total_return
    assert run.parameters["fast"] == 5
    assert run.kind == "backtest"
    assert run.reproduce().equal
    assert run.reproduce(drawn * 1.01).verdict == "cannot"


def test_events_are_recorded_and_made_again_too(engine, ledger, drawn):
    found = engine.run(buy_and_hold, drawn, study="hold")
    assert ledger.run(found.trial).reproduce().equal


def test_nothing_is_recorded_where_nobody_asked(engine, ledger, drawn):
    assert engine.run(buy_and_hold, drawn, mode="vectorised").trial == ""
    engine.sweep(moving_average_cross, drawn, {"fast": [5]})
    assert not ledger.folder.exists()


@pytest.mark.parametrize(
    "changed",
    [{"costs": Costs(commission_bps=3)}, {"starting_cash": 5e5}, {"data": slice(1, None)}],
)
def test_other_costs_cash_or_data_are_another_trial(engine, ledger, drawn, changed):
    engine.run(buy_and_hold, drawn, mode="vectorised", study="a")
    engine.run(buy_and_hold, drawn, mode="vectorised", study="a")
    data = drawn.iloc[changed.pop("data", slice(None))]
    engine.run(buy_and_hold, data, mode="vectorised", study="a", **changed)
    assert ledger.runs()["repeat"].to_list() == [False, True, False]


def test_a_strategy_that_was_rewritten_is_another_trial(engine, ledger, drawn):
    @strategy
    def tilt(prices, window=2):
        return prices.pct_change(window).gt(0).astype(float) / 2

    first = tilt

    @strategy
    def tilt(prices, window=2):
        return prices.pct_change(window).lt(0).astype(float) / 2

    for one in (first, tilt, first):
        engine.run(one, drawn, mode="vectorised", study="a")
    assert ledger.runs()["repeat"].to_list() == [False, False, True]
    assert "not importable" in ledger.run(1).reproduce().reasons[0]


def test_every_combination_of_a_sweep_is_a_trial_and_a_run_of_one_a_repeat(engine, ledger, drawn):
    grid = {"fast": [5, 6, 7], "slow": [20, 40]}
    found = engine.sweep(moving_average_cross, drawn, grid, study="ma")
    table = ledger.runs("ma")
    assert len(table) == 6
    np.testing.assert_allclose(table["sharpe"], found.table["sharpe"])
    best = engine.run(found.best, drawn, mode="vectorised", study="ma")
    assert ledger.runs("ma")["repeat"].to_list() == 6 * [False] + [True]
    run = ledger.run(best.trial)
    same = ledger.run(f"1.{int(found.table['best'].argmax())}")
    np.testing.assert_allclose(run.returns, same.returns, atol=1e-7)
    judged = run.deflated_sharpe()
    assert (judged.n_trials, judged.n_repeats) == (6, 1)
    assert judged.effective.number < 6  # windows of 5 and 6 days are hardly two ideas
    assert judged.probability < judged.undeflated
    assert "one of a sweep" in same.reproduce().reasons[0]
    assert 0 <= ledger.overfitting("ma", blocks=4).probability <= 1


def test_a_sweep_elsewhere_records_the_same(engine, ledger, drawn):
    from concurrent.futures import ThreadPoolExecutor

    grid = {"fast": [5, 6], "slow": [20, 40]}
    engine.sweep(moving_average_cross, drawn, grid, study="here")
    with ThreadPoolExecutor(2) as pool:
        engine.sweep(moving_average_cross, drawn, grid, study="there", executor=pool)
    here, there = ledger.runs("here"), ledger.runs("there")
    assert here["t"].to_list() == there["t"].to_list()


@pytest.mark.parametrize("study", ["", 5, "a\n"])
def test_what_is_no_study_is_refused_before_anything_is_played(engine, drawn, study):
    with pytest.raises(InputError):
        engine.run(None, drawn, study=study)
