"""Equal facts have one spelling, and what has none is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.store import canonical_json

text = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(-(2**63), 2**63 - 1)
scalars = st.none() | st.booleans() | integers | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def by_the_standard_library(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@given(values)
def test_it_is_what_the_standard_library_writes_with_sorted_keys(value):
    assert canonical_json(value) == by_the_standard_library(value)


@given(values)
def test_reading_and_writing_again_gives_the_same_text(value):
    written = canonical_json(value)
    assert canonical_json(json.loads(written)) == written


@given(st.dictionaries(text, scalars, min_size=2), st.randoms())
def test_the_order_in_which_keys_were_put_does_not_matter(facts, random):
    shuffled = list(facts.items())
    random.shuffle(shuffled)
    assert canonical_json(dict(shuffled)) == canonical_json(facts)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_the_text_of_its_digits(number):
    assert json.loads(canonical_json(number)) == str(number)


def test_decimals_that_are_equal_and_differ_in_digits_differ():
    assert canonical_json([Decimal("1.0"), Decimal("1.00")]) == '["1.0","1.00"]'


def test_a_tuple_is_a_list():
    assert canonical_json((1, "a", None)) == '[1,"a",null]'


@given(st.floats())
def test_every_float_is_refused(number):
    with pytest.raises(InputError, match=r"value\.order\.price must not be a float"):
        canonical_json({"order": {"price": number}})


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_decimal_that_is_no_number_is_refused(number):
    with pytest.raises(InputError, match=r"value\[1\] must be finite"):
        canonical_json([1, Decimal(number)])


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
def test_an_integer_over_sixty_four_bits_is_refused(number):
    with pytest.raises(InputError, match="must fit 64 bits"):
        canonical_json(number)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), Colour.RED, lambda: None])
def test_what_is_no_json_is_refused_by_its_type(value):
    with pytest.raises(InputError, match="must be text, a number, a list or a dict") as refusal:
        canonical_json({"x": value})
    assert refusal.value.value == type(value).__name__


def test_keys_must_be_text():
    with pytest.raises(InputError, match="keys of value must be text"):
        canonical_json({1: "a"})


def test_a_lone_surrogate_is_refused_in_texts_and_keys():
    for value in ("\ud800", {"\udfff": 1}):
        with pytest.raises(InputError, match="valid Unicode"):
            canonical_json(value)


def test_what_contains_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InputError, match="at most 32 levels deep"):
        canonical_json(endless)


def test_thirty_two_levels_are_allowed():
    nested: object = 1
    for _ in range(32):
        nested = [nested]
    assert canonical_json(nested) == "[" * 32 + "1" + "]" * 32
    with pytest.raises(InputError, match="32 levels"):
        canonical_json([nested])
