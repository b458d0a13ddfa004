import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, MissingExtra, NotEnoughData
from nautilus_lab.provenance import SURVIVORS_ONLY
from nautilus_lab.strategies import (
    Costs,
    buy_and_hold,
    momentum_tilt,
    moving_average_cross,
    strategy,
)

GRID = {"fast": [5, 10, 20], "slow": [20, 50, 100]}


def crossing(parameters):
    return parameters["fast"] < parameters["slow"]


@pytest.fixture
def index(data):
    return data.prices(["SP500"], start="2010", end="2015")


def test_every_combination_has_one_row_in_the_order_of_the_grid(engine, index):
    found = engine.sweep(moving_average_cross, index, GRID, where=crossing)
    assert found.table[["fast", "slow"]].to_numpy().tolist() == [
        [5, 20], [5, 50], [5, 100], [10, 20], [10, 50], [10, 100], [20, 50], [20, 100],
    ]  # fmt: skip
    assert found.n_combinations == 8
    assert found.complete


def test_the_best_is_marked_and_can_be_run(engine, index):
    found = engine.sweep(moving_average_cross, index, GRID, where=crossing)
    assert found.table["best"].sum() == 1
    row = found.table[found.table["best"]].iloc[0]
    assert row["total_return"] == found.table["total_return"].max()
    assert found.best.parameters == {"fast": row["fast"], "slow": row["slow"]}
    run = engine.run(found.best, index, mode="vectorised")
    assert run.stats.total_return == pytest.approx(row["total_return"], rel=1e-12)


def test_the_figures_of_a_row_are_those_of_a_single_run(engine, prices):
    found = engine.sweep(
        momentum_tilt.with_parameters(window=60), prices, {"top": [1, 2], "skip": [0, 5]}
    )
    assert len(found.table) == 4
    for row in found.table.itertuples():
        chosen = momentum_tilt.with_parameters(window=60, top=row.top, skip=row.skip)
        run = engine.run(chosen, prices, mode="vectorised")
        assert row.total_return == pytest.approx(run.stats.total_return, rel=1e-9)
        assert row.max_drawdown == pytest.approx(run.stats.max_drawdown, rel=1e-9)
        assert row.volatility == pytest.approx(run.stats.volatility, rel=1e-9)
        assert row.turnover == pytest.approx(run.stats.turnover, rel=1e-9)
        assert row.sharpe == pytest.approx(run.returns.mean() / run.returns.std(), rel=1e-9)


@pytest.mark.slow
@pytest.mark.timeout(400)  # vectorbt compiles at its first use
@pytest.mark.parametrize("kind", ["closes", "bars"])
def test_vectorbt_finds_what_our_own_arithmetic_finds(engine, data, kind):
    index = (
        data.bars(["SP500"], start="2005", end="2010")
        if kind == "bars"
        else data.prices(["SP500"], start="2005", end="2010")
    )
    for costs in (Costs(), Costs(commission_bps=30, half_spread_bps=50)):
        both = [
            engine.sweep(
                moving_average_cross, index, GRID, where=crossing, costs=costs, method=method
            )
            for method in ("numpy", "vectorbt")
        ]
        assert both[1].method == "vectorbt"
        pd.testing.assert_frame_equal(both[0].table, both[1].table, rtol=1e-10, check_dtype=False)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_vectorbt_refuses_what_it_cannot_play(engine, index, prices):
    for wrong in (prices, index):
        chosen = moving_average_cross if wrong is prices else buy_and_hold
        with pytest.raises(InputError):
            engine.sweep(chosen, wrong, {"fast": [5]}, method="vectorbt")
    with pytest.raises(InputError, match="fast < slow") as caught:
        engine.sweep(moving_average_cross, index, GRID, method="vectorbt")
    assert "fast=20, slow=20" in caught.value.value


def test_without_vectorbt_its_install_line_is_named_and_numpy_does_the_work(
    engine, index, monkeypatch
):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *a: None if name == "vectorbt" else real(name, *a)
    )
    with pytest.raises(MissingExtra, match="pip install vectorbt"):
        engine.sweep(moving_average_cross, index, {"fast": [5, 10]}, method="vectorbt")
    monkeypatch.setattr("nautilus_lab.backtesting._sweep._WORTH_VECTORBT", 1)
    monkeypatch.setattr("nautilus_lab.backtesting._sweep._WORTH_WARM", 1)
    assert engine.sweep(moving_average_cross, index, {"fast": [5, 10]}).method == "numpy"


