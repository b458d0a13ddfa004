import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.scale import FactorMatrix, most_correlated


def by_numpy(values, row, k, *, signed=False):
    rho = np.corrcoef(values)[row]
    rho[row] = -np.inf if signed else 0
    order = np.argsort(-(rho if signed else np.abs(rho)), kind="stable")[:k]
    return order, rho[order]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_most_correlated_are_numpys(planted, signed, threads):
    asked = [3, 500, 599, 541]
    found = most_correlated(FactorMatrix(planted), asked, k=7, signed=signed, threads=threads)
    for place, row in enumerate(asked):
        rows, rho = by_numpy(planted, row, 7, signed=signed)
        np.testing.assert_array_equal(found.rows[place], rows)
        np.testing.assert_allclose(found.rho[place], rho, atol=1e-6)


def test_with_gaps_they_are_those_of_pandas(rough):
    expected = pd.DataFrame(rough.T).corr(min_periods=24)
    found = most_correlated(FactorMatrix(rough), list(range(60)), k=5)
    for row in range(60):
        line = expected[row].drop(row).dropna().abs().sort_values(ascending=False)
        np.testing.assert_allclose(np.abs(found.rho[row]), line[:5], atol=1e-5)
        np.testing.assert_allclose(found.rho[row], expected[row][found.rows[row]], atol=1e-5)


def test_factors_that_share_too_little_are_not_compared():
    rows = np.array([[1.0, 2, 3, np.nan, np.nan, 7], [3, 1, 2, 4, 5, 6], [np.nan] * 3 + [1, 2, 9]])
    matrix = FactorMatrix(rows)
    assert most_correlated(matrix, [0], k=2).rows.tolist() == [[1, -1]]
    assert most_correlated(matrix, [0], k=2, min_common=5).rows.tolist() == [[-1, -1]]
    found = most_correlated(matrix, [2], k=2, min_common=3)
    assert found.rows.tolist() == [[1, -1]]
    assert np.isnan(found.rho[0, 1])


def test_queries_given_by_value_may_find_themselves(planted):
    found = most_correlated(FactorMatrix(planted), planted[[5]] * -3, k=1)
    assert found.rows[0, 0] == 5
    assert found.rho[0, 0] == pytest.approx(-1)


def test_factors_set_aside_are_nobodys_neighbour():
    rows = np.array([[1.0, 2, 3], [4, 4, 4], [3, 1, 2]])
    matrix = FactorMatrix(rows, ["a", "flat", "b"], unusable="set aside")
    near = most_correlated(matrix, ["a"], k=2)
    assert near.of("a").index.to_list() == ["b"]
    with pytest.raises(InputError, match="flat: no variance"):
        most_correlated(matrix, ["flat"])


def test_rows_beyond_one_block_and_one_chunk_are_found():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((70_000, 6)).astype(np.float32)
    values[69_999] = values[0] + 1e-3
    told = []
    near = most_correlated(FactorMatrix(values), [0], k=2, progress=lambda *done: told.append(done))
    assert near.rows[0, 0] == 69_999
    assert told[-1] == (2, 2)


def test_queries_that_break_a_rule_are_refused(planted):
    matrix = FactorMatrix(planted)
    with pytest.raises(InputError, match="k must be at least 1"):
        most_correlated(matrix, [1], k=0)
    with pytest.raises(InputError, match="must be one of the matrix; got 600"):
        most_correlated(matrix, [1, 600])
    with pytest.raises(InputError, match="some factor must be asked for"):
        most_correlated(matrix, [])
    with pytest.raises(InputError, match="120 observations"):
        most_correlated(matrix, planted[:1, :9])
    with pytest.raises(BadData, match="must vary"):
        most_correlated(matrix, np.ones((1, 120)))
    with pytest.raises(InputError, match="must have been asked for"):
        most_correlated(matrix, [1]).of(2)
