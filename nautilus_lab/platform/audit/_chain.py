"""How a row of an audit chain is hashed, and how one follows another."""

from __future__ import annotations

import hashlib

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.store import AuditRow, canonical_json

GENESIS = bytes(32)  # what the first row of a chain has for a previous hash

# A leaf, in the words of RFC 6962; an inner node of a Merkle tree begins with 0x01.
LEAF = b"\x00"

encode_record = msgspec.json.Encoder().encode


class Record(msgspec.Struct, frozen=True):
    """What of a row is hashed beside its number and the hash before."""

    # Its fields are in the order of their names, so its JSON is canonical without sorting: a
    # chain is verified by hashing every row of it.
    actor: str
    body: str
    chain: str
    kind: str
    ts_ns: int


def row_hash(
    *, chain: str, seq: int, ts_ns: int, actor: str, kind: str, body: str, prev: bytes
) -> bytes:
    """Return the hash that a row with these columns must have.

    ``SHA-256(0x00 || seq || prev || record)``, where `seq` has 8 bytes, big-endian, and the
    record is the canonical JSON of the object ``{actor, body, chain, kind, ts_ns}`` with `body`
    as one string. So every column is covered, and none can run into the next.

    Raises
    ------
    InputError
        When a text is not valid Unicode.

    Examples
    --------
    >>> import hashlib
    >>> record = b'{"actor":"ana","body":"{}","chain":"node","kind":"note","ts_ns":7}'
    >>> by_hand = hashlib.sha256(bytes(1) + bytes([0, 0, 0, 0, 0, 0, 0, 1]) + bytes(32) + record)
    >>> row_hash(
    ...     chain="node", seq=1, ts_ns=7, actor="ana", kind="note", body="{}", prev=GENESIS
    ... ) == by_hand.digest()
    True
    """
    try:
        record = encode_record(Record(actor, body, chain, kind, ts_ns))
    except UnicodeEncodeError as error:
        raise InputError(
            "text in an audit row must be valid Unicode", value=repr(error.object)
        ) from None
    return hashlib.sha256(LEAF + seq.to_bytes(8, "big") + prev + record).digest()


def next_row(
    last: AuditRow | None,
    *,
    chain: str,
    ts_ns: int,
    actor: str,
    kind: str,
    body: object = None,
    text: str | None = None,
) -> AuditRow:
    """Return the row that follows `last`; the first of `chain` when `last` is None.

    Parameters
    ----------
    last : AuditRow or None
        The row before.
    chain : str
        The chain's id.
    ts_ns : int
        When it happened, UNIX nanoseconds UTC.
    actor, kind : str
        Who did it, and what happened.
    body : dict
        The facts; anything that `canonical_json` takes.
    text : str, optional
        They as canonical JSON already, in place of `body`.

    Raises
    ------
    InputError
        When `body` has no canonical JSON: a float, a NaN.
    """
    seq, prev = (1, GENESIS) if last is None else (last.seq + 1, last.hash)
    if text is None:
        text = canonical_json(body)
    return AuditRow(
        chain=chain,
        seq=seq,
        ts_ns=ts_ns,
        actor=actor,
        kind=kind,
        body=text,
        prev=prev,
        hash=row_hash(
            chain=chain, seq=seq, ts_ns=ts_ns, actor=actor, kind=kind, body=text, prev=prev
        ),
    )


def is_sound(row: AuditRow, *, seq: int | None = None) -> bool:
    """Whether `row` has the hash of its content; were `seq` its number, if given."""
    try:
        return row.hash == row_hash(
            chain=row.chain,
            seq=row.seq if seq is None else seq,
            ts_ns=row.ts_ns,
            actor=row.actor,
            kind=row.kind,
            body=row.body,
            prev=row.prev,
        )
    except (InputError, OverflowError, TypeError, AttributeError):
        return False  # no row that was ever written has such columns
