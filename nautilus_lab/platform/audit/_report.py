"""Verifying everything that is kept of a trader's audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from nautilus_lab.exceptions import AuditError, LabError, StoreError
from nautilus_lab.platform.audit._chain import GENESIS
from nautilus_lab.platform.audit._checkpoint import Checkpoint, SealKey
from nautilus_lab.platform.audit._checkpoint_file import CheckpointsRead
from nautilus_lab.platform.audit._explain import Tampering
from nautilus_lab.platform.audit._files import AuditFiles
from nautilus_lab.platform.audit._guards import require_guards
from nautilus_lab.platform.audit._kinds import OPERATORS
from nautilus_lab.platform.audit._merkle import MerkleTree
from nautilus_lab.platform.audit._piece import read_piece
from nautilus_lab.platform.audit._spool import read_spool
from nautilus_lab.platform.audit._verify import AuditVerdict, verify_chain
from nautilus_lab.platform.store import AuditArchived, AuditRow, BrokenGuard, TradingStore

_Break: TypeAlias = tuple[int, Tampering, str]


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """What was found of one chain.

    Attributes
    ----------
    chain : str
        Its id.
    verdict : AuditVerdict
        Whether it holds.
    checkpoints : int
        How many it was compared with.
    archived : int
        How many rows are in archives and no more in the store.
    """

    chain: str
    verdict: AuditVerdict
    checkpoints: int
    archived: int = 0


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What was found of a trader's audit trail.

    Attributes
    ----------
    trader : str
        The trader's id.
    chains : tuple of ChainReport
        Each chain.
    troubles : tuple of str
        What is wrong beside the chains: with checkpoints, their key, archives, the spool.
    spooled : int
        How many entries wait in the spool for the store.
    guards : tuple of BrokenGuard
        What keeps the tables append-only and is not as it was made: whoever means to change rows
        begins with that.
    unnoted : str
        Why it could not be written down that the trail was verified; empty when it was, or was not
        to be.
    """

    trader: str
    chains: tuple[ChainReport, ...]
    troubles: tuple[str, ...] = ()
    spooled: int = 0
    guards: tuple[BrokenGuard, ...] = ()
    unnoted: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.troubles or self.guards) and all(one.verdict.ok for one in self.chains)

    def require(self) -> None:
        """Raise unless nothing is wrong.

        Raises
        ------
        AuditError
            Naming the first bad row and the kind, or what else is wrong.
        """
        for one in self.chains:
            one.verdict.require()
        require_guards(self.guards)
        if self.troubles:
            raise AuditError(
                "an audit trail must hold with all that is kept of it",
                value=self.troubles[0],
                remedy="keep everything as it is and compare it with a backup",
            )


def inspect_trail(
    store: TradingStore,
    files: AuditFiles,
    *,
    anchors: Sequence[Checkpoint] = (),
    from_seq: int = 1,
) -> AuditReport:
    """Verify the chains of a store, their checkpoints, their archives and the spool.

    Parameters
    ----------
    store : TradingStore
        Opened to be read.
    files : AuditFiles
        What is kept beside it.
    anchors : sequence of Checkpoint
        Checkpoints that were kept elsewhere, and are trusted.
    from_seq : int, default=1
        Rows before this need not be read again: verifying begins at the last checkpoint before
        it. Archives are read only when it is 1.

    Raises
    ------
    StoreError
        When the store cannot be read: it is damaged below its tables.
    """
    guards = store.broken_guards()
    try:
        return replace(_inspect_all(store, files, anchors, from_seq), guards=guards)
    except StoreError as error:
        if not any(one.what == "table" for one in guards):
            raise
        unread = f"its rows cannot be read as the tables are now: {error}"
        return AuditReport(trader=files.trader, chains=(), troubles=(unread,), guards=guards)


