"""The hash of a row, computed by hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.audit import GENESIS, is_sound, next_row, row_hash

text = st.text(st.characters(exclude_categories=["Cs"]))


def by_hand(row):
    record = json.dumps(
        {
            "actor": row.actor,
            "body": row.body,
            "chain": row.chain,
            "kind": row.kind,
            "ts_ns": row.ts_ns,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )
    leaf = b"\x00" + row.seq.to_bytes(8, "big") + row.prev + record.encode("utf-8")
    return hashlib.sha256(leaf).digest()


@given(text, st.integers(0, 2**63 - 1), text, text, st.dictionaries(text, text, max_size=3))
def test_a_row_has_the_hash_anybody_can_compute(chain, ts_ns, actor, kind, body):
    first = next_row(None, chain=chain, ts_ns=ts_ns, actor=actor, kind=kind, body=body)
    second = next_row(first, chain=chain, ts_ns=ts_ns, actor=actor, kind=kind, body=body)
    assert (first.seq, first.prev, first.hash) == (1, GENESIS, by_hand(first))
    assert (second.seq, second.prev, second.hash) == (2, first.hash, by_hand(second))


def test_a_known_row_keeps_its_hash_across_versions():
    # Changing how rows are hashed breaks every chain that was ever written.
    row = next_row(
        None,
        chain="node",
        ts_ns=1_795_000_000_000_000_000,
        actor="ana",
        kind="order.intent",
        body={"price": Decimal("101.50"), "note": "é"},
    )
    assert row.body == '{"note":"é","price":"101.50"}'
    assert row.hash == by_hand(row)
    assert row.hash.hex() == "2fc5b35bf671aa6047ac7b4e1e0e1f8cc8416ab2ec2e213293798d64a73e9293"


COLUMNS = {
    "chain": "desk",
    "seq": 2,
    "ts_ns": 8,
    "actor": "bob",
    "kind": "other",
    "body": '{"a":2}',
    "prev": bytes(31) + b"\x01",
    "hash": bytes(32),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_covered_by_the_hash(column):
    row = next_row(None, chain="node", ts_ns=7, actor="ana", kind="note", body={"a": 1})
    assert is_sound(row)
    assert not is_sound(replace(row, **{column: COLUMNS[column]}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"actor": "ab", "kind": "c"}, {"actor": "a", "kind": "bc"}),
        ({"actor": 'a","body":"', "kind": "c"}, {"actor": "a", "kind": "c"}),
        ({"body": '{},"chain":"x', "chain": "y"}, {"body": "{}", "chain": 'x","chain":"y'}),
    ],
)
def test_no_column_can_run_into_the_next(one, other):
    base = {
        "chain": "node",
        "seq": 1,
        "ts_ns": 7,
        "actor": "a",
        "kind": "k",
        "body": "{}",
        "prev": GENESIS,
    }
    assert row_hash(**base | one) != row_hash(**base | other)


def test_a_row_that_was_never_written_is_not_sound():
    row = next_row(None, chain="node", ts_ns=7, actor="ana", kind="note", body={})
    assert not is_sound(replace(row, actor="\ud800"))
    assert not is_sound(replace(row, seq=2**64))
    assert not is_sound(replace(row, seq=-1))


def test_a_body_without_canonical_json_makes_no_row():
    with pytest.raises(InputError, match="must not be a float"):
        next_row(None, chain="node", ts_ns=7, actor="ana", kind="note", body={"x": 0.1})


@pytest.mark.parametrize("column", ["chain", "actor", "kind"])
def test_text_that_is_no_unicode_makes_no_row(column):
    facts = {"chain": "node", "ts_ns": 7, "actor": "ana", "kind": "note", "body": {}}
    with pytest.raises(InputError, match="valid Unicode"):
        next_row(None, **facts | {column: "\ud800"})
