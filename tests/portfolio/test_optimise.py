"""Weights against closed forms and other solvers."""

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.optimize import linprog, minimize
from scipy.spatial.distance import squareform

from nautilus_lab.portfolio import (
    GroupLimit,
    HierarchicalRiskParity,
    MeanRisk,
    PortfolioEngine,
    WeightBounds,
)

ENGINE = PortfolioEngine()
WIDE = (WeightBounds(lower=-10, upper=10),)
MEASURES = ("variance", "semi_deviation", "cvar", "cdar", "max_drawdown")


def moments(returns):
    return np.array(returns.mean()), np.array(returns.cov())


def solved_by_scipy(returns, cost, upper=1.0):
    """Return the long-only weights of least cost, by sequential quadratic programming."""
    n = returns.shape[1]
    answer = minimize(
        cost,
        np.full(n, 1 / n),
        method="SLSQP",
        bounds=[(0, upper)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    assert answer.success, answer.message
    return answer.x


def test_least_variance_without_bounds_is_the_closed_form(returns):
    _, covariance = moments(returns)
    closed = np.linalg.solve(covariance, np.ones(8))
    book = ENGINE.optimise(returns, objective=MeanRisk(objective="min_risk"), constraints=WIDE)
    np.testing.assert_allclose(book.weights, closed / closed.sum(), atol=1e-5)
    assert book.volatility == pytest.approx(1 / np.sqrt(closed.sum()), rel=1e-9)


def test_the_best_ratio_without_bounds_is_the_tangency_portfolio(returns):
    means, covariance = moments(returns)
    rate = 0.0001
    closed = np.linalg.solve(covariance, means - rate)
    book = ENGINE.optimise(returns, objective=MeanRisk(risk_free_per_period=rate), constraints=WIDE)
    np.testing.assert_allclose(book.weights, closed / closed.sum(), atol=1e-3)
    best = np.sqrt((means - rate) @ closed)
    assert (book.expected_return - rate) / book.volatility == pytest.approx(best, rel=1e-7)


def test_least_variance_long_only_is_scipys(returns):
    _, covariance = moments(returns)
    theirs = solved_by_scipy(returns, lambda w: 1e4 * (w @ covariance @ w), upper=0.3)
    book = ENGINE.optimise(
        returns,
        objective=MeanRisk(objective="min_risk"),
        constraints=(WeightBounds(upper=0.3),),
    )
    np.testing.assert_allclose(book.weights, theirs, atol=1e-4)
    assert book.volatility**2 <= theirs @ covariance @ theirs * (1 + 1e-6)


def test_the_best_ratio_long_only_is_scipys(returns):
    means, covariance = moments(returns)
    theirs = solved_by_scipy(returns, lambda w: -(w @ means) / np.sqrt(w @ covariance @ w))
    book = ENGINE.optimise(returns)
    np.testing.assert_allclose(book.weights, theirs, atol=1e-3)
    ratio = theirs @ means / np.sqrt(theirs @ covariance @ theirs)
    assert book.expected_return / book.volatility >= ratio * (1 - 1e-6)


def test_greatest_utility_is_scipys(returns):
    means, covariance = moments(returns)
    theirs = solved_by_scipy(returns, lambda w: 1e3 * (4 * w @ covariance @ w - w @ means))
    book = ENGINE.optimise(returns, objective=MeanRisk(objective="utility", risk_aversion=4.0))
    np.testing.assert_allclose(book.weights, theirs, atol=1e-3)


def test_least_cvar_is_the_linear_programmes(returns):
    n_rows, n = returns.shape
    tail = 0.1
    # min v + sum(u) / (tail T)  with  u >= -R w - v, u >= 0  (Rockafellar and Uryasev, 2000)
    cost = np.concatenate([np.zeros(n), [1.0], np.full(n_rows, 1 / (tail * n_rows))])
    rows = np.hstack([-returns.to_numpy(), -np.ones((n_rows, 1)), -np.eye(n_rows)])
    answer = linprog(
        cost,
        A_ub=rows,
        b_ub=np.zeros(n_rows),
        A_eq=[[1.0] * n + [0.0] * (n_rows + 1)],
        b_eq=[1.0],
        bounds=[(0, 1)] * n + [(None, None)] + [(0, None)] * n_rows,
    )
    book = ENGINE.optimise(
        returns, objective=MeanRisk(objective="min_risk", risk_measure="cvar", confidence=0.9)
    )
    worst = np.sort(returns @ book.weights)[:60]
    assert -worst.mean() == pytest.approx(answer.fun, rel=1e-6)


def measured(name, path):
    """Return a risk of a path of returns by its definition; the tail is five per cent."""
    fallen = np.maximum.accumulate(np.append(0, path.cumsum()))[1:] - path.cumsum()
    return {
        "variance": path.var(ddof=1),
        "semi_deviation": np.sqrt((np.minimum(path - path.mean(), 0) ** 2).sum() / (600 - 1)),
        "cvar": -np.sort(path)[:30].mean(),
        "cdar": np.sort(fallen)[-30:].mean(),
        "max_drawdown": fallen.max(),
    }[name]


@pytest.mark.parametrize("name", MEASURES)
def test_no_portfolio_nearby_or_elsewhere_has_less_of_the_risk(name, returns):
    book = ENGINE.optimise(returns, objective=MeanRisk(objective="min_risk", risk_measure=name))
    least = measured(name, np.array(returns @ book.weights))
    rng = np.random.default_rng(2)
    others = rng.dirichlet(np.ones(8), 300)
    near = 0.98 * book.weights.to_numpy() + 0.02 * others
    for weights in (*others, *near):
        assert measured(name, returns.to_numpy() @ weights) >= least * (1 - 1e-5)


def test_the_greatest_return_takes_the_best_symbols_to_their_bounds(returns):
    book = ENGINE.optimise(
        returns,
        objective=MeanRisk(objective="max_return"),
        constraints=(WeightBounds(upper=0.4),),
    )
    best = returns.mean().sort_values(ascending=False).index
    assert book.weights[best[:3]].round(6).to_list() == [0.4, 0.4, 0.2]


def bisected(returns, method):
    """Hierarchical risk parity as the paper has it, written out again."""
    correlation, covariance = returns.corr(), returns.cov()
    distance = np.sqrt(np.clip((1 - correlation) / 2, 0, 1)).to_numpy().copy()
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method, optimal_ordering=True)
    order = [returns.columns[i] for i in leaves_list(tree)]
    weights = pd.Series(1.0, index=returns.columns)

    def cluster_variance(names):
        inner = covariance.loc[names, names].to_numpy()
        inverse = 1 / np.diag(inner)
        share = inverse / inverse.sum()
        return share @ inner @ share

    spells = [order]
    while spells:
        names = spells.pop()
        if len(names) == 1:
            continue
        left, right = names[: len(names) // 2], names[len(names) // 2 :]
        one, other = cluster_variance(left), cluster_variance(right)
        weights[left] *= other / (one + other)
        weights[right] *= one / (one + other)
        spells += [left, right]
    return weights


@pytest.mark.parametrize("method", ["single", "ward", "average", "complete"])
def test_hierarchical_risk_parity_is_the_papers(method, returns):
    book = ENGINE.optimise(returns, objective=HierarchicalRiskParity(linkage=method))
    np.testing.assert_allclose(book.weights, bisected(returns, method), atol=1e-9)
    assert book.status == "computed"


def test_hierarchical_risk_parity_is_skfolios(returns):
    from skfolio.optimization import HierarchicalRiskParity as Theirs

    theirs = Theirs().fit(returns).weights_  # joins by Ward's rule when not told otherwise
    book = ENGINE.optimise(returns, objective=HierarchicalRiskParity(linkage="ward"))
    np.testing.assert_allclose(book.weights, theirs, atol=1e-9)


def test_hierarchical_risk_parity_is_fitted_into_bounds(returns):
    bounds = (WeightBounds(lower=0.05, upper=0.2),)
    book = ENGINE.optimise(returns, objective=HierarchicalRiskParity(), constraints=bounds)
    assert book.weights.between(0.05, 0.2).all()
    assert book.weights.sum() == pytest.approx(1, abs=1e-12)


def test_every_constraint_is_kept(returns):
    book = ENGINE.optimise(
        returns,
        constraints=(
            WeightBounds(lower=0.02, upper=0.35),
            WeightBounds(upper=0.05, symbols="H"),
            GroupLimit(symbols=("E", "F", "G", "H"), upper=0.5, name="second"),
            GroupLimit(symbols=("A", "B"), lower=0.15),
        ),
    )
    weights = book.weights
    assert weights.between(0.02 - 1e-12, 0.35 + 1e-12).all()
    assert weights["H"] <= 0.05 + 1e-12
    assert weights[["E", "F", "G", "H"]].sum() <= 0.5 + 1e-7
    assert weights[["A", "B"]].sum() >= 0.15 - 1e-7
    assert weights.sum() == pytest.approx(1, abs=1e-12)


def test_short_positions_are_as_short_as_allowed(returns):
    book = ENGINE.optimise(returns, constraints=(WeightBounds(lower=-0.1, upper=0.5),))
    assert book.weights.min() == pytest.approx(-0.1, abs=1e-6)
    assert book.weights.sum() == pytest.approx(1, abs=1e-12)


def test_symbols_without_bounds_of_their_own_stay_long_only(returns):
    worst = ENGINE.optimise(returns, constraints=WIDE).weights.idxmin()
    shorts = WeightBounds(lower=-0.2, upper=0.5, symbols=worst)
    book = ENGINE.optimise(returns, constraints=(shorts,))
    assert book.weights[worst] < 0
    assert (book.weights.drop(worst) >= 0).all()


def test_two_copies_of_one_symbol_share_its_weight(returns):
    twice = returns.assign(A2=returns["A"])
    least = MeanRisk(objective="min_risk")
    one = ENGINE.optimise(returns, objective=least)
    two = ENGINE.optimise(twice, objective=least)
    assert two.volatility == pytest.approx(one.volatility, rel=1e-5)
    assert two.weights["A"] + two.weights["A2"] == pytest.approx(one.weights["A"], abs=1e-3)


def test_figures_are_those_of_the_weights(returns):
    book = ENGINE.optimise(returns, periods_per_year=252)
    path = returns @ book.weights
    assert book.expected_return == pytest.approx(path.mean(), rel=1e-12)
    assert book.volatility == pytest.approx(path.std(), rel=1e-12)
    assert book.annual_return == pytest.approx(path.mean() * 252)
    assert book.annual_volatility == pytest.approx(path.std() * np.sqrt(252))
    assert book.n_observations == 600


def test_risk_contributions_are_shares_of_the_variance(returns):
    book = ENGINE.optimise(returns, constraints=(WeightBounds(lower=-0.2),))
    path = returns @ book.weights
    shares = returns.apply(lambda line: line.cov(path)) * book.weights / path.var()
    np.testing.assert_allclose(book.risk_contributions, shares, atol=1e-12)
    assert book.risk_contributions.sum() == pytest.approx(1, abs=1e-12)


def test_a_single_symbol_is_held_whole(returns):
    book = ENGINE.optimise(returns[["H"]], objective=MeanRisk(objective="min_risk"))
    assert book.weights.to_dict() == {"H": 1.0}
    assert "1 of 1" in book.tear_sheet().text