def _inspect_all(
    store: TradingStore, files: AuditFiles, anchors: Sequence[Checkpoint], from_seq: int
) -> AuditReport:
    troubles: list[str] = []
    read = _read_checkpoints(files, troubles)
    found = [*read.checkpoints, *_kept(files, read, anchors, troubles)]
    names = sorted({*store.audit_chains(), *(one.chain for one in found)})
    gone = _discarded(store, found) if from_seq == 1 else {}
    chains = []
    for name in names:
        mine = [one for one in found if one.chain == name]
        report = _inspect(store, files, name, mine, from_seq, gone, troubles)
        chains.append(report)
        _witness(report.verdict.notes, read, troubles)
        _witness_beside(report.verdict.notes, files, troubles)
        if report.verdict.head_seq and not mine:
            troubles.append(
                f"no checkpoint covers {name}: nobody could tell if its end were cut off, or all "
                "of it written anew"
            )
    spool = read_spool(files.spool)
    if spool.trouble:
        troubles.append(f"the spool: {spool.trouble}")
    waiting = 0 if store.spool_entries(spool.id) is not None else len(spool.entries)
    return AuditReport(
        trader=files.trader,
        chains=tuple(chains),
        troubles=tuple(troubles),
        spooled=waiting,
    )


def _read_checkpoints(files: AuditFiles, troubles: list[str]) -> CheckpointsRead:
    key: SealKey | None = None
    try:
        key = files.key()
    except StoreError as error:
        troubles.append(f"checkpoints are not told from forged ones: {error}")
    read = files.checkpoint_file(key).read()
    if read.trouble:
        troubles.append(f"the file of checkpoints: {read.trouble}; {files.checkpoints}")
    return read


def _kept(
    files: AuditFiles, read: CheckpointsRead, anchors: Sequence[Checkpoint], troubles: list[str]
) -> list[Checkpoint]:
    """Return the anchors; one that the file should have and has not is trouble."""
    for anchor in anchors:
        if anchor.trader != files.trader:
            troubles.append(f"{anchor} is of trader {anchor.trader}, not {files.trader}")
        elif anchor not in read.checkpoints:
            troubles.append(f"the file of checkpoints lacks one that was kept elsewhere: {anchor}")
    return [anchor for anchor in anchors if anchor.trader == files.trader]


def _inspect(
    store: TradingStore,
    files: AuditFiles,
    chain: str,
    checkpoints: Sequence[Checkpoint],
    from_seq: int,
    gone: dict[str, str],
    troubles: list[str],
) -> ChainReport:
    notes = store.audit_archives(chain=chain)
    after: tuple[int, bytes] = (0, GENESIS)
    if notes:
        after = (notes[-1].seq, notes[-1].hash)
    begin: int | None = None
    if from_seq > 1:
        known = [one for one in checkpoints if after[0] < one.size < from_seq]
        last = max(known, key=lambda one: one.size, default=None)
        if last is not None and _stands(store, last):
            after, begin = (last.size, bytes.fromhex(last.head)), last.size + 1
    tree = _tree_at(after, checkpoints)
    broken = _read_archives(files, notes, checkpoints, gone, troubles) if from_seq == 1 else None
    verdict = verify_chain(
        store.audit_pages(begin, chain=chain),
        chain=chain,
        checkpoints=checkpoints,
        after=after,
        tree=tree,
    )
    if after[0] and tree is None:
        troubles.append(f"rows of {chain} were archived to {after[0]}, where no checkpoint is")
    if broken is not None:
        first_bad, kind, detail = broken
        verdict = replace(verdict, first_bad=first_bad, kind=kind, detail=detail)
    return ChainReport(
        chain=chain,
        verdict=verdict,
        checkpoints=len(checkpoints),
        archived=notes[-1].seq if notes else 0,
    )


def _stands(store: TradingStore, checkpoint: Checkpoint) -> bool:
    """Whether the last row that a checkpoint covers is there as it was."""
    page = next(store.audit_pages(checkpoint.size, chain=checkpoint.chain, size=1), [])
    return [(row[1], row[7]) for row in page] == [(checkpoint.size, bytes.fromhex(checkpoint.head))]


def _tree_at(after: tuple[int, bytes], checkpoints: Iterable[Checkpoint]) -> MerkleTree | None:
    if not after[0]:
        return MerkleTree()
    for one in checkpoints:
        if (one.size, one.head) == (after[0], after[1].hex()):
            try:
                return one.tree
            except LabError:
                return None
    return None


