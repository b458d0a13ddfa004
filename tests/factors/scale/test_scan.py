import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.scale import FactorMatrix, scan


def scipys(values, line, function):
    rows = []
    for row in values:
        known = ~np.isnan(row) & ~np.isnan(line)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of constant input
            rows.append(function(row[known], line[known]).statistic)
    return rows


@pytest.mark.parametrize("threads", [1, 2])
def test_both_correlations_are_scipys_with_ties_and_gaps(rough, returns, threads):
    found = scan(FactorMatrix(rough), returns, threads=threads)
    for horizon, line in enumerate(returns):
        for method, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
            expected = scipys(rough.astype(np.float32).astype(float), line, function)
            np.testing.assert_allclose(found.ic[method][:, horizon], expected, atol=1e-6)
        known = (~np.isnan(rough) & ~np.isnan(line)).sum(axis=1)
        np.testing.assert_array_equal(found.n_observations[:, horizon], known)


def test_wide_rows_are_ranked_as_narrow_ones(returns):
    rng = np.random.default_rng(7)
    values, line = rng.standard_normal((6, 700)).round(2), rng.standard_normal(700)
    found = scan(FactorMatrix(values), line, methods=["spearman"])
    expected = scipys(values.astype(np.float32), line, stats.spearmanr)
    np.testing.assert_allclose(found.ic["spearman"][:, 0], expected, atol=1e-6)


def test_pearson_agrees_with_pandas_corrwith(rough, returns):
    frame = pd.DataFrame(rough.T)
    found = scan(FactorMatrix.of_frame(frame), returns[1], methods=["pearson"])
    expected = frame.corrwith(pd.Series(returns[1]))
    np.testing.assert_allclose(found.table()["ic"], expected, atol=1e-6)


def test_more_rows_than_a_chunk_keep_their_order():
    rng = np.random.default_rng(2)
    values, line = rng.standard_normal((70_000, 4)).astype(np.float32), rng.standard_normal(4)
    told = []
    found = scan(FactorMatrix(values), line, progress=lambda *done: told.append(done))
    whole = scan(FactorMatrix(values), line)
    assert told == [(0, 2), (1, 2), (2, 2)]
    for method in ("pearson", "spearman"):
        np.testing.assert_array_equal(found.ic[method], whole.ic[method])


def test_a_row_constant_where_the_future_is_known_has_no_ic():
    values = [[1.0, 1, 1, 5], [1, 2, 3, 4]]
    found = scan(FactorMatrix(values), [0.1, 0.3, 0.2, np.nan])
    for method in ("pearson", "spearman"):
        assert np.isnan(found.ic[method][0, 0])
        assert found.ic[method][1, 0] == pytest.approx(0.5)
    assert found.table()["rank"].isna().tolist() == [True, False]


def test_two_common_observations_correlate_wholly_and_one_not_at_all():
    values = [[1.0, 2, np.nan, np.nan], [1, np.nan, np.nan, 4]]
    found = scan(FactorMatrix(values), [0.1, 0.3, 0.2, np.nan])
    assert found.ic["spearman"][0, 0] == pytest.approx(1)
    assert np.isnan(found.ic["spearman"][1, 0])
    assert np.isnan(found.ic["pearson"][1, 0])


def test_factors_set_aside_are_nan_and_counted():
    matrix = FactorMatrix([[1.0, 2, 3], [4, 4, 4]], ["a", "flat"], unusable="set aside")
    found = scan(matrix, [0.1, 0.3, 0.2])
    assert np.isnan(found.ic["pearson"][1, 0])
    assert np.isnan(found.ic["spearman"][1, 0])
    assert found.dropped["no variance"] == 1
    assert found.top(1).index.to_list() == ["a"]


def test_t_is_that_of_scipys_p_value(rough, returns):
    found = scan(FactorMatrix(rough), returns[:1], methods=["pearson"])
    t, n = found.t()[0, 0], found.n_observations[0, 0]
    p_value = stats.pearsonr(rough[0], returns[0]).pvalue
    assert 2 * stats.t.sf(abs(t), n - 2) == pytest.approx(p_value, rel=1e-3)


def test_the_best_come_first_by_the_size_of_t():
    rows = [[1.0, 2, 3, 5, 4], [5, 4, 3, 2, 1.5], [1, -1, 1, -1, 1]]
    found = scan(FactorMatrix(rows, ["near", "against", "noise"]), [1.0, 2, 3, 4, 5])
    best = found.top(2, "pearson")
    assert best.index.to_list() == ["against", "near"]
    assert best["rank"].to_list() == [1, 2]
    assert found.scores("pearson")["against"] == best["score"].iloc[0]


def test_lines_may_be_named(rough, returns):
    matrix = FactorMatrix(rough)
    by_array = scan(matrix, returns).ic["spearman"]
    mapping = {1: returns[0], 5: returns[1], "late": returns[2]}
    for named in (mapping, pd.DataFrame(mapping)):
        found = scan(matrix, named)
        assert found.horizons == (1, 5, "late")
        np.testing.assert_array_equal(found.ic["spearman"], by_array)
        np.testing.assert_array_equal(found.table(horizon=5)["ic"], by_array[:, 1])


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ([0.1, np.inf, 0.2], BadData, "horizon 1 at observation 1"),
        ([0.1, 0.1, np.nan], BadData, "must vary"),
        ([np.nan, 0.1, np.nan], NotEnoughData, "two returns"),
        ([0.1, 0.2], InputError, "a line of 3 observations"),
    ],
)
def test_returns_that_break_a_rule_are_refused_by_horizon(line, kind, words):
    with pytest.raises(kind, match=words):
        scan(FactorMatrix([[1.0, 2, 3]]), line)


def test_methods_and_horizons_that_were_not_scanned_are_refused():
    matrix = FactorMatrix([[1.0, 2, 3]])
    with pytest.raises(InputError, match="methods are pearson and spearman"):
        scan(matrix, [1.0, 2, 4], methods=["kendall"])
    found = scan(matrix, [1.0, 2, 4], methods=["pearson"])
    with pytest.raises(InputError, match="the method must have been scanned"):
        found.table("spearman")
    with pytest.raises(InputError, match="the horizon must have been scanned"):
        found.table(horizon=7)
