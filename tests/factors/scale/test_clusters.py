import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale import FactorMatrix, SignPlan, clusters
from tests.factors.scale.conftest import exact_pairs

SOME_TABLES = SignPlan.at(0.95, recall=0.99999, bits=6)


def components(n, pairs):
    """Label by flooding."""
    label = list(range(n))
    for _ in range(n):
        before = list(label)
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
        if label == before:
            return label
    return label


@pytest.mark.parametrize("plan", [None, SOME_TABLES])
@pytest.mark.parametrize("threads", [1, 2])
def test_connected_factors_are_one_cluster(planted, plan, threads):
    found = clusters(FactorMatrix(planted), method="connected", plan=plan, threads=threads)
    assert found.representative.tolist() == components(600, exact_pairs(planted, 0.95))


@pytest.mark.parametrize("plan", [None, SOME_TABLES])
def test_leaders_are_chosen_by_score_and_never_alike(planted, plan):
    scores = np.random.default_rng(0).random(600)
    found = clusters(FactorMatrix(planted), scores=scores, plan=plan)
    rho = np.abs(np.corrcoef(planted))
    kept = found.rows
    np.fill_diagonal(rho, 0)
    assert rho[np.ix_(kept, kept)].max() <= 0.95
    for row, leader in enumerate(found.representative):
        if row != leader:
            assert rho[row, leader] > 0.95
            assert scores[leader] > scores[row]
            better = [k for k in kept if rho[row, k] > 0.95]
            assert leader == max(better, key=lambda k: scores[k])


@pytest.mark.parametrize("method", ["average", "complete"])
def test_trees_are_scipys_over_all_factors(planted, method):
    apart = 1 - np.abs(np.corrcoef(planted))
    label = fcluster(linkage(squareform(apart, checks=False), method), 1 - 0.95, "distance")
    found = clusters(FactorMatrix(planted), method=method)
    together = label[:, None] == label[None, :]
    same = found.representative[:, None] == found.representative[None, :]
    np.testing.assert_array_equal(same, together)


def test_a_chain_is_one_component_and_two_leaders():
    rng = np.random.default_rng(1)
    ends = np.linalg.qr(rng.standard_normal((200, 2)) - 0)[0].T
    ends = ends - ends.mean(axis=1, keepdims=True)
    turn = np.arange(4) * 0.25  # of neighbours cos 0.25 = 0.969, of the next but one 0.878
    rows = np.cos(turn)[:, None] * ends[0] + np.sin(turn)[:, None] * ends[1]
    rho = np.corrcoef(rows)
    assert rho[0, 1] > 0.95 > rho[0, 2]
    matrix = FactorMatrix(rows, list("abcd"))
    assert clusters(matrix, method="connected").kept.to_list() == ["a"]
    assert clusters(matrix).kept.to_list() == ["a", "c"]
    assert clusters(matrix, scores=[1.0, 3, 2, np.nan]).kept.to_list() == ["b", "d"]
    assert clusters(matrix, scores=[1.0, 3, 2, np.nan]).of("a") == ["a", "b", "c"]


def test_many_copies_need_no_pairs(planted):
    values = np.vstack([planted[:20], np.repeat(planted[:2], 200, axis=0)])
    for plan in (None, SignPlan.at(0.95, recall=0.9999, bits=8, largest_bucket=16)):
        found = clusters(FactorMatrix(values), plan=plan)
        assert found.sizes().to_list()[:2] == [201, 201]
        assert len(found.kept) == 20


def test_scores_of_a_series_are_matched_by_name():
    rows = np.array([[1.0, 2, 3, 4], [-2, -4, -6, -8.1], [1, -1, 1, -1]])
    matrix = FactorMatrix(rows, ["up", "down", "zigzag"])
    scores = pd.Series({"zigzag": 0.0, "down": 2.0, "up": 1.0, "other": 9.0})
    assert clusters(matrix, scores=scores).kept.to_list() == ["down", "zigzag"]
    with pytest.raises(InputError, match="without up"):
        clusters(matrix, scores=scores.drop("up"))
    with pytest.raises(InputError, match=r"scores have the shape \(3,\)"):
        clusters(matrix, scores=[1.0, 2.0])


def test_factors_set_aside_are_in_no_cluster():
    rows = np.array([[1.0, 2, 3], [4, 4, 4], [3, 1, 2]])
    matrix = FactorMatrix(rows, ["a", "flat", "b"], unusable="set aside")
    found = clusters(matrix)
    assert found.kept.to_list() == ["a", "b"]
    assert found.representative[1] == -1
    with pytest.raises(InputError, match="a factor in use; got flat"):
        found.of("flat")


def test_gaps_are_compared_over_what_both_know(rough):
    found = clusters(FactorMatrix(rough), threshold=0.9)
    assert found.of(40) == [0, 40]


def test_methods_and_components_that_break_a_rule_are_refused(planted):
    with pytest.raises(InputError, match="the method must be known; got ward"):
        clusters(FactorMatrix(planted), method="ward")
    values = np.repeat(planted[:1], 30, axis=0)
    with pytest.raises(InputError, match="at most 10 factors to be cut by average; got 30"):
        clusters(FactorMatrix(values), method="average", largest=10)
