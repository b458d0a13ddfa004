"""What was done to a chain where it breaks, as far as the rows that follow tell."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as joined
from itertools import islice
from typing import Final, Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.audit._chain import LEAF, Record, encode_record
from nautilus_lab.platform.audit._checkpoint import Checkpoint
from nautilus_lab.platform.store import AuditValues

Tampering: TypeAlias = Literal["edit", "gap", "reorder", "fork", "truncation"]

# columns of `AuditValues`
_SEQ: Final = 1
_PREV: Final = 6
_HASH: Final = 7
# How much is hashed at most to find where a row was. Rows may be of any size, and since the number
# is hashed before all else, each place takes the whole row again.
_MOST_HASHED = 1 << 29
_MOST_LIKELY = 64

_pack = struct.Struct(">Q").pack


def explain_break(
    row: AuditValues,
    rest: Iterator[AuditValues],
    *,
    chain: str | None,
    wanted: int,
    head: bytes,
    known: int,
    anchor: Checkpoint | None,
) -> tuple[int, Tampering, str]:
    """Say at which row a chain breaks, how, and in a line for a person.

    Reads `rest` once at most, and hashes a bounded part of it: to explain what was done takes not
    much longer than to find that nothing was.

    Parameters
    ----------
    row : tuple
        The row that stands where row `wanted` should, and is not it.
    rest : iterator of tuples
        The rows after it.
    chain : str or None
        The chain.
    wanted : int
        The number of the row that should come.
    head : bytes
        The hash of the row before.
    known : int
        The last row that is known to be right, by a checkpoint or as the beginning.
    anchor : Checkpoint or None
        The next one.
    """
    name, seq = row[0], row[_SEQ]
    if name != chain:
        return wanted, "edit", f"row {wanted} is of chain {name}, not {chain}"
    if not isinstance(seq, int):
        return wanted, "edit", f"what stands as row {wanted} has no number"
    if seq > wanted:
        if any(other[_SEQ] == wanted for other in rest):
            return wanted, "reorder", f"row {wanted} comes after row {seq}"
        return wanted, "gap", f"row {wanted} is missing, row {seq} comes next"
    if seq < wanted:
        return wanted, "fork", f"row {seq} comes again where row {wanted} should"
    content = _content(row)
    if content is not None and _hash_at(wanted, content) == row[_HASH]:
        return _two_histories(row, rest, wanted=wanted, known=known, anchor=anchor)
    moved, last, likely = False, wanted, [wanted + 1, wanted - 1]
    for other in rest:
        last += 1
        prev = other[_PREV]
        if prev == head:
            moved = moved or _is_sound(other, wanted)
        if other[_HASH] == row[_PREV]:
            likely.append(last + 1)  # it followed this one
        if prev == row[_HASH]:
            likely.append(last - 1)  # this one followed it
    # Is it a true row under a false number? None can have moved further than the rows reach.
    true = None if content is None else _place(row[_HASH], content, likely, wanted, last + 1)
    if true is None:
        return wanted, "edit", f"row {wanted} does not have the hash of its content"
    if true < wanted:
        detail = f"what was row {true} stands as row {wanted}: a row was put in before it"
        return wanted, "fork", detail
    if moved:
        return wanted, "reorder", f"what was row {true} stands as row {wanted}"
    detail = f"what was row {wanted} is missing, what was row {true} stands in its place"
    return wanted, "gap", detail


def _place(own: bytes, content: bytes, likely: Sequence[int], wanted: int, last: int) -> int | None:
    """Return the number, up to `last`, under which a row has its hash; None if none is found."""
    tried = [seq for seq in likely[:_MOST_LIKELY] if 1 <= seq <= last]
    places = joined(tried, range(wanted, last + 1), range(wanted - 1, 0, -1))
    sha256 = hashlib.sha256
    for seq in islice(places, len(tried) + _MOST_HASHED // len(content)):
        if sha256(LEAF + _pack(seq) + content).digest() == own:
            return seq
    return None


def _two_histories(
    row: AuditValues,
    rest: Iterable[AuditValues],
    *,
    wanted: int,
    known: int,
    anchor: Checkpoint | None,
) -> tuple[int, Tampering, str]:
    """Say which is false: the sound `row`, or the one before, which it does not follow."""
    last = row
    if anchor is not None and wanted < anchor.size:
        for following in rest:
            seq = last[_SEQ] + 1
            if (following[_SEQ], following[_PREV]) != (seq, last[_HASH]):
                break
            if not _is_sound(following, seq):
                break
            last = following
            if seq == anchor.size:
                break
    if anchor is not None and (last[_SEQ], last[_HASH].hex()) == (anchor.size, anchor.head):
        also = f", as may be those back to row {known + 1}" if known + 2 < wanted else ""
        return (
            wanted - 1,
            "edit",
            f"row {wanted - 1} was written anew with a hash of its own{also}: "
            f"row {wanted}, which {anchor} vouches for, continues another",
        )
    detail = f"row {wanted} continues another row {wanted - 1} than the one before it"
    return wanted, "fork", detail


def _is_sound(values: AuditValues, seq: int) -> bool:
    content = _content(values)
    return content is not None and _hash_at(seq, content) == values[_HASH]


def _hash_at(seq: int, content: bytes) -> bytes:
    return hashlib.sha256(LEAF + _pack(seq) + content).digest()


def _content(values: AuditValues) -> bytes | None:
    """Return what is hashed of a row after its number; None for what was never written."""
    name, _, ts_ns, actor, kind, body, prev, _ = values
    try:
        content: bytes = prev + encode_record(Record(actor, body, name, kind, ts_ns))
    except (InputError, TypeError, ValueError, OverflowError, AttributeError):
        return None
    return content
