import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors import FactorEngine, WalkForward, combine, evaluate, score_factors


@pytest.fixture(scope="module")
def studies(factors, prices):
    return {name: evaluate(frame, prices, horizons=(5, 1)) for name, frame in factors.items()}


def test_the_factor_that_foretells_comes_first(studies):
    table = score_factors(studies)
    assert list(table.index) == ["good", "blind", "turned"]
    assert table["score"].is_monotonic_decreasing
    assert table["score"].between(0, 1).all()
    assert table.loc["good", "icir"] == studies["good"].ic_summary.loc[5, "icir"]
    assert table.loc["good", "breakeven_bps"] == studies["good"].portfolio().breakeven_bps
    assert table.loc["good", "half_life"] == 7  # foresight of five bars, on the ladder
    assert table.loc["turned", "half_life"] == 0
    dropped = studies["good"].dropped[5]
    assert table.loc["good", "coverage"] == dropped["used"] / dropped.sum()


def test_the_composite_is_the_weighted_mean_of_percentiles(studies):
    table = score_factors(studies, horizon=1, weights={"icir": 3, "half_life": 1})
    by_hand = 0.75 * table["icir"].rank(pct=True) + 0.25 * table["half_life"].rank(pct=True)
    np.testing.assert_allclose(table["score"], by_hand)


def test_what_is_not_known_counts_as_the_lowest(studies, factors):
    stacked = factors["good"].tz_localize(None).stack().to_frame("factor")
    stacked["5D"] = np.random.default_rng(1).normal(size=len(stacked))
    clean = evaluate(stacked)
    table = score_factors({"clean": clean, "good": studies["good"]}, horizon=5,
                          weights={"half_life": 1})  # fmt: skip
    assert math.isnan(table.loc["clean", "half_life"])
    assert table.loc["clean", "score"] == 0


def test_what_cannot_be_scored_is_refused(studies):
    with pytest.raises(InputError, match="must not be none"):
        score_factors({})
    with pytest.raises(InputError, match=r"each study must have the horizon.*not 21"):
        score_factors(studies, horizon=21)
    with pytest.raises(InputError, match="of a criterion"):
        score_factors(studies, weights={"charm": 1})
    with pytest.raises(InputError, match="nor all 0"):
        score_factors(studies, weights={"icir": 0})


def test_the_engine_combines_and_scores_as_the_functions_do(studies, factors, prices):
    engine = FactorEngine()
    walk = WalkForward(window=60, min_dates=20)
    pd.testing.assert_frame_equal(
        engine.combine(factors, prices, method="ic", walk=walk).scores,
        combine(factors, prices, method="ic", walk=walk).scores,
    )
    pd.testing.assert_frame_equal(engine.score(studies), score_factors(studies))
