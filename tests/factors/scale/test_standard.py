import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale import FactorMatrix, ranks, zscores
from nautilus_lab.factors.scale._keys import KeyRoom


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("threads", [1, 2])
def test_standard_scores_are_scipys(rough, ddof, threads):
    expected = stats.zscore(rough, axis=1, ddof=ddof, nan_policy="omit")
    found = zscores(FactorMatrix(rough), ddof=ddof, threads=threads)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_standard_scores_do_not_depend_on_the_unit(rough, scale):
    expected = stats.zscore(rough, axis=1, nan_policy="omit")
    np.testing.assert_allclose(zscores(FactorMatrix(rough * scale)), expected, atol=5e-6)


def test_a_high_level_does_not_drown_what_varies():
    values = (50_000 + np.random.default_rng(1).integers(-9, 9, (20, 252))).astype(np.float32)
    expected = stats.zscore(values.astype(float), axis=1)
    np.testing.assert_allclose(zscores(FactorMatrix(values)), expected, atol=1e-4)


def test_rows_set_aside_have_no_scores_and_no_ranks_of_note():
    matrix = FactorMatrix([[1.0, 2, 3], [4, 4, 4], [np.nan] * 3], unusable="set aside")
    found = zscores(matrix)
    assert not np.isnan(found[0]).any()
    assert np.isnan(found[1:]).all()
    np.testing.assert_array_equal(ranks(matrix), [[1, 2, 3], [2, 2, 2], [np.nan] * 3])


def test_scores_are_written_where_asked_and_a_misfit_is_refused(rough):
    matrix = FactorMatrix(rough)
    out = np.empty_like(matrix.values)
    assert zscores(matrix, out=out) is out
    with pytest.raises(InputError, match="out must be like the matrix"):
        zscores(matrix, out=out.astype(float))
    with pytest.raises(InputError, match="out must be like the matrix"):
        zscores(matrix, out=out[:, ::2])


@pytest.mark.parametrize("threads", [1, 2])
def test_ranks_are_scipys_with_ties_and_gaps(rough, threads):
    expected = stats.rankdata(rough, axis=1, nan_policy="omit")
    np.testing.assert_array_equal(ranks(FactorMatrix(rough), threads=threads), expected)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.sampled_from([-1.0, -0.0, 0.0, 0.5, 2.0, float("nan")]),
    )
)
def test_ranks_are_scipys_for_zeros_of_both_signs(values):
    values = np.concatenate([np.arange(values.shape[1])[None].astype(np.float32), values])
    if values.shape[1] < 2:
        return
    expected = stats.rankdata(values, axis=1, nan_policy="omit")
    found = ranks(FactorMatrix(values, unusable="set aside"))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("width", [1, 2, 255, 256, 257, 300, 513, 1030])
def test_keys_of_any_width_sort_as_numpy_does(width):
    rng = np.random.default_rng(width)
    values = rng.standard_normal((9, width)).astype(np.float32).round(1)
    values[4, rng.random(width) < 0.2] = np.nan
    places = KeyRoom(width).sorted(values) & 0xFFFFFFFF
    np.testing.assert_array_equal(places, np.argsort(values, axis=1, kind="stable"))


def test_negative_nan_counts_as_not_known():
    values = np.array([[3.0, 0.0, 1.0, 2.0]], np.float32)
    values.view(np.uint32)[0, 1] = 0xFFC00000  # NaN with its sign bit set
    np.testing.assert_array_equal(ranks(FactorMatrix(values)), [[3, np.nan, 1, 2]])


def test_threads_below_one_are_refused(rough):
    with pytest.raises(InputError, match="threads must be at least 1"):
        zscores(FactorMatrix(rough), threads=0)
