import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.scale import FactorMatrix

ROWS = np.array([[1.0, 2.0, 4.0], [np.nan, np.nan, np.nan], [5, 5, 5], [7, np.nan, np.nan]])


def test_single_precision_rows_are_used_where_they_lie():
    values = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    assert FactorMatrix(values).values is values


@pytest.mark.parametrize("convert", [np.asfortranarray, lambda v: np.repeat(v, 2, 1)[:, ::2]])
def test_other_layouts_and_kinds_are_copied_and_mean_the_same(convert):
    values = np.random.default_rng(0).standard_normal((5, 7))
    matrix = FactorMatrix(convert(values))
    assert matrix.values.flags.c_contiguous
    np.testing.assert_array_equal(matrix.values, values.astype(np.float32))


def test_a_frame_has_its_factors_in_columns():
    frame = pd.DataFrame({"a": [1.0, 2, 3], "b": [3.0, 1, 2]})
    matrix = FactorMatrix.of_frame(frame)
    assert matrix.shape == (2, 3)
    assert matrix.names.to_list() == ["a", "b"]
    assert matrix.values[1].tolist() == [3, 1, 2]


def test_rows_that_correlate_with_nothing_are_refused_by_name_and_reason():
    with pytest.raises(BadData, match="b: nothing known, c: no variance, d: one observation known"):
        FactorMatrix(ROWS, list("abcd"))


def test_rows_set_aside_are_counted_by_reason():
    matrix = FactorMatrix(ROWS, list("abcd"), unusable="set aside")
    assert matrix.usable.tolist() == [True, False, False, False]
    assert matrix.dropped.to_dict() == {
        "nothing known": 1,
        "one observation known": 1,
        "no variance": 1,
        "used": 1,
    }
    assert matrix.n_known.tolist() == [3, 0, 3, 1]


def test_all_rows_unusable_is_not_enough_data():
    with pytest.raises(NotEnoughData, match="some factor must vary"):
        FactorMatrix(ROWS[1:], unusable="set aside")


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300])
def test_what_single_precision_cannot_hold_is_refused_with_its_place(bad):
    values = np.ones((3000, 4)) * [1, 2, 3, 4]
    values[2500, 2] = bad
    values[2900, 1] = bad
    with pytest.raises(BadData, match=r"2500 = -?inf at observation 2"):
        FactorMatrix(values)


@pytest.mark.parametrize(
    ("values", "names", "kind"),
    [
        (np.ones(3), None, InputError),
        (np.ones((0, 3)), None, NotEnoughData),
        (np.ones((3, 0)), None, NotEnoughData),
        (np.array([["a", "b"]]), None, BadData),
        (ROWS[:1], ["a", "b"], InputError),
        (np.array([[1.0, 2], [2, 1]]), ["a", "a"], BadData),
    ],
)
def test_shapes_and_names_that_break_a_rule_are_typed_errors(values, names, kind):
    with pytest.raises(kind):
        FactorMatrix(values, names)


def test_one_observation_leaves_nothing_to_correlate():
    with pytest.raises(BadData, match="one observation known"):
        FactorMatrix(np.ones((2, 1)))


def test_names_lead_to_rows_and_unknown_ones_are_refused():
    matrix = FactorMatrix(np.array([[1.0, 2], [2, 1]]), ["a", "b"])
    assert matrix.rows_of(["b", "a"]).tolist() == [1, 0]
    with pytest.raises(InputError, match="one of the matrix; got c"):
        matrix.rows_of(["a", "c"])


@pytest.mark.parametrize("one", [0, "a"])
def test_a_factor_is_asked_for_in_a_list(one):
    matrix = FactorMatrix(np.array([[1.0, 2.0, 4.0]]), ["a"])
    with pytest.raises(InputError, match="in a list"):
        matrix.rows_of(one)