def test_a_small_sweep_does_not_wait_for_vectorbt_to_be_imported():
    code = (
        "import sys, pandas as pd\n"
        "from nautilus_lab.backtesting import BacktestingEngine\n"
        "from nautilus_lab.strategies import moving_average_cross\n"
        "days = pd.date_range('2024-01-01', periods=9, tz='UTC')\n"
        "prices = pd.DataFrame({'A': range(1, 10)}, index=days)\n"
        "BacktestingEngine().sweep(moving_average_cross, prices, {'fast': [1, 2], 'slow': [3]})\n"
        "print([name for name in ('vectorbt', 'nautilus_trader', 'plotly') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert told.stdout == b"[]\n"


def test_importing_the_room_loads_no_pandas():
    code = "import sys, nautilus_lab.backtesting; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert told.stdout == b"False\n"


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_finds_the_same_in_the_same_order(engine, index, kind):
    grid = {"fast": range(2, 20, 2), "slow": [20, 40, 80]}
    here = engine.sweep(moving_average_cross, index, grid)
    pool = (
        ThreadPoolExecutor(2)
        if kind == "threads"
        else ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    )
    with pool:
        there = engine.sweep(moving_average_cross, index, grid, executor=pool)
    pd.testing.assert_frame_equal(here.table, there.table)


def test_an_empty_grid_is_refused(engine, index):
    for empty in ({}, {"fast": []}, {"fast": range(0)}):
        with pytest.raises(InputError, match="grid"):
            engine.sweep(moving_average_cross, index, empty)
    with pytest.raises(InputError, match="sequence"):
        engine.sweep(moving_average_cross, index, {"fast": "5"})
    with pytest.raises(InputError, match="at least one combination"):
        engine.sweep(moving_average_cross, index, GRID, where=lambda p: False)


def test_a_grid_that_names_no_parameter_of_the_strategy_is_refused(engine, index):
    with pytest.raises(InputError, match="must have the parameter") as caught:
        engine.sweep(moving_average_cross, index, {"speed": [1]})
    assert "fast, slow" in caught.value.remedy


def test_a_combination_that_the_strategy_refuses_is_named(engine, index):
    with pytest.raises(InputError, match=r"fast=20, slow=20") as caught:
        engine.sweep(moving_average_cross, index, GRID)
    assert "where=" in caught.value.remedy
    with pytest.raises(NotEnoughData, match=r"slow=5000"):
        engine.sweep(moving_average_cross, index, {"slow": [50, 5_000]})


def test_a_function_that_is_no_strategy_is_refused(engine, index):
    with pytest.raises(InputError, match="functions from data to weights"):
        engine.sweep(lambda p: p, index, GRID)
    with pytest.raises(InputError, match="method"):
        engine.sweep(moving_average_cross, index, GRID, where=crossing, method="magic")


def test_hindsight_and_survivors_head_the_result(engine, prices):
    found = engine.sweep(momentum_tilt.with_parameters(window=60), prices, {"top": [1, 2]})
    text = found.tear_sheet().text
    assert "The best of 2 was chosen with hindsight" in text
    assert SURVIVORS_ONLY in text


def test_two_parameters_make_a_map_and_one_makes_bars(engine, index):
    two = engine.sweep(moving_average_cross, index, GRID, where=crossing)
    level = two.plot().data[0]
    assert level.type == "heatmap"
    assert np.isnan(level.z[2][0])  # 20 against 20 was not played
    one = engine.sweep(moving_average_cross, index, {"fast": [5, 10]})
    assert one.plot().data[0].type == "bar"
    assert "<table" in one._repr_mimebundle_()["text/html"]
    assert repr(one).startswith("SweepResult(moving_average_cross, 2 of 2 combinations, best=")


def test_an_interrupt_keeps_the_rows_that_are_done(engine, index):
    seen = []

    @strategy
    def stopping(prices, level=0):
        seen.append(level)
        if level == 3:
            raise KeyboardInterrupt
        return prices * 0 + 1.0 / (level + 1)

    found = engine.sweep(stopping, index, {"level": range(10)})
    assert not found.complete
    assert found.table["level"].tolist() == [0, 1, 2]
    assert found.n_combinations == 10
    assert "STOPPED after 3 of 10 combinations" in found.tear_sheet().text
    assert seen == [0, 1, 2, 3]


def test_an_interrupt_before_the_first_row_is_an_interrupt(engine, index):
    @strategy
    def never(prices, level=0):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.sweep(never, index, {"level": [1, 2]})
