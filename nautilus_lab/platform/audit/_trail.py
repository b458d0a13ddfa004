"""The trail of one writer: what it appends, and what it verifies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.platform.audit._cause import present_cause, with_cause
from nautilus_lab.platform.audit._chain import GENESIS, is_sound, next_row
from nautilus_lab.platform.audit._gap import Gap
from nautilus_lab.platform.audit._guards import guards_facts
from nautilus_lab.platform.audit._spool import Spool
from nautilus_lab.platform.audit._verify import AuditVerdict, verify_chain
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.store import (
    AuditRow,
    BrokenGuard,
    OrderIntent,
    TradingStore,
    canonical_json,
)

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

_OWN_HAND = "audit"


@dataclass(frozen=True, kw_only=True)
class AuditNote:
    """What is to be appended: who did what, and when.

    Parameters
    ----------
    kind, body, actor, ts_ns
        See `AuditTrail.append`.
    """

    kind: str
    body: Mapping[str, object]
    actor: str
    ts_ns: int | None = None


class AuditTrail:
    """The audit chain of one writer, kept in its store.

    A row is sealed with the hash of the row before it, so a row that is changed, removed, moved
    or put in between breaks the chain at that place. Rows cut off at the end, and a chain that is
    rewritten from some row on with new hashes, are found by the checkpoints that are kept outside
    of the store, back to the last of them: see `Checkpointer`. The file's owner can do all of
    this; the chain makes it visible, the triggers in the file make it no accident.

    The first row after a time in which the store could not write is preceded by one of kind
    ``"audit.gap"``, which says since when and why, how many writes were refused, and what will have
    no row. With a spool, what may not wait meanwhile is set aside there and follows that row.

    A row that is appended while a command is done says so: see `because`.

    One trail writes to a chain at a time. A second one, a node believed dead for instance, gets
    an `AuditError` on its next row, since that no longer follows the last.

    Parameters
    ----------
    store : TradingStore
        Where the chain is; used from the store's thread.
    chain : str, default="node"
        The chain's id: the writer's name.
    spool : Spool, optional
        Where intents are set aside.

    Attributes
    ----------
    on_fold : callable
        Called with the intents that came from the spool into the journal, and their numbers.

    Raises
    ------
    AuditError
        When the chain's last row does not have the hash of its content.
    StoreError
        When the store or the spool cannot be read.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from nautilus_lab.platform.store import TradingStore
    >>> with TradingStore.open(":memory:") as store:
    ...     trail = AuditTrail(store)
    ...     row = trail.append("limit.set", {"notional": Decimal("250000")}, actor="ana")
    ...     trail.verify().ok
    True
    >>> row.seq, row.body
    (1, '{"notional":"250000"}')
    """

    def __init__(
        self, store: TradingStore, *, chain: str = "node", spool: Spool | None = None
    ) -> None:
        if not chain:
            raise InputError("a chain must have a name", value=chain)
        self.on_fold: Callable[[Sequence[OrderIntent], Sequence[int]], None] = lambda *_: None
        self._store = store
        self._chain = chain
        self._spool = spool
        self._gap: Gap | None = None  # None while it can be written
        # the row of a write that failed: it may have reached the file all the same
        self._doubtful: AuditRow | None = None
        self._lost = False  # somebody else appends to our chain
        if spool is not None and spool.pending and store.spool_entries(spool.id) is not None:
            spool.retire()  # an earlier process ended between the commit and this
        self._head = store.audit_head(chain=chain)
        if self._head is not None and not is_sound(self._head):
            raise AuditError(
                "the last row of an audit chain must have the hash of its content",
                value=f"row {self._head.seq} of {chain}",
                remedy="keep the file as it is and compare it with a backup",
            )

    def __repr__(self) -> str:
        return f"AuditTrail({self._chain!r}, {self.seq} rows)"

    @property
    def chain(self) -> str:
        """The chain's id."""
        return self._chain

    @property
    def head(self) -> AuditRow | None:
        """The last row; None before the first."""
        return self._head

    @property
    def seq(self) -> int:
        """The number of the last row; 0 before the first."""
        return 0 if self._head is None else self._head.seq

    def append(
        self, kind: str, body: Mapping[str, object], *, actor: str, ts_ns: int | None = None
    ) -> AuditRow:
        """Append one row.

        Parameters
        ----------
        kind : str
            What happened, dotted: ``"limit.set"``.
        body : mapping
            The facts. Decimals, not floats; never a secret.
        actor : str
            Who did it: a principal, or a process.
        ts_ns : int, optional
            When, UNIX nanoseconds UTC; now when not given.

        Raises
        ------
        InputError
            When `body` has no canonical JSON: a float, a NaN.
        AuditError
            When another writer appended to the chain since.
        StoreError
            When the store cannot write; the row is not in the chain then.
        """
        note = AuditNote(kind=kind, body=with_cause(body), actor=actor, ts_ns=ts_ns)
        return self.append_many((note,))[0]

    def append_many(
        self, notes: Sequence[AuditNote], *, durable: bool = False
    ) -> tuple[AuditRow, ...]:
        """Append several rows with one commit, all or none; see `append`.

        Parameters
        ----------
        notes : sequence of AuditNote
            What is to be appended, in this order.
        durable : bool, default=False
            Wait until they are on the disk. One wait for all: so a row costs little of it.
        """
        last, rows = self._last(), []
        for note in notes:
            last = self._next(last, note)
            rows.append(last)
        if rows:
            append = self._store.append_audit
            self._advance(rows, partial(append, durable=True) if durable else append, rows)
        return tuple(rows)

    def record_many(
        self, events: Sequence[Envelope], note_of: Callable[[Envelope], AuditNote | None]
    ) -> tuple[Envelope | None, ...]:
        """Store events, and a row of the chain for each that has one, in one transaction.

        Parameters
        ----------
        events : sequence of Envelope
            See `TradingStore.record_many`.
        note_of : callable
            Takes an event that is news to the store and returns its row; None when it has none.

        Returns
        -------
        tuple of Envelope or None
            As `TradingStore.record_many` returns them.

        Raises
        ------
        InputError, AuditError, StoreError
            As `append` and `TradingStore.record_many` do; nothing was stored then.
        """
        head, rows = self._last(), list[AuditRow]()

        def seal(stored: Sequence[Envelope]) -> Sequence[AuditRow]:
            last = head
            for event in stored:
                if (note := note_of(event)) is not None:
                    last = self._next(last, note)
                    rows.append(last)
            return rows

        return self._advance(rows, partial(self._store.record_many, audit=seal), events)

    def intend(
        self,
        client_order_id: str,
        command: str,
        body: dict[str, object],
        *,
        actor: str,
        ts_ns: int | None = None,
    ) -> int:
        """Write an order intent into the journal and into the chain, in one transaction.

        On the order path: when it returns, the intent survives the death of the process; when
        it raises, there is no intent and the order must not go out.

        Parameters
        ----------
        client_order_id, command, body
            See `OrderIntent`.
        actor, ts_ns
            See `append`.

        Returns
        -------
        int
            The intent's number in the journal, for `TradingStore.mark`.

        Raises
        ------
        InputError, AuditError, StoreError
            As `append` does.
        """
        intent = OrderIntent(client_order_id=client_order_id, command=command, body=body)
        return self.intend_many((intent,), actor=actor, ts_ns=ts_ns)[0]

    def intend_many(
        self, intents: Sequence[OrderIntent], *, actor: str, ts_ns: int | None = None
    ) -> tuple[int, ...]:
        """Write several intents, each with its audit row, all or none; see `intend`.

        A denied one is audited as ``"order.denied"``, every other as ``"order.intent"``.
        """
        last, rows = self._last(), []
        for intent in intents:
            when = time.time_ns() if ts_ns is None else ts_ns
            last = self._next_intent(last, intent, actor, when)
            rows.append(last)
        if not rows:
            return ()
        return self._advance(rows, self._store.intend_many, intents, rows)

    def restore_guards(self, *, actor: str) -> tuple[BrokenGuard, ...]:
        """Put back what keeps the tables append-only where it is not as it was made; says what.

        The row that tells of it, with the text of what stood there, is in the same transaction.

        Raises
        ------
        AuditError, StoreError
            As `append` does; nothing was put back then.
        """
        if not self._store.broken_guards():
            return ()  # a start waits for no other writer
        head, rows = self._last(), list[AuditRow]()

        def seal(broken: Sequence[BrokenGuard], left: Sequence[BrokenGuard]) -> Sequence[AuditRow]:
            facts = guards_facts(broken, left)
            rows.append(self._next(head, AuditNote(kind="audit.guards", body=facts, actor=actor)))
            return rows

        return self._advance(rows, self._store.restore_guards, seal)

    def verify(self) -> AuditVerdict:
        """Verify the whole chain, as it stands in the file; reads every row.

        By itself: `inspect_trail` compares it with checkpoints, archives and the spool.

        Raises
        ------
        StoreError
            When the file cannot be read: a page of it is broken.
        """
        archived = self._store.audit_archives(chain=self._chain)
        after = (archived[-1].seq, archived[-1].hash) if archived else (0, GENESIS)
        pages = self._store.audit_pages(chain=self._chain)
        return verify_chain(pages, chain=self._chain, after=after)

    # --- while the store cannot write -----------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether something is to be folded into the chain before the next row."""
        spool = self._spool
        return self._gap is not None or (
            spool is not None and (spool.pending > 0 or bool(spool.trouble))
        )

    @property
    def can_set_aside(self) -> bool:
        """Whether there is a spool."""
        return self._spool is not None

    def set_aside(self, intents: Sequence[OrderIntent], *, actor: str, why: str) -> None:
        """Spool the intents of one command that may go on although the store cannot write.

        On the order path: when it returns, they are on the disk.

        Raises
        ------
        AuditError
            When another writer appends to the chain: this one may do nothing more.
        StoreError
            When they cannot be spooled either; the order must not go out.
        """
        if self._lost:
            raise self._overtaken()
        if self._spool is None:
            raise StoreError("a trail needs a spool to set something aside", value=self._chain)
        self._spool.add(intents, actor=actor, why=why)

    def miss(self, kind: str, *, actor: str, why: str, times: int = 1) -> None:
        """Count what happened while nothing could be written, and will have no row of its own.

        The gap's row says how often: of each kind, and of each actor.
        """
        self._gap = self._gap or Gap(why=why)
        self._gap.miss(kind, actor, times)

    def fold(self) -> int:
        """Write into the chain what was set aside, in its order and once; say how many intents.

        The next row does it by itself; call it to have it done without one.

        Raises
        ------
        AuditError
            When another writer appended to the chain since.
        StoreError
            When the store still cannot write; all of it waits on.
        """
        if not self.waiting:
            return 0
        last, spool = self._resolved(), self._spool
        gap = next_row(
            last,
            chain=self._chain,
            ts_ns=time.time_ns(),
            actor=_OWN_HAND,
            kind="audit.gap",
            body=self._of_gap(spool),
        )
        if spool is None or not (spool.pending or spool.trouble):
            self._advance((gap,), self._store.append_audit, (gap,))
            self._gap = None
            self.on_fold((), ())
            return 0
        intents, rows, row = [], [], gap
        for entry in spool.entries:
            for intent in entry.order_intents():
                row = self._next_intent(
                    row, intent, entry.actor, entry.ts_ns, f"{spool.id}/{entry.number}"
                )
                intents.append(intent)
                rows.append(row)
        reach("audit.before_fold")
        numbers = self._advance(
            (gap, *rows), self._store.fold_spool, spool.id, spool.pending, intents, rows, (gap,)
        )
        reach("audit.after_fold")
        self._gap = None
        self.on_fold(intents, numbers)
        self._retire(spool)
        return len(intents)

    def _of_gap(self, spool: Spool | None) -> dict[str, object]:
        entries = () if spool is None else spool.entries
        gap = self._gap or Gap(why="", since_ns=0)
        if entries:
            first, last = entries[0], entries[-1]
            gap.since_ns = min(gap.since_ns or first.ts_ns, first.ts_ns)
            gap.until_ns, gap.why = max(gap.until_ns, last.ts_ns), gap.why or first.why
        body = gap.facts | {"spooled": len(entries)}
        if spool is not None and (entries or spool.trouble):
            body["spool"] = spool.id
        if spool is not None and spool.trouble:
            body["trouble"] = spool.trouble
        return body

    @staticmethod
    def _retire(spool: Spool) -> None:
        if spool.trouble:
            _log.critical("a spool is not as it was written: %s; it is set aside", spool.trouble)
        try:
            spool.retire()  # which is done before anything is added to it again
        except StoreError as error:
            _log.error("a spool that was folded stays for now: %s", error)

    def _next_intent(
        self,
        last: AuditRow | None,
        intent: OrderIntent,
        actor: str,
        ts_ns: int,
        spooled: str = "",
    ) -> AuditRow:
        # As canonical_json would spell it, with the facts spelled once for journal and chain.
        names = canonical_json(
            {"client_order_id": intent.client_order_id, "command": intent.command}
        )
        aside = f',"spooled":{canonical_json(spooled)}' if spooled else ""
        asked = None if spooled else present_cause()
        cause = f'"asked":{canonical_json(dict(asked))},' if asked is not None else ""
        return next_row(
            last,
            chain=self._chain,
            ts_ns=ts_ns,
            actor=actor,
            kind="order.denied" if intent.state == "DENIED" else "order.intent",
            text=f'{{{cause}{names[1:-1]},"order":{intent.text}{aside}}}',
        )

    def _next(self, last: AuditRow | None, note: AuditNote) -> AuditRow:
        return next_row(
            last,
            chain=self._chain,
            ts_ns=time.time_ns() if note.ts_ns is None else note.ts_ns,
            actor=note.actor,
            kind=note.kind,
            body=dict(note.body),
        )

    # --- the end of the chain -------------------------------------------------------------

    def _last(self) -> AuditRow | None:
        if self.waiting:
            self.fold()
        return self._resolved()

    def _resolved(self) -> AuditRow | None:
        if self._doubtful is not None:
            found = self._store.audit_head(chain=self._chain)
            self._lost = found not in (self._head, self._doubtful)
            self._head, self._doubtful = found, None
        if self._lost:
            raise self._overtaken()
        return self._head

    def _overtaken(self) -> AuditError:
        return AuditError(
            "a chain must have one writer at a time",
            value=f"another one appended to {self._chain}",
            remedy="end this process; the one that took over writes the chain",
        )

    def _advance(self, rows: Sequence[AuditRow], write: Callable[..., _T], *what: object) -> _T:
        """Write what appends `rows`, which may be made meanwhile, and have the chain end there."""
        try:
            written = write(*what)
        except AuditError:
            self._lost = True
            raise
        except BaseException as error:
            if rows:
                self._doubtful = rows[-1]
            if isinstance(error, StoreError):
                self._gap = self._gap or Gap(why=error.rule)
                self._gap.refuse()
            raise
        if rows:
            self._head = rows[-1]
        return written
