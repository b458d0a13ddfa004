import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale import FactorMatrix, SignPlan, near_duplicates
from tests.factors.scale.conftest import exact_pairs


def as_set(found):
    return set(zip(found.left.tolist(), found.right.tolist(), strict=True))


def test_few_factors_are_compared_with_all_and_nothing_is_missed(planted):
    found = near_duplicates(FactorMatrix(planted))
    assert found.plan.tables == 0
    assert found.plan.recall == 1
    expected = exact_pairs(planted, 0.95)
    assert as_set(found) == set(expected)
    np.testing.assert_allclose(found.rho, list(expected.values()), atol=1e-6)
    assert (found.rho < -0.95).any()
    assert (found.rho > 0.95).any()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("largest_bucket", [8_192, 2])
def test_tables_report_no_false_pair_and_each_once(planted, threads, largest_bucket):
    plan = SignPlan.at(0.95, recall=0.9999, bits=8, largest_bucket=largest_bucket)
    found = near_duplicates(FactorMatrix(planted), plan=plan, threads=threads)
    expected = exact_pairs(planted, 0.95)
    assert len(found) == len(as_set(found))
    assert as_set(found) <= set(expected)
    assert len(found) >= 0.99 * len(expected)


def test_recall_is_at_least_what_the_plan_says_over_many_planes(planted):
    expected = exact_pairs(planted, 0.95)
    missed = total = 0
    for seed in range(40):
        plan = SignPlan.at(0.95, recall=0.9, bits=10, seed=seed)
        missed += len(expected) - len(near_duplicates(FactorMatrix(planted), plan=plan))
        total += len(expected)
    assert 0 < missed < 0.1 * total


def test_pairs_at_the_very_threshold_are_missed_as_often_as_the_plan_says():
    # Pairs of exactly 0.95, each in a plane of its own: nothing else can meet.
    n = 64
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((130, 129)))[0].T
    basis = basis - basis.mean(axis=1, keepdims=True)
    basis = np.linalg.qr(np.vstack([np.ones(130), basis]).T)[0].T[1 : 2 * n + 1]
    first, second = basis[::2], basis[1::2]
    rows = np.empty((2 * n, 130))
    rows[::2] = first
    rows[1::2] = 0.9501 * first + np.sqrt(1 - 0.9501**2) * second
    found = 0
    for seed in range(25):
        plan = SignPlan.at(0.9501, recall=0.8, bits=6, seed=seed)
        found += len(near_duplicates(FactorMatrix(rows), plan=plan))
    share = found / (25 * n)
    assert share == pytest.approx(plan.recall, abs=0.035)  # four standard errors


def test_common_components_are_taken_out_and_nothing_is_missed_there():
    rng = np.random.default_rng(8)
    market = rng.standard_normal((1, 120))
    values = rng.uniform(1, 3, (800, 1)) * market + rng.standard_normal((800, 120))
    values[700:] = values[rng.integers(0, 700, 100)] + 0.2 * rng.standard_normal((100, 120))
    values[750:] *= -1
    expected = exact_pairs(values, 0.97)
    plan = SignPlan.at(0.75, recall=0.999, bits=8, components=1, apart=0.15)
    found = near_duplicates(FactorMatrix(values), threshold=0.97, plan=plan)
    assert as_set(found) <= set(expected)
    assert len(found) >= 0.999 * len(expected)
    # Most pairs were not looked at, and fewer of them a table than with the market left in.
    assert found.n_compared < 800 * 799 / 2
    none_out = near_duplicates(
        FactorMatrix(values), threshold=0.97, plan=SignPlan.at(0.97, recall=0.999, bits=8)
    )
    assert found.n_compared / found.plan.tables < none_out.n_compared / none_out.plan.tables


def test_the_plan_takes_components_out_of_clustered_factors_only():
    from nautilus_lab.factors.scale._sign_plan import made_for

    rng = np.random.default_rng(9)

    def unit(values):
        values = values - values.mean(axis=1, keepdims=True)
        return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)

    apart = unit(rng.standard_normal((500, 120)))
    assert made_for(apart, 0.95, 0.999, 0.0, 0, 380_000).components == 0
    common = unit(
        3 * rng.choice([-1, 1], (500, 1)) * rng.standard_normal((1, 120))
        + rng.standard_normal((500, 120))
    )
    plan = made_for(common, 0.99, 0.999, 0.0, 0, 380_000)
    assert plan.components >= 1
    assert plan.recall >= 0.999


def test_gaps_are_compared_over_what_both_know(rough):
    expected = pd.DataFrame(rough.T).corr(min_periods=24).abs().to_numpy()
    left, right = np.nonzero(np.triu(expected > 0.9, 1))
    found = near_duplicates(FactorMatrix(rough), threshold=0.9)
    assert as_set(found) == set(zip(left.tolist(), right.tolist(), strict=True))


def test_few_gaps_stay_in_the_tables_and_many_are_compared_with_all(planted):
    values = planted.copy()
    values[::7, 3] = np.nan
    values[480:500, ::4] = np.nan
    expected = pd.DataFrame(values.T).corr(min_periods=60).abs().to_numpy()
    left, right = np.nonzero(np.triu(expected > 0.95, 1))
    plan = SignPlan.at(0.9, recall=0.9999, bits=6)
    found = near_duplicates(FactorMatrix(values), plan=plan)
    assert as_set(found) == set(zip(left.tolist(), right.tolist(), strict=True))


def test_equal_factors_are_one_exact_block(planted):
    values = np.vstack([planted[:50], np.repeat(planted[:1], 40, axis=0)])
    plan = SignPlan.at(0.95, recall=0.999, bits=8, largest_bucket=16)
    found = near_duplicates(FactorMatrix(values), plan=plan)
    assert as_set(found) == set(exact_pairs(values, 0.95))
    assert len(found) == 41 * 40 // 2


def test_factors_set_aside_have_no_duplicates(planted):
    values = planted.copy()
    values[5:9] = 1.0
    matrix = FactorMatrix(values, unusable="set aside")
    for plan in (None, SignPlan.at(0.95, recall=0.999, bits=8)):
        found = near_duplicates(matrix, plan=plan)
        assert not set(range(5, 9)) & {row for pair in as_set(found) for row in pair}


def test_one_factor_has_no_pairs():
    found = near_duplicates(FactorMatrix([[1.0, 2, 4]]))
    assert len(found) == 0
    assert found.table().empty


def test_more_pairs_than_allowed_stop_the_work(planted):
    values = np.repeat(planted[:2], 30, axis=0)
    with pytest.raises(InputError, match="at most max_pairs=100"):
        near_duplicates(FactorMatrix(values), max_pairs=100)


@pytest.mark.parametrize("settings", [{"threshold": 1.0}, {"threshold": 0}, {"recall": 1.0}])
def test_shares_outside_their_bounds_are_refused(planted, settings):
    with pytest.raises(InputError, match=r"must lie in \(0, 1\)"):
        near_duplicates(FactorMatrix(planted), **settings)


def test_a_plan_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="at most 256 tables"):
        SignPlan.at(0.2, recall=0.999, bits=20)


def test_the_table_names_the_most_correlated_first():
    rows = np.array([[1.0, 2, 3, 4], [1, 2, 3, 4.2], [-1, -2, -3, -4]])
    table = near_duplicates(FactorMatrix(rows, list("abc"))).table()
    assert table.iloc[0].to_dict() == {"left": "a", "right": "c", "rho": -1.0}
    assert len(table) == 3
