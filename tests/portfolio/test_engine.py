import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.engine import Engine, State
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, SolverError
from nautilus_lab.portfolio import (
    GroupLimit,
    HierarchicalRiskParity,
    MeanRisk,
    PortfolioEngine,
    WeightBounds,
)
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark

ENGINE = PortfolioEngine(objective=MeanRisk(objective="min_risk"))


def test_it_is_an_engine_that_is_always_ready():
    assert isinstance(ENGINE, Engine)
    assert (ENGINE.name, ENGINE.health().state) == ("portfolio", State.READY)


def test_infeasible_bounds_are_named(returns):
    with pytest.raises(SolverError) as caught:
        ENGINE.optimise(returns, constraints=(WeightBounds(upper=0.1),))
    assert str(caught.value) == (
        "the constraints must leave weights that sum to 1; got none over 8 symbols; "
        "feasible without: WeightBounds(lower=0, upper=0.1)"
    )


def test_of_several_constraints_only_those_to_blame_are_named(returns):
    constraints = (
        WeightBounds(upper=0.3),
        GroupLimit(symbols=("A", "B"), upper=0.9, name="harmless"),
        GroupLimit(symbols=tuple("CDEFGH"), upper=0.3, name="second sector"),
    )
    with pytest.raises(SolverError) as caught:
        ENGINE.optimise(returns, constraints=constraints)
    assert caught.value.remedy == (
        "feasible without: WeightBounds(lower=0, upper=0.3) or without: "
        "GroupLimit('second sector', lower=0, upper=0.3, symbols=(C, D, E, F, …))"
    )


def test_when_no_single_constraint_is_to_blame_it_says_so(returns):
    constraints = (
        GroupLimit(symbols=("A",), lower=0.9),
        GroupLimit(symbols=("B",), lower=0.9),
        GroupLimit(symbols=("C",), lower=0.9),
    )
    with pytest.raises(SolverError, match="loosen several"):
        ENGINE.optimise(returns, constraints=constraints)


def test_a_ratio_needs_a_portfolio_that_earns_something(returns):
    falling = returns - returns.mean() - 0.001
    with pytest.raises(
        SolverError, match=r"earns more than the risk-free rate; got at most -0.001"
    ):
        ENGINE.optimise(falling, objective=MeanRisk())
    with pytest.raises(SolverError, match="risk-free"):
        ENGINE.optimise(returns, objective=MeanRisk(risk_free_per_period=0.01))
    assert ENGINE.optimise(falling).status == "optimal"


def test_nothing_is_printed_or_warned_of_and_filters_stay(returns, capsys, recwarn):
    import warnings

    before = list(warnings.filters)
    ENGINE.optimise(returns, objective=MeanRisk(risk_measure="cvar"))
    ENGINE.optimise(returns, objective=HierarchicalRiskParity())
    assert capsys.readouterr() == ("", "")
    assert len(recwarn) == 0
    assert warnings.filters == before


def test_a_solver_that_finds_nothing_is_a_solver_error(returns, monkeypatch, capsys):
    import riskfolio

    def nothing(self, **settings):
        print("The problem doesn't have a solution")  # noqa: T201 - as the library does
        return None

    monkeypatch.setattr(riskfolio.Portfolio, "optimization", nothing)
    with pytest.raises(SolverError, match=r"must find an optimum.*doesn't have a solution"):
        ENGINE.optimise(returns)
    assert capsys.readouterr().out == ""


def test_whatever_the_solver_raises_is_a_solver_error_with_its_cause(returns, monkeypatch):
    import riskfolio

    def broken(self, **settings):
        raise ArithmeticError("numbers went bad")

    monkeypatch.setattr(riskfolio.Portfolio, "optimization", broken)
    monkeypatch.setattr(riskfolio.HCPortfolio, "optimization", broken)
    for objective in (MeanRisk(objective="min_risk"), HierarchicalRiskParity()):
        with pytest.raises(SolverError, match="numbers went bad") as caught:
            ENGINE.optimise(returns, objective=objective)
        assert isinstance(caught.value.__cause__, ArithmeticError)


@pytest.mark.parametrize("weights", [[1.5] + [-0.5] + [0.0] * 6, [np.nan] * 8])
def test_a_solution_that_breaks_a_constraint_is_not_handed_out(weights, returns, monkeypatch):
    import riskfolio

    solution = pd.DataFrame({"weights": weights}, index=returns.columns)
    monkeypatch.setattr(riskfolio.Portfolio, "optimization", lambda self, **_: solution)
    with pytest.raises(SolverError, match="keep to its constraints"):
        ENGINE.optimise(returns)


