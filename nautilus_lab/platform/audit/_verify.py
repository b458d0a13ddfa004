"""Finding the first row of a chain that is not what was written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import AuditError
from nautilus_lab.platform.audit._chain import GENESIS, is_sound
from nautilus_lab.platform.store import AuditRow

Tampering: TypeAlias = Literal["edit", "gap", "reorder", "fork"]


@dataclass(frozen=True, kw_only=True)
class AuditVerdict:
    """What `verify` found.

    Attributes
    ----------
    rows : int
        How many rows are proven to be as they were written.
    head_seq : int
        The number of the last of them; compare it, and `head`, with a copy kept elsewhere.
    head : bytes
        Its hash.
    first_bad : int or None
        The first number at which the chain is broken; None when it holds.
    kind : {"edit", "gap", "reorder", "fork"} or None
        *edit*: a row's content does not have its hash. *gap*: a row is missing. *reorder*: rows
        changed places. *fork*: a row is sound but continues another row than the one before it,
        so there are two histories: the one before was rewritten, or this was brought in.
    detail : str
        One line for a person.
    """

    rows: int
    head_seq: int
    head: bytes
    first_bad: int | None = None
    kind: Tampering | None = None
    detail: str = ""

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
    holds. Both are found only by comparing `AuditVerdict.head` with a copy that was kept where
    the file's owner cannot write.

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
    head_seq, head = (0, GENESIS) if after is None else (after.seq, after.hash)
    chain = None if after is None else after.chain
    count, rest = 0, iter(rows)
    for row in rest:
        chain = row.chain if chain is None else chain
        if (row.seq, row.prev, row.chain) == (head_seq + 1, head, chain) and is_sound(row):
            count, head_seq, head = count + 1, row.seq, row.hash
            continue
        kind, detail = _break([row, *rest], head_seq + 1, head, chain)
        return AuditVerdict(
            rows=count,
            head_seq=head_seq,
            head=head,
            first_bad=head_seq + 1,
            kind=kind,
            detail=detail,
        )
    return AuditVerdict(rows=count, head_seq=head_seq, head=head)


def _break(
    remaining: list[AuditRow], wanted: int, head: bytes, chain: str
) -> tuple[Tampering, str]:
    """Say how the chain breaks where `remaining` should begin with row `wanted`."""
    row = remaining[0]
    if row.chain != chain:
        return "edit", f"row {wanted} is of chain {row.chain}, not {chain}"
    if row.seq > wanted:
        if any(other.seq == wanted for other in remaining):
            return "reorder", f"row {wanted} comes after row {row.seq}"
        return "gap", f"row {wanted} is missing, row {row.seq} comes next"
    if row.seq < wanted:
        return "fork", f"row {row.seq} comes again where row {wanted} should"
    if is_sound(row, seq=wanted):
        return "fork", f"row {wanted} continues another row {wanted - 1} than the one before it"
    # Is it a true row under a false number? No row can have moved further than the rows reach.
    reach = range(1, wanted + len(remaining) + 1)
    true = next((seq for seq in reach if is_sound(row, seq=seq)), None)
    if true is None:
        return "edit", f"row {wanted} does not have the hash of its content"
    if true < wanted:
        return "fork", f"what was row {true} stands as row {wanted}: a row was put in before it"
    if any(other.prev == head and is_sound(other, seq=wanted) for other in remaining):
        return "reorder", f"what was row {true} stands as row {wanted}"
    return "gap", f"what was row {wanted} is missing, what was row {true} stands in its place"