def _read_archives(
    files: AuditFiles,
    notes: Sequence[AuditArchived],
    checkpoints: Sequence[Checkpoint],
    gone: dict[str, str],
    troubles: list[str],
) -> _Break | None:
    """Return the first break in what was archived; other trouble goes to `troubles`."""
    seq, head = 0, GENESIS
    for note in notes:
        first, seq, before, head = seq + 1, note.seq, head, note.hash
        if gone.get(note.file) == note.sha256.hex():
            continue
        path = files.archives / note.file
        if path.name != note.file or not path.exists():
            return first, "gap", f"rows {first} to {seq} are not there: {note.file} is gone"
        try:
            piece = read_piece(path, anchors=checkpoints_within(checkpoints, first, seq))
        except AuditError as error:
            return first, "edit", str(error)
        if not piece.verdict.ok:
            verdict = piece.verdict
            detail = f"{note.file}: {verdict.detail}"
            return verdict.first_bad or first, verdict.kind or "edit", detail
        if (piece.trader, piece.first, piece.prev, piece.last, piece.head) != (
            files.trader,
            first,
            before,
            seq,
            head,
        ):
            return first, "fork", f"{note.file} holds other rows than the store says"
        if piece.trouble or piece.sha256 != note.sha256:
            troubles.append(
                f"{note.file}: {piece.trouble or 'its bytes are others than when it was written'}"
            )
    return None


def checkpoints_within(
    checkpoints: Iterable[Checkpoint], first: int, last: int
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that end with one of the rows `first` to `last`."""
    return tuple([one for one in checkpoints if first <= one.size <= last])


def _discarded(store: TradingStore, checkpoints: Sequence[Checkpoint]) -> dict[str, str]:
    """Return the archives that were discarded by a person: name -> SHA-256."""
    verdict = verify_chain(
        store.audit_pages(chain=OPERATORS), chain=OPERATORS, checkpoints=checkpoints
    )
    discarded = {}
    for note in verdict.notes:
        if note.kind == "audit.discarded":
            facts = _facts(note)
            discarded[str(facts.get("file"))] = str(facts.get("sha256"))
    return discarded


def _facts(row: AuditRow) -> dict[str, object]:
    """Return what a row says; nothing when it is no object: a row that was forged may be."""
    try:
        facts = json.loads(row.body)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _witness(notes: Sequence[AuditRow], read: CheckpointsRead, troubles: list[str]) -> None:
    """Compare the file of checkpoints with those that rows of the chain tell of."""
    seals = _seals(read)
    for note in notes:
        told = _facts(note).get("checkpoint")
        if isinstance(told, dict) and (lacking := _lacking(told, seals)):
            troubles.append(
                f"the file of checkpoints {lacking}, of which row {note.seq} of {note.chain} tells"
            )
            return


def _witness_beside(notes: Sequence[AuditRow], files: AuditFiles, troubles: list[str]) -> None:
    """Compare the checkpoints of other trails with those that rows of this one tell of."""
    kept = {one.trader: _seals(one.checkpoint_file(None).read()) for one in files.beside}
    amiss = set()
    for note in notes:
        told = _facts(note).get("beside")
        for name, one in told.items() if isinstance(told, dict) else ():
            if name not in amiss and (lacking := _lacking(one, kept.get(name, {}))):
                amiss.add(name)
                troubles.append(
                    f"the trail of {name} {lacking}, of which row {note.seq} of {note.chain} tells"
                )


def _seals(read: CheckpointsRead) -> dict[int, str]:
    return {one.number: one.seal for one in read.checkpoints}


def _lacking(told: object, seals: Mapping[int, str]) -> str:
    """Return how what a row tells of a checkpoint differs from the file; nothing if it fits."""
    number = told.get("number") if isinstance(told, dict) else None
    seal = told.get("seal") if isinstance(told, dict) else None
    known = seals.get(number) if isinstance(number, int) else None
    if known is not None and known == seal:
        return ""
    return f"{'lacks' if known is None else 'has another'} checkpoint {number}"
