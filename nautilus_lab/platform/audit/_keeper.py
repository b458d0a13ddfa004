"""What people do with a trail: verify, export, hold, archive, discard. Each is a row of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nautilus_lab.exceptions import AuditError, InputError, NodeError, StoreError
from nautilus_lab.platform.audit._checkpoint import Checkpoint
from nautilus_lab.platform.audit._checkpointer import make_checkpoints
from nautilus_lab.platform.audit._files import AuditFiles
from nautilus_lab.platform.audit._findings import note_finding
from nautilus_lab.platform.audit._holds import HOLD, RELEASE, Hold, holds_of
from nautilus_lab.platform.audit._kinds import OPERATORS
from nautilus_lab.platform.audit._piece import Piece, read_piece, write_piece
from nautilus_lab.platform.audit._report import AuditReport, inspect_trail
from nautilus_lab.platform.audit._trail import AuditTrail
from nautilus_lab.platform.store import AuditArchived, TradingStore

_log = logging.getLogger(__name__)

_EVER_NS = 2**63 - 1
_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What was moved from the store into a file.

    Attributes
    ----------
    path : Path
        The archive.
    first, last : int
        The rows in it.
    rows : int
        How many went from the store.
    held_by : tuple of Hold
        The holds that kept it from being more.
    """

    path: Path
    first: int
    last: int
    rows: int
    held_by: tuple[Hold, ...] = ()


