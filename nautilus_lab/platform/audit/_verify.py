"""Finding the first row of a chain that is not what was written."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain as joined
from operator import attrgetter

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.audit._chain import GENESIS, LEAF, Record, encode_record
from nautilus_lab.platform.audit._checkpoint import Checkpoint
from nautilus_lab.platform.audit._explain import Tampering, explain_break
from nautilus_lab.platform.audit._merkle import MerkleTree
from nautilus_lab.platform.store import AuditRow, AuditValues

_COLUMNS = tuple(field.name for field in fields(AuditRow))
_OF_THE_TRAIL = "audit."
_values_of = attrgetter(*_COLUMNS)
_pack = struct.Struct(">Q").pack


@dataclass(frozen=True, kw_only=True)
class AuditVerdict:
    """What verifying a chain found.

    Attributes
    ----------
    rows : int
        How many rows are proven to be as they were written.
    head_seq : int
        The number of the last of them; compare it, and `head`, with a copy kept elsewhere.
    head : bytes
        Its hash.
    anchored : int
        The number of the last row that a checkpoint covers; 0 without checkpoints. What came
        after it could still be replaced without a trace.
    first_bad : int or None
        The first number at which the chain is broken; None when it holds.
    kind : {"edit", "gap", "reorder", "fork", "truncation"} or None
        *edit*: a row's content does not have its hash, or was given another with its hash.
        *gap*: a row is missing. *reorder*: rows changed places. *fork*: there are two histories:
        a row is sound but continues another row than the one before it, or the rows hold and a
        checkpoint tells of others. *truncation*: rows that a checkpoint covers are cut off at the
        end.
    detail : str
        One line for a person.
    notes : tuple of AuditRow
        The rows that the trail wrote about itself, as far as they are proven.
    """

    rows: int
    head_seq: int
    head: bytes
    anchored: int = 0
    first_bad: int | None = None
    kind: Tampering | None = None
    detail: str = ""
    notes: tuple[AuditRow, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no break was found."""
        return self.first_bad is None

    def require(self) -> None:
        """Raise unless the chain holds.

        Raises
        ------
        AuditError
            Naming the first bad row and the kind.
        """
        if not self.ok:
            raise AuditError(
                f"an audit chain must hold: {self.detail}",
                value=f"{self.kind} at row {self.first_bad}",
                remedy="keep the file as it is and compare it with a backup",
            )


def verify(rows: Iterable[AuditRow], *, after: AuditRow | None = None) -> AuditVerdict:
    """Follow a chain from row to row and report the first that does not hold.

    **A chain cannot see its own end.** Rows cut off at the tail leave a shorter chain that holds,
    and whoever rewrites every row from some point on, hashes included, leaves another that
    holds. Both are found by `verify_chain`, which has checkpoints.

    Parameters
    ----------
    rows : iterable of AuditRow
        Rows of one chain as `TradingStore.audit_rows` yields them; read once, so of any length.
    after : AuditRow, optional
        A row known to be sound that `rows` must continue; the chain's beginning when not given.

    Returns
    -------
    AuditVerdict
        The kind is what the remaining rows suggest; that there is a break, and where, is proven.

    References
    ----------
    .. [1] Crosby, S. A., & Wallach, D. S. (2009). Efficient data structures for tamper-evident
       logging. USENIX Security.
    """
    walk = _Walk(
        chain=None if after is None else after.chain,
        seq=0 if after is None else after.seq,
        head=GENESIS if after is None else after.hash,
    )
    return walk.over([_values_of(row)] for row in rows)


def verify_chain(
    pages: Iterable[Sequence[AuditValues]],
    *,
    chain: str,
    checkpoints: Iterable[Checkpoint] = (),
    after: tuple[int, bytes] = (0, GENESIS),
    tree: MerkleTree | None = None,
) -> AuditVerdict:
    """Follow a chain and compare it with its checkpoints; report the first row that is not right.

    Parameters
    ----------
    pages : iterable of sequences
        The rows as `TradingStore.audit_pages` yields them.
    chain : str
        Their chain.
    checkpoints : iterable of Checkpoint
        What the chain was at earlier times, known to be genuine; those of other chains, and of
        rows before these, are left out.
    after : (int, bytes), optional
        Number and hash of a row known to be sound that these continue.
    tree : MerkleTree, optional
        The tree over all rows up to that one; without it, roots are not compared where it is not
        the chain's beginning.
    """
    if tree is None and after[0] == 0:
        tree = MerkleTree()
    anchors = sorted(
        (one for one in checkpoints if one.chain == chain and one.size > after[0]),
        key=lambda one: one.size,
    )
    walk = _Walk(chain=chain, seq=after[0], head=after[1], tree=tree, anchors=anchors)
    walk.anchored = after[0] if tree is not None else 0  # a tree comes from a checkpoint
    return walk.over(pages)


