"""Numbers as people write them."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.client._numbers import exact
from nautilus_lab.exceptions import InputError


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(-12, 4))
def test_a_float_is_the_decimal_that_was_written(digits, exponent):
    meant = Decimal(digits).scaleb(exponent)
    assert exact("price", float(str(meant))) == meant


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_and_its_text_are_taken_as_they_are(value):
    assert exact("price", value) == exact("price", str(value)) == value


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 1.1 * 3, 100 * 1.1, 1 / 3, 4.35 * 100, np.float32(190.15), Fraction(1, 3)]
)
def test_the_trace_of_arithmetic_is_refused(value):
    with pytest.raises(InputError, match="price must be exact") as error:
        exact("price", value)
    assert error.value.value == float(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (np.int64(7), Decimal(7)),
        (np.float64(190.15), Decimal("190.15")),
        (" 190.15 ", Decimal("190.15")),
        ("1e3", Decimal(1000)),
        (10**30, Decimal(10**30)),
        (-0.0, Decimal(0)),
    ],
)
def test_other_numbers_are_read_too(value, number):
    assert exact("price", value) == number


@pytest.mark.parametrize("value", ["1,000", "0x10", "1_0", "", "٣", "١٢", "--1", [1], None, 1j])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(InputError, match="price must be a number"):
        exact("price", value)


@pytest.mark.parametrize("value", ["nan", "-Infinity", float("inf"), np.nan, Decimal("sNaN")])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(InputError, match="price must be finite"):
        exact("price", value)