class AuditKeeper:
    """Works on the trail of one trader or gateway, also while its process runs.

    What is done goes into a chain of its own in the same store, ``"operators"``: the process
    writes its chain alone. To archive, it must not run.

    Parameters
    ----------
    files : AuditFiles
        Where the trail is.
    by : str
        Who does it.
    busy_timeout_ms : int, default=5000
        How long a write waits for the node to finish its own, milliseconds.

    Raises
    ------
    StoreError
        When the trader has no store yet.
    AuditError
        When it has none any more.
    InputError
        When nobody is named.
    """

    def __init__(self, files: AuditFiles, *, by: str, busy_timeout_ms: int = 5_000) -> None:
        if not by.strip():
            raise InputError("who works on an audit trail must be named", value=by)
        files.require_store()
        self.files = files
        self.by = by
        self._busy_timeout_ms = busy_timeout_ms

    def __repr__(self) -> str:
        return f"AuditKeeper({self.files.trader!r})"

    # --- looking --------------------------------------------------------------------------

    def inspect(
        self, *, anchors: Sequence[Checkpoint] = (), from_seq: int = 1, note: bool = True
    ) -> AuditReport:
        """Verify all that is kept of the trail; that it was done becomes a row when it holds.

        Parameters
        ----------
        anchors : sequence of Checkpoint
            Checkpoints that were kept elsewhere.
        from_seq : int, default=1
            See `inspect_trail`.
        note : bool, default=True
            Whether to write that row. Nothing is written into a trail that does not hold: of that
            a line is added to the file of findings beside it. Where neither can be written, the
            report says so.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        with self._reading() as store:
            report = inspect_trail(store, self.files, anchors=anchors, from_seq=from_seq)
        if not note:
            return report
        try:
            self._note(report, from_seq)
        except (StoreError, NodeError) as error:
            # What was found must not be lost with it.
            _log.error("that it was verified could not be written down: %s", error)
            return replace(report, unnoted=str(error))
        return report

    def _note(self, report: AuditReport, from_seq: int) -> None:
        """Write down that the trail was verified: into it when it holds, else beside it."""
        if report.ok:
            facts: dict[str, object] = {
                "from": from_seq,
                "rows": {one.chain: one.verdict.head_seq for one in report.chains},
            }
            if (last := self._last_checkpoint()) is not None:
                facts["checkpoint"] = {"number": last.number, "seal": last.seal}
            if beside := self.files.seen_beside():
                facts["beside"] = beside
            with self._appending() as (_, trail):
                trail.append("audit.verified", facts, actor=self.by)
        else:
            note_finding(self.files.make().findings, report, by=self.by)

    def checkpoint(self) -> tuple[Checkpoint, ...]:
        """Make a checkpoint of what has none yet; returns those that were made.

        Raises
        ------
        AuditError
            When a chain does not hold, or is not what was checkpointed.
        StoreError
            When the store cannot be read, or the file not be written.
        """
        with self._reading() as store:
            return self._make_checkpoints(store)

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Return the checkpoints, oldest first.

        Raises
        ------
        AuditError
            When one is not as it was sealed.
        StoreError
            When they or their key cannot be read.
        """
        read = self.files.checkpoint_file(self.files.key()).read()
        if read.trouble:
            raise AuditError("a file of checkpoints must be as it was sealed", value=read.trouble)
        return read.checkpoints

    # --- holds ----------------------------------------------------------------------------

    def holds(self) -> tuple[Hold, ...]:
        """Return all holds, the released ones too, oldest first.

        Raises
        ------
        AuditError
            When the chain that they stand in does not hold.
        """
        with self._reading() as store:
            return _holds(store)

    def hold(self, reason: str, *, since_ns: int = 0, until_ns: int = _EVER_NS) -> Hold:
        """Keep rows from being archived or discarded until the hold is released.

        Parameters
        ----------
        reason : str
            Why: the matter, the court, the request.
        since_ns, until_ns : int, optional
            The time whose rows are held, UNIX nanoseconds UTC; all of it when not given.

        Raises
        ------
        InputError
            When there is no reason, or the time ends before it begins.
        StoreError
            When it cannot be written; there is no hold then.
        """
        if not reason.strip():
            raise InputError("a hold needs a reason", value=reason, remedy="say why")
        if not 0 <= since_ns <= until_ns <= _EVER_NS:
            raise InputError("a hold ends after it begins", value=f"{since_ns} to {until_ns}")
        facts = {"reason": reason, "since_ns": since_ns, "until_ns": until_ns}
        with self._appending() as (store, trail):
            _holds(store)
            row = trail.append(HOLD, facts, actor=self.by)
        return holds_of((row,))[0]

    def release(self, hold: str, reason: str) -> Hold:
        """Release a hold.

        Raises
        ------
        InputError
            When there is none of that id that holds, or no reason.
        StoreError
            When it cannot be written; the hold holds then.
        """
        if not reason.strip():
            raise InputError("the release of a hold needs a reason", value=reason, remedy="say why")
        with self._appending() as (store, trail):
            known = {one.id: one for one in _holds(store)}
            if hold not in known or not known[hold].holds:
                raise InputError(
                    "what is released must be a hold that was not released before",
                    value=hold,
                    remedy=", ".join(one.id for one in known.values() if one.holds) or "none holds",
                )
            trail.append(RELEASE, {"hold": hold, "reason": reason}, actor=self.by)
            released: Hold = next(one for one in _holds(store) if one.id == hold)
        return released

    def note(self, kind: str, facts: Mapping[str, object]) -> None:
        """Write down what a person did about this trader without its node.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        with self._appending() as (_, trail):
            trail.append(kind, facts, actor=self.by)

    # --- files ----------------------------------------------------------------------------

    def export(
        self,
        path: Path,
        *,
        chain: str | None = None,
        first: int = 1,
        last: int | None = None,
    ) -> Piece:
        """Write rows into a file that can be verified by itself.

        It begins at the last checkpoint before `first` and ends at the first one after `last`, so
        that it is anchored at both ends.

        Parameters
        ----------
        path : Path
            The file; ``.gz`` compresses it.
        chain : str, optional
            Of which chain; of the process' own when not given.
        first, last : int, optional
            Which rows; all that are in the store when not given.

        Raises
        ------
        InputError
            When there are no such rows, they are archived, or the file is there already.
        AuditError
            When they do not hold.
        StoreError
            When the file cannot be written.
        """
        chain = self.files.chain if chain is None else chain
        with self._appending() as (store, trail):
            trail.append(
                "audit.exported",
                {"chain": chain, "first": first, "last": last, "file": path.name},
                actor=self.by,
            )
            self._make_checkpoints(store)
            head, known = store.audit_head(chain=chain), self.checkpoints()
            mine = [one for one in known if one.chain == chain]
            cut = max((one.seq for one in store.audit_archives(chain=chain)), default=0)
            last = (0 if head is None else head.seq) if last is None else last
            first = max(first, cut + 1) if first == 1 else first
            if head is None or not cut < first <= last <= head.seq:
                raise InputError(
                    "what is exported must be rows of the store",
                    value=f"rows {first} to {last} of {chain}",
                    remedy=f"it has {cut + 1} to {0 if head is None else head.seq}; what came "
                    "before is in archives, which are such files",
                )
            base = max(
                (one for one in mine if one.size < first), key=lambda one: one.size, default=None
            )
            end = min((one.size for one in mine if one.size >= last), default=last)
            write_piece(
                path,
                store.audit_pages(1 if base is None else base.size + 1, chain=chain),
                trader=self.files.trader,
                chain=chain,
                last=end,
                checkpoints=mine,
                base=base,
                by=self.by,
            )
        return self._sound(path, end)

    def archive(self, *, older_than_days: float, now_ns: int | None = None) -> Archived | None:
        """Move the node's rows of more than some age from the store into an archive.

        As far as a checkpoint covers them and no hold keeps them. The archive is written, read
        back and verified before any row goes, and the rows go all at once with the note of where
        they are.

        Parameters
        ----------
        older_than_days : float
            Only rows of more than this age.
        now_ns : int, optional
            The present, UNIX nanoseconds UTC.

        Returns
        -------
        Archived or None
            None when there is nothing to archive.

        Raises
        ------
        NodeAlreadyRunning
            When the node runs: it would have to wait while its rows go.
        AuditError
            When the trail does not hold; nothing is archived then.
        StoreError
            When a file cannot be written; nothing is gone then.
        """
        before_ns = _before(older_than_days, now_ns)
        with self.files.rundir.node_lock, self._appending() as (store, trail):
            self._make_checkpoints(store)
            inspect_trail(store, self.files).require()
            base, limit, held_by = self._archivable(store, before_ns)
            mine = [one for one in self.checkpoints() if one.chain == self.files.chain]
            start = next((one for one in mine if one.size == base), None)
            last = max((one.size for one in mine if base < one.size <= limit), default=None)
            if last is None:
                return None
            path = self.files.archives / f"{self.files.chain}-{base + 1:010d}-{last:010d}.jsonl.gz"
            path.unlink(missing_ok=True)  # of an attempt that did not come to note it
            write_piece(
                path,
                store.audit_pages(chain=self.files.chain),
                trader=self.files.trader,
                chain=self.files.chain,
                last=last,
                checkpoints=mine,
                base=start,
                by=self.by,
            )
            piece = self._sound(path, last)
            facts = {"chain": self.files.chain, "first": base + 1, "last": last, "file": path.name}
            trail.append("audit.archived", {**facts, "sha256": piece.sha256.hex()}, actor=self.by)
            rows = store.cut_audit(
                AuditArchived(
                    chain=self.files.chain,
                    seq=last,
                    hash=piece.head,
                    file=path.name,
                    sha256=piece.sha256,
                    ts_ns=time.time_ns(),
                )
            )
        return Archived(path=path, first=base + 1, last=last, rows=rows, held_by=held_by)

    def discard(self, *, older_than_days: float, now_ns: int | None = None) -> tuple[str, ...]:
        """Delete archives whose rows are all of more than some age; says which.

        Oldest first, up to the first that is younger or held. What remains is verified from the
        checkpoint at which they end.

        Raises
        ------
        AuditError
            When the trail does not hold; nothing is discarded then.
        """
        before_ns, gone = _before(older_than_days, now_ns), []
        with self._appending() as (store, trail):
            inspect_trail(store, self.files).require()
            holds, key = _holds(store), self.files.key()
            for note in store.audit_archives(chain=self.files.chain):
                path = self.files.archives / note.file
                if not path.exists():
                    continue  # discarded before
                piece = read_piece(path, key=key)
                piece.require()
                held = any(one.covers(piece.first_ns, piece.last_ns) for one in holds)
                if held or piece.last_ns >= before_ns:
                    break
                facts = {
                    "file": note.file,
                    "sha256": note.sha256.hex(),
                    "first": piece.first,
                    "last": piece.last,
                }
                trail.append("audit.discarded", facts, actor=self.by)
                path.unlink()
                gone.append(note.file)
        return tuple(gone)

    def _archivable(self, store: TradingStore, before_ns: int) -> tuple[int, int, tuple[Hold, ...]]:
        """Return the last row that is archived, the last that may be, and what keeps the next."""
        notes = store.audit_archives(chain=self.files.chain)
        base = limit = notes[-1].seq if notes else 0
        holds, last = _holds(store), store.audit_head(chain=self.files.chain)
        since_ns = 0
        for page in store.audit_pages(base + 1, chain=self.files.chain):
            for values in page:
                seq, ts_ns = values[1], values[2]
                if ts_ns < since_ns:
                    continue  # by a clock that was put back: it was at some time until the next
                from_ns = ts_ns if seq == limit + 1 else since_ns
                held_by = tuple([one for one in holds if one.covers(from_ns, ts_ns)])
                if held_by or ts_ns >= before_ns:
                    return base, limit, held_by
                limit, since_ns = seq, ts_ns
        if last is not None and limit == last.seq:
            limit -= 1  # a chain keeps its last row, for the next to follow
        return base, max(base, limit), ()

    def _sound(self, path: Path, last: int) -> Piece:
        piece = read_piece(path, key=self.files.key())
        piece.require()
        if piece.last != last:
            raise AuditError(
                "a piece must hold what it was written for", value=f"rows to {piece.last}"
            )
        return piece

    # --- the chain of what is done --------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[TradingStore]:
        with TradingStore.open(
            self.files.store, busy_timeout_ms=self._busy_timeout_ms, read_only=True
        ) as store:
            yield store

    @contextmanager
    def _appending(self) -> Iterator[tuple[TradingStore, AuditTrail]]:
        """Append to the chain of operators, alone; it is checkpointed at the end."""
        self.files.make()
        with (
            self.files.rundir.audit_lock,
            TradingStore.open(self.files.store, busy_timeout_ms=self._busy_timeout_ms) as store,
        ):
            yield store, AuditTrail(store, chain=OPERATORS)
            try:
                self._make_checkpoints(store, OPERATORS)
            except StoreError as error:
                # What was done is done, and stands in the chain: `inspect` tells of this, too.
                _log.error("no checkpoint covers what was just done: %s", error)

    def _make_checkpoints(
        self, store: TradingStore, chain: str | None = None
    ) -> tuple[Checkpoint, ...]:
        self.files.make()
        file = self.files.checkpoint_file(self.files.key(make=True))
        return make_checkpoints(store, file, chain=chain)

    def _last_checkpoint(self) -> Checkpoint | None:
        return next(reversed(self.checkpoints()), None)


def _holds(store: TradingStore) -> tuple[Hold, ...]:
    rows = tuple(store.audit_rows(chain=OPERATORS))
    return holds_of(rows)


def _before(days: float, now_ns: int | None) -> int:
    if not 0 <= days <= 36_500:
        raise InputError("an age must lie in [0, 36500] days", value=days)
    return (time.time_ns() if now_ns is None else now_ns) - round(days * _DAY_NS)
