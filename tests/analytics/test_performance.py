import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.analytics import (
    AnalyticsEngine,
    annual_return,
    calmar_ratio,
    market_model,
    performance,
    sharpe_ratio,
)
from nautilus_lab.engine import Engine, State
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark


def test_it_is_an_engine_that_is_always_ready():
    engine = AnalyticsEngine()
    assert isinstance(engine, Engine)
    assert engine.name == "analytics"
    assert engine.health().state is State.READY


def test_a_performance_holds_what_the_single_functions_say(returns, benchmark):
    whole = performance(returns, periods_per_year=252, benchmark=benchmark, risk_free=0.02)
    assert whole.annual_return == annual_return(returns, periods_per_year=252)
    assert whole.sharpe_ratio == sharpe_ratio(returns, periods_per_year=252, risk_free=0.02)
    assert whole.calmar_ratio == calmar_ratio(returns, periods_per_year=252)
    assert whole.market == market_model(returns, benchmark, periods_per_year=252, risk_free=0.02)
    assert whole.positive_share == np.mean(returns > 0)
    assert (whole.best, whole.worst) == (returns.max(), returns.min())


def test_growth_ends_at_one_plus_the_total_return(returns, benchmark):
    whole = performance(returns, periods_per_year=252, benchmark=benchmark)
    assert whole.growth["portfolio"].iloc[-1] == pytest.approx(1 + whole.total_return)
    assert list(whole.growth.columns) == ["portfolio", "benchmark"]


def test_months_compound_to_their_year_and_missing_months_stay_empty():
    days = pd.date_range("2020-11-02", "2021-02-26", freq="B", tz="UTC")
    returns = pd.Series(np.linspace(-0.01, 0.012, len(days)), index=days)
    months = performance(returns, periods_per_year=252).monthly_returns
    assert list(months.index) == [2020, 2021]
    november = (1 + returns[returns.index.month == 11]).prod() - 1
    assert months.loc[2020, "Nov"] == pytest.approx(november)
    assert months.loc[2020, "Year"] == pytest.approx(
        (1 + months.loc[2020, "Nov"]) * (1 + months.loc[2020, "Dec"]) - 1
    )
    assert math.isnan(months.loc[2020, "Jan"])


def test_the_sheet_shows_figures_warnings_and_charts(returns, benchmark):
    marked = mark(returns, Provenance(notices=(SURVIVORS_ONLY,)))
    fake = mark(benchmark, Provenance(simulated=True))
    sheet = AnalyticsEngine().tear_sheet(marked, periods_per_year=252, benchmark=fake)
    whole = performance(returns, periods_per_year=252, benchmark=benchmark)
    assert f"Sharpe ratio      {whole.sharpe_ratio:.2f}" in sheet.text
    assert "SIMULATED DATA" in sheet.html
    assert "Survivor bias" in sheet.html
    figures = sheet.figures
    assert list(figures) == ["Growth of one unit", "Drawdown"]
    for figure in figures.values():
        assert "Survivor bias" in figure.layout.title.subtitle.text
    assert len(figures["Growth of one unit"].data) == 2
    assert len(sheet.html) < 60_000


def test_without_a_benchmark_there_is_no_alpha(returns):
    whole = performance(returns, periods_per_year=252)
    assert whole.market is None
    assert "Alpha" not in whole.tear_sheet().text
    assert repr(whole).count("\n") == 0


def test_a_performance_without_ups_and_downs_still_shows():
    days = pd.date_range("2020-01-01", periods=5, tz="UTC")
    flat = performance(pd.Series(0.0, index=days), periods_per_year=365)
    assert "Sharpe ratio      —" in flat.tear_sheet().text
    assert "nan" not in flat.tear_sheet().html
    assert len(flat.tear_sheet().figures) == 2


def test_bad_returns_are_refused_before_anything_is_measured(returns):
    engine = AnalyticsEngine()
    with pytest.raises(NotEnoughData, match="at least 2 rows; got 1"):
        engine.tear_sheet(returns.iloc[:1], periods_per_year=252)
    with pytest.raises(InputError, match="must be a Series"):
        engine.performance(returns.to_frame(), periods_per_year=252)
    with pytest.raises(InputError, match="tz-aware"):
        engine.performance(returns.tz_localize(None), periods_per_year=252)
    with pytest.raises(BadData, match="finite"):
        engine.performance(returns.replace(returns.iloc[4], np.inf), periods_per_year=252)


def test_importing_the_room_loads_neither_pandas_nor_numpy():
    code = (
        "import sys, nautilus_lab.analytics\n"
        "print([m for m in ('pandas', 'numpy', 'scipy', 'plotly') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
