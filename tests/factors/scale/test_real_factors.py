"""Factors of real bars: windows and operators beside each other, so that many are nearly one."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.factors import FactorSpace, alpha158, bar_fields, evaluate_each
from nautilus_lab.factors.scale import FactorMatrix, SignPlan, clusters, near_duplicates
from nautilus_lab.marketdata import MarketDataEngine

pytestmark = pytest.mark.slow
DATES = 60


@pytest.fixture(scope="module")
def matrix(catalog):
    """Scores of a few stocks on 60 dates, one after the other, of 158 and 1,400 factors."""
    bars = MarketDataEngine(catalog).bars(start="2009-01-02", end="2012-12-31")
    fields = bar_fields(bars)
    whole = fields["close"].columns[fields["close"].notna().all()]
    fields = {name: frame[whole] for name, frame in fields.items()}
    fields["vwap"] = (fields["high"] + fields["low"] + fields["close"]) / 3
    some = FactorSpace(universes=("all",), transforms={"raw": "{x}", "score": "zscore({x})"})
    rows = np.linspace(330, len(fields["close"]) - 1, DATES).astype(int)
    found = {}
    for asked in (alpha158(), some.sample(1_400, seed=1)):
        for name, scores in evaluate_each(asked, fields):
            found[name] = scores.to_numpy()[rows].ravel()
    return FactorMatrix.of_frame(pd.DataFrame(found), unusable="set aside")


@pytest.fixture(scope="module")
def expected(matrix):
    """All pairs above the threshold, by numpy; over what both know where one has gaps."""
    values = matrix.values.astype(float)
    rho = pd.DataFrame(values.T).corr(min_periods=values.shape[1] // 2).to_numpy()
    left, right = np.nonzero(np.triu(np.abs(rho) > 0.95, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


@pytest.mark.parametrize(
    "plan",
    [
        None,
        SignPlan.at(0.95, recall=0.9999, bits=10),
        SignPlan.at(0.8, recall=0.9999, bits=8, components=2, apart=0.3, least=0.95),
    ],
    ids=["all", "tables", "components out"],
)
def test_duplicates_among_real_factors_are_found_and_none_is_false(matrix, expected, plan):
    assert len(expected) > 200
    found = near_duplicates(matrix, plan=plan)
    reported = set(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert len(reported - expected) <= 1  # rounding at the very threshold
    assert len(reported & expected) / len(expected) >= 0.999


def test_no_two_of_those_that_are_kept_are_alike(matrix, expected):
    kept = clusters(matrix, plan=SignPlan.at(0.95, recall=0.9999, bits=10))
    rows = set(kept.rows.tolist())
    alike = [pair for pair in expected if rows.issuperset(pair)]
    assert len(alike) <= len(expected) // 1_000


def test_factors_that_all_have_many_gaps_are_compared_exactly_whatever_the_plan(matrix):
    values = matrix.values[matrix.usable][:300].copy()
    values[:, ::10] = np.nan
    plan = SignPlan.at(0.8, recall=0.9999, bits=8, components=2, apart=0.3, least=0.95)
    found = near_duplicates(FactorMatrix(values), plan=plan)
    exact = near_duplicates(FactorMatrix(values))
    np.testing.assert_array_equal(found.left, exact.left)
    np.testing.assert_array_equal(found.right, exact.right)
