"""What somebody who owns the files might do to a trail, at random."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

from nautilus_lab.platform.audit import next_row
from nautilus_lab.platform.store import AuditRow

TEXTS = ("actor", "kind", "body")
BYTES = ("prev", "hash")
COLUMNS = "chain, seq, ts_ns, actor, kind, body, prev, hash"


@dataclass(frozen=True)
class Tampered:
    """What was done, and what a verdict must say: None where several answers are as true."""

    what: str
    first_bad: tuple[int, ...] | None
    kinds: tuple[str, ...]


def row_at(raw: sqlite3.Connection, seq: int, chain: str) -> AuditRow:
    found = raw.execute(f"SELECT {COLUMNS} FROM audit WHERE chain=? AND seq=?", (chain, seq))
    return AuditRow(**dict(zip(COLUMNS.split(", "), found.fetchone(), strict=True)))


def put(raw: sqlite3.Connection, row: AuditRow) -> None:
    raw.execute(
        "UPDATE audit SET ts_ns=?, actor=?, kind=?, body=?, prev=?, hash=? WHERE chain=? AND seq=?",
        (row.ts_ns, row.actor, row.kind, row.body, row.prev, row.hash, row.chain, row.seq),
    )


def edit(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """One byte of one column."""
    seq, column = chance.randint(1, size), chance.choice((*TEXTS, *BYTES, "ts_ns"))
    value = getattr(row_at(raw, seq, chain), column)
    if column == "ts_ns":
        changed: object = value ^ (1 << chance.randrange(62))
    else:
        data = bytearray(value.encode() if column in TEXTS else value)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        changed = bytes(data)
    as_text = f"CAST(? AS {'TEXT' if column in TEXTS else 'BLOB'})" if column != "ts_ns" else "?"
    raw.execute(
        f"UPDATE audit SET {column}={as_text} WHERE chain=? AND seq=?", (changed, chain, seq)
    )
    return Tampered(f"a byte of {column} in row {seq}", (seq,), ("edit",))


def delete(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """Some rows in the middle."""
    first = chance.randint(1, size - 1)
    last = min(size - 1, first + chance.randint(0, 4))
    raw.execute("DELETE FROM audit WHERE chain=? AND seq BETWEEN ? AND ?", (chain, first, last))
    return Tampered(f"rows {first} to {last} deleted", (first,), ("gap",))


def delete_and_renumber(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """A row, and the rows after it moved up."""
    seq = chance.randint(1, size - 1)
    raw.execute("DELETE FROM audit WHERE chain=? AND seq=?", (chain, seq))
    raw.execute("UPDATE audit SET seq=-seq WHERE chain=? AND seq>?", (chain, seq))
    raw.execute("UPDATE audit SET seq=-seq-1 WHERE chain=? AND seq<0", (chain,))
    return Tampered(f"row {seq} deleted, the rest renumbered", (seq,), ("gap",))


def swap(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """Two rows, whole."""
    one, other = sorted(chance.sample(range(1, size + 1), 2))
    first, second = row_at(raw, one, chain), row_at(raw, other, chain)
    for seq, row in ((one, second), (other, first)):
        put(raw, replace(row, seq=seq))
    return Tampered(f"rows {one} and {other} swapped", (one,), ("reorder",))


def truncate(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """The end."""
    keep = chance.randint(0, size - 1)
    raw.execute("DELETE FROM audit WHERE chain=? AND seq>?", (chain, keep))
    return Tampered(f"cut off after row {keep}", (keep + 1,), ("truncation",))


def truncate_and_grow(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """The end, and as many sound rows as there were in its place."""
    keep = chance.randint(1, size - 1)
    raw.execute("DELETE FROM audit WHERE chain=? AND seq>?", (chain, keep))
    last = row_at(raw, keep, chain)
    for _ in range(size - keep + chance.randint(0, 3)):
        last = next_row(last, chain=chain, ts_ns=1, actor="mallory", kind="note", body={})
        values = [getattr(last, name) for name in COLUMNS.split(", ")]
        raw.execute(f"INSERT INTO audit ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?)", values)
    return Tampered(f"from row {keep + 1} on another history", None, ("fork",))


def rewrite_one(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """One row with other content and its right hash."""
    seq = chance.randint(2, size - 1)
    put(
        raw,
        next_row(
            row_at(raw, seq - 1, chain), chain=chain, ts_ns=1, actor="mallory", kind="note", body={}
        ),
    )
    # Of the last row before a checkpoint the checkpoint tells, up to where the one before was.
    return Tampered(f"row {seq} rewritten with its hash", None, ("edit", "fork"))


def rewrite_rest(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """All rows from one on, with their right hashes: a chain that holds by itself."""
    seq = chance.randint(2, size)
    last = row_at(raw, seq - 1, chain)
    for n in range(seq, size + 1):
        old = row_at(raw, n, chain)
        kind = "forged" if n == seq else old.kind
        last = next_row(
            last, chain=chain, ts_ns=old.ts_ns, actor=old.actor, kind=kind, text=old.body
        )
        put(raw, last)
    return Tampered(f"rows from {seq} on rewritten with their hashes", None, ("fork",))


def insert(
    raw: sqlite3.Connection, chance: random.Random, size: int, chain: str = "node"
) -> Tampered:
    """A sound row in the middle, the rest renumbered."""
    seq = chance.randint(2, size)
    before = row_at(raw, seq - 1, chain)
    raw.execute("UPDATE audit SET seq=-seq WHERE chain=? AND seq>=?", (chain, seq))
    raw.execute("UPDATE audit SET seq=-seq+1 WHERE chain=? AND seq<0", (chain,))
    row = next_row(before, chain=chain, ts_ns=1, actor="mallory", kind="note", body={})
    values = [getattr(row, name) for name in COLUMNS.split(", ")]
    raw.execute(f"INSERT INTO audit ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?)", values)
    return Tampered(f"a row put in as {seq}", None, ("fork", "edit"))


Attack = Callable[..., Tampered]

# those that the issue names come first
ATTACKS: tuple[Attack, ...] = (
    edit,
    delete,
    swap,
    truncate,
    delete_and_renumber,
    truncate_and_grow,
    rewrite_one,
    rewrite_rest,
    insert,
)
