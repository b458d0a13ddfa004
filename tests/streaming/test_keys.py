"""Keys that come twice, in either encoding."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import MessageError
from nautilus_lab.streaming._keys import refuse_repeated_keys

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20)
    ),
    max_leaves=60,
)


@given(plain)
def test_what_was_encoded_has_each_key_once(value):
    refuse_repeated_keys(msgspec.json.encode(value), "json")
    refuse_repeated_keys(msgspec.msgpack.encode(value), "msgpack")


@given(plain, st.text(max_size=300))
def test_a_pair_that_comes_again_is_found_wherever_it_is(value, key):
    pair = msgspec.msgpack.encode(key) + msgspec.msgpack.encode(value)
    twice = b"\x92" + msgspec.msgpack.encode(value) + b"\x82" + pair + pair
    assert msgspec.msgpack.decode(twice)[1] == {key: value}
    with pytest.raises(MessageError, match="each key once"):
        refuse_repeated_keys(twice, "msgpack")
    text = f"{json.dumps(key)}:{json.dumps(value)}"
    with pytest.raises(MessageError, match="each key once"):
        refuse_repeated_keys(f"[1,{{{text},{text}}}]".encode(), "json")


@pytest.mark.parametrize(
    "item",
    [
        b"\xc4\x02ab",
        b"\xc5\x00\x02ab",
        b"\xc6\x00\x00\x00\x02ab",
        b"\xc7\x02\x05ab",
        b"\xc8\x00\x02\x05ab",
        b"\xc9\x00\x00\x00\x02\x05ab",
        b"\xca\x3f\x80\x00\x00",
        b"\xcc\x80",
        b"\xcd\x01\x00",
        b"\xce\x00\x01\x00\x00",
        b"\xd0\x80",
        b"\xd1\x80\x00",
        b"\xd2\x80\x00\x00\x00",
        b"\xd4\x05a",
        b"\xd5\x05ab",
        b"\xd6\x05abcd",
        b"\xd7\x05abcdefgh",
        b"\xd8\x05abcdefghijklmnop",
        b"\xda\x00\x02ab",
        b"\xdb\x00\x00\x00\x02ab",
        b"\xdc\x00\x01\x01",
        b"\xdd\x00\x00\x00\x01\x01",
        b"\xde\x00\x01\xa1a\x01",
        b"\xdf\x00\x00\x00\x01\xa1a\x01",
    ],
    ids=bytes.hex,
)
def test_what_other_encoders_write_is_stepped_over(item):
    msgspec.msgpack.decode(b"\x91" + item)  # it is msgpack
    with pytest.raises(MessageError):
        refuse_repeated_keys(b"\x92" + item + b"\x82\xa1k\x01\xa1k\x02", "msgpack")


def test_one_key_in_two_spellings_is_one_key():
    with pytest.raises(MessageError):
        refuse_repeated_keys(b"\x82\xa1k\x01\xd9\x01k\x02", "msgpack")
    with pytest.raises(MessageError):
        refuse_repeated_keys(b'{"k":1,"\\u006b":2}', "json")