class _Walk:
    """Follows a chain, row by row, and stops at the first that does not hold."""

    def __init__(
        self,
        *,
        chain: str | None,
        seq: int,
        head: bytes,
        tree: MerkleTree | None = None,
        anchors: Sequence[Checkpoint] = (),
    ) -> None:
        self._chain = chain
        self._first, self._seq, self._head = seq, seq, head
        self._tree = tree
        self._anchors = list(anchors)
        self.anchored = 0
        self._notes: list[AuditRow] = []

    def over(self, pages: Iterable[Sequence[AuditValues]]) -> AuditVerdict:
        rest = iter(pages)
        for page in rest:
            if self._chain is None and page:
                self._chain = page[0][0]
            taken = self._take(page)
            if taken is None:
                return self._verdict_on_anchor()
            if taken < len(page):
                after = joined(page[taken + 1 :], joined.from_iterable(rest))
                return self._verdict_on_row(page[taken], after)
        if self._anchors:
            last = self._anchors[-1]
            return self._broken(
                self._seq + 1,
                "truncation",
                f"the chain ends with row {self._seq}, and {last} covers more",
            )
        return self._verdict()

    def _take(self, page: Sequence[AuditValues]) -> int | None:
        """Take as many rows as hold; None when an anchor does not."""
        chain, wanted, head = self._chain, self._seq + 1, self._head
        sha256, hashes, taken = hashlib.sha256, [], 0
        at = self._anchors[0].size if self._anchors else 0
        try:
            for values in page:
                name, seq, ts_ns, actor, kind, body, prev, own = values
                if seq != wanted or prev != head or name != chain:
                    break
                record = encode_record(Record(actor, body, name, kind, ts_ns))
                if sha256(LEAF + _pack(seq) + prev + record).digest() != own:
                    break
                hashes.append(own)
                head, wanted, taken = own, wanted + 1, taken + 1
                if kind.startswith(_OF_THE_TRAIL):
                    self._notes.append(_row(values))
                if seq == at:
                    self._seq, self._head = seq, head
                    self._grow(hashes)
                    if not self._fits(seq):
                        return None
                    at = self._anchors[0].size if self._anchors else 0
        except (TypeError, ValueError, AttributeError, struct.error):
            pass  # a column with what was never written into it; the row is looked at again
        self._seq, self._head = wanted - 1, head
        self._grow(hashes)
        return taken

    def _grow(self, hashes: list[bytes]) -> None:
        if self._tree is not None:
            self._tree.extend(hashes)
        hashes.clear()

    def _fits(self, seq: int) -> bool:
        """Whether all anchors at row `seq` say what the rows say; takes those that do."""
        while self._anchors and self._anchors[0].size == seq:
            anchor = self._anchors[0]
            if anchor.head != self._head.hex() or (
                self._tree is not None and anchor.root != self._tree.root.hex()
            ):
                return False
            self.anchored = seq
            del self._anchors[0]
        return True

    def _verdict(self) -> AuditVerdict:
        return AuditVerdict(
            rows=self._seq - self._first,
            head_seq=self._seq,
            head=self._head,
            anchored=self.anchored,
            notes=tuple(self._notes),
        )

    def _broken(self, first_bad: int, kind: Tampering, detail: str) -> AuditVerdict:
        return AuditVerdict(
            rows=self._seq - self._first,
            head_seq=self._seq,
            head=self._head,
            anchored=self.anchored,
            first_bad=first_bad,
            kind=kind,
            detail=detail,
            notes=tuple(self._notes),
        )

    def _verdict_on_anchor(self) -> AuditVerdict:
        """Say that rows which hold by themselves are not those that were checkpointed."""
        anchor, known = self._anchors[0], max(self.anchored, self._first)
        detail = (
            f"rows {known + 1} to {anchor.size} hold by themselves, and {anchor} tells of others: "
            "one of them, and all after it, were written anew"
        )
        verdict = self._broken(known + 1, "fork", detail)
        notes = tuple([note for note in verdict.notes if note.seq <= known])
        return replace(verdict, rows=known - self._first, notes=notes)

    def _verdict_on_row(self, row: AuditValues, rest: Iterator[AuditValues]) -> AuditVerdict:
        first_bad, kind, detail = explain_break(
            row,
            rest,
            chain=self._chain,
            wanted=self._seq + 1,
            head=self._head,
            known=max(self.anchored, self._first),
            anchor=self._anchors[0] if self._anchors else None,
        )
        return self._broken(first_bad, kind, detail)


def _row(values: AuditValues) -> AuditRow:
    return AuditRow(**dict(zip(_COLUMNS, values, strict=True)))  # type: ignore[arg-type]