def test_bad_returns_are_refused(returns):
    gap = returns.copy()
    gap.iloc[3, 2] = np.nan
    with pytest.raises(BadData, match="C at 2019-01-04"):
        ENGINE.optimise(gap)
    with pytest.raises(BadData, match="sorted"):
        ENGINE.optimise(returns.iloc[::-1])
    with pytest.raises(NotEnoughData, match="empty"):
        ENGINE.optimise(returns.iloc[:0])
    with pytest.raises(BadData, match="must vary; got CASH"):
        ENGINE.optimise(returns.assign(CASH=0.0001))
    with pytest.raises(InputError, match="DataFrame"):
        ENGINE.optimise(returns["A"])


def test_as_many_symbols_as_periods_are_refused_with_both_numbers(returns):
    with pytest.raises(NotEnoughData, match="at least 9 rows; got 8"):
        ENGINE.optimise(returns.iloc[:8])
    assert ENGINE.optimise(returns.iloc[:9]).n_observations == 9


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: MeanRisk(objective="best"), "objective must be one of"),
        (lambda: MeanRisk(risk_measure="volatility"), "risk_measure must be one of"),
        (lambda: MeanRisk(confidence=1.0), "confidence"),
        (lambda: MeanRisk(risk_free_per_period=float("nan")), "risk_free_per_period"),
        (lambda: MeanRisk(risk_aversion=0.0), "risk_aversion"),
        (lambda: HierarchicalRiskParity(linkage="median"), "linkage must be one of"),
        (lambda: HierarchicalRiskParity(risk_measure="x"), "risk_measure must be one of"),
        (lambda: HierarchicalRiskParity(confidence=0.0), "confidence"),
        (lambda: WeightBounds(lower=0.5, upper=0.2), "lower <= upper"),
        (lambda: WeightBounds(upper=float("nan")), "lower <= upper"),
        (lambda: WeightBounds(lower=float("-inf")), "finite"),
        (lambda: GroupLimit(symbols=()), "at least one symbol"),
        (lambda: GroupLimit(symbols=("A",), lower=2.0), "lower <= upper"),
    ],
)
def test_settings_out_of_bounds_are_refused_when_they_are_made(call, rule):
    with pytest.raises(InputError, match=rule):
        call()


def test_arguments_of_the_wrong_kind_are_refused(returns):
    with pytest.raises(InputError, match="objective must be MeanRisk"):
        ENGINE.optimise(returns, objective="sharpe")
    with pytest.raises(InputError, match="constraints must be WeightBounds or GroupLimit"):
        ENGINE.optimise(returns, constraints=("A <= 0.2",))
    with pytest.raises(InputError, match="periods_per_year"):
        ENGINE.optimise(returns, periods_per_year=-252)
    with pytest.raises(InputError, match=r"symbols that have returns; got GHOST in Group"):
        ENGINE.optimise(returns, constraints=(GroupLimit(symbols=("A", "GHOST"), upper=0.2),))


def test_what_a_hierarchy_cannot_keep_to_is_refused(returns):
    parity = HierarchicalRiskParity()
    with pytest.raises(InputError, match="got a group limit"):
        ENGINE.optimise(
            returns, objective=parity, constraints=(GroupLimit(symbols=("A",), upper=0.1),)
        )
    with pytest.raises(InputError, match="got a negative lower bound"):
        ENGINE.optimise(returns, objective=parity, constraints=(WeightBounds(lower=-0.1),))
    with pytest.raises(InputError, match="at least two symbols"):
        ENGINE.optimise(returns[["A"]], objective=parity)


def test_the_sheet_shows_weights_constraints_and_the_bias_of_the_data(returns):
    marked = mark(returns, Provenance(notices=(SURVIVORS_ONLY,)))
    book = ENGINE.optimise(marked, constraints=(WeightBounds(upper=0.3),), periods_per_year=252)
    sheet = book.tear_sheet()
    assert "least variance · 600 periods · optimal" in sheet.text
    assert "WeightBounds(lower=0, upper=0.3)" in sheet.text
    assert "Volatility, a year" in sheet.text
    assert "Survivor bias" in sheet.html
    assert "Survivor bias" in book.plot().layout.title.subtitle.text
    assert "Volatility, a period" in ENGINE.optimise(marked).tear_sheet().text


def test_without_periods_a_year_there_are_no_annual_figures(returns):
    book = ENGINE.optimise(returns)
    assert book.annual_return is None
    assert book.annual_volatility is None
    assert repr(book).startswith("Allocation(least variance: ")


def test_the_returns_handed_in_are_left_as_they_were(returns):
    before = returns.copy()
    ENGINE.optimise(returns)
    pd.testing.assert_frame_equal(returns, before)


def test_importing_the_rooms_loads_none_of_the_heavy_libraries():
    code = (
        "import sys, nautilus_lab.portfolio, nautilus_lab.factors\n"
        "heavy = ('riskfolio', 'cvxpy', 'skfolio', 'pandas', 'numpy', 'scipy', 'plotly')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
