import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.risk import (
    HISTORICAL_SCENARIOS,
    HistoricalScenario,
    Scenario,
    reverse_stress,
    stress_test,
)

# Closes of the S&P 500, as published: name -> before, and lowest.
INDEX = {
    "Gulf crisis 1990": (368.95, 295.46),
    "Russia and LTCM 1998": (1186.75, 957.28),
    "September 11, 2001": (1092.54, 965.80),
    "Telecom crash 2002": (1106.59, 797.70),
    "Lehman 2008": (1251.70, 752.44),
    "US downgrade 2011": (1345.02, 1119.46),
    "Yuan devaluation 2015": (2102.44, 1867.61),
    "Volatility products 2018": (2872.87, 2581.00),
    "Covid 2020": (3386.15, 2237.40),
    "Rates 2022": (4796.56, 3577.03),
}


def test_the_named_events_lose_what_the_index_lost(sp500):
    for scenario in HISTORICAL_SCENARIOS:
        before, lowest = INDEX[scenario.name]
        loss = stress_test({"SP500": 1.0}, [scenario], returns=sp500).worst.loss
        assert loss == pytest.approx(1 - lowest / before, abs=5e-5), scenario.name


def test_the_named_events_begin_before_a_fall_and_end_at_its_lowest_close(sp500):
    level = (1 + sp500["SP500"]).cumprod()
    for scenario in HISTORICAL_SCENARIOS:
        during = level.loc[scenario.begin : scenario.end]
        assert during.idxmin() == during.index[-1], scenario.name


def test_losses_are_weights_times_moves_the_worst_first():
    mild = Scenario(name="mild", shocks={"A": -0.1, "B": -0.1})
    hard = Scenario(name="hard", shocks={"A": -0.4}, otherwise=0.2)
    test = stress_test({"A": 1000.0, "B": -500.0}, [mild, hard])
    assert [(one.name, one.loss) for one in test.losses] == [("hard", 500.0), ("mild", 50.0)]
    assert test.worst.contributions.to_dict() == {"A": 400.0, "B": 100.0}
    assert test.frame.loc["mild"].to_dict() == {"loss": 50.0, "A": 100.0, "B": -50.0}
    assert "hard" in test.tear_sheet().text


def test_a_stretch_of_the_past_is_compounded_from_close_to_close(frame):
    begin, end = frame.index[10], frame.index[15]
    scenario = HistoricalScenario(name="five days", begin=f"{begin:%F}", end=f"{end:%F}")
    loss = stress_test({"A": 2.0}, [scenario], returns=frame).worst.loss
    moved = frame["A"].iloc[11:16].add(1).prod() - 1
    assert loss == pytest.approx(-2 * moved, rel=1e-12)


def test_events_that_the_returns_do_not_reach_are_an_error_or_named(frame):
    early = HistoricalScenario(name="long ago", begin="1987-10-16", end="1987-10-19")
    sudden = Scenario(name="sudden", shocks={"A": -0.2})
    with pytest.raises(NotEnoughData, match="reach from 1987-10-16 to 1987-10-19 for long ago"):
        stress_test({"A": 1.0}, [early, sudden], returns=frame)
    test = stress_test({"A": 1.0}, [early, sudden], returns=frame, skip_uncovered=True)
    assert test.skipped == ("long ago",)
    assert "long ago" in test.tear_sheet().text
    with pytest.raises(NotEnoughData, match="at least one scenario"):
        stress_test({"A": 1.0}, [early], returns=frame, skip_uncovered=True)


@pytest.mark.parametrize(
    ("weights", "scenarios", "rule"),
    [
        ({"A": 1.0, "Z": 1.0}, [Scenario(name="a", shocks={"A": -0.1})], "what every symbol does"),
        ({"A": float("nan")}, [Scenario(name="a", shocks={"A": -0.1})], "weights must be finite"),
        ({}, [Scenario(name="a", shocks={})], "nothing is held"),
        ({"A": 1.0}, [], "there must be one"),
        ({"A": 1.0}, [Scenario(name="a", shocks={}, otherwise=0.0)] * 2, "names of their own"),
        ({"A": 1.0}, HISTORICAL_SCENARIOS, "needs returns"),
    ],
)
def test_what_has_no_loss_to_tell_is_refused(weights, scenarios, rule):
    with pytest.raises(InputError, match=rule):
        stress_test(weights, scenarios)


def test_a_symbol_without_returns_has_no_past_to_play(frame):
    past = HistoricalScenario(name="past", begin="2000-01-10", end="2000-01-12")
    with pytest.raises(InputError, match="returns of every symbol; got past: Z"):
        stress_test({"A": 1.0, "Z": 1.0}, [past], returns=frame)


@pytest.mark.parametrize("shock", [float("nan"), -1.5, float("inf")])
def test_a_shock_that_is_no_return_is_refused(shock):
    with pytest.raises(InputError, match="a shock must be a simple return"):
        Scenario(name="odd", shocks={"A": shock})
    with pytest.raises(InputError, match="odd: others"):
        Scenario(name="odd", shocks={}, otherwise=shock)


def test_the_reverse_of_a_loss_is_what_an_optimiser_finds(frame, weights):
    loss = 0.05
    found = reverse_stress(frame, weights, loss=loss)
    held, mean, covariance = pd.Series(weights), frame.mean(), frame.cov()
    inverse = np.linalg.inv(covariance)
    theirs = optimize.minimize(
        lambda x: (x - mean) @ inverse @ (x - mean),
        mean,
        constraints={"type": "eq", "fun": lambda x: held @ x + loss},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found.shocks.to_numpy() == pytest.approx(theirs.x, abs=1e-6)
    assert found.deviations == pytest.approx(np.sqrt(theirs.fun), rel=1e-5)
    assert found.contributions.sum() == pytest.approx(loss, rel=1e-12)


def test_how_likely_it_is_by_a_normal_and_how_often_it_happened(frame):
    returns = frame["A"]
    loss = 2.5 * returns.std()
    found = reverse_stress(returns, loss=loss)
    normal = stats.norm(returns.mean(), returns.std())
    assert found.probability == pytest.approx(normal.cdf(-loss), rel=1e-9)
    assert found.past_periods == (returns <= -loss).sum()


def test_losses_that_cannot_be_are_refused(frame):
    for loss in (0.0, -0.1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="loss must be positive"):
            reverse_stress(frame["A"], loss=loss)
    with pytest.raises(BadData, match="never moves"):
        reverse_stress(frame["A"] * 0.0, loss=0.1)
    with pytest.raises(NotEnoughData, match="at least 100"):
        reverse_stress(frame["A"].head(99), loss=0.1)
