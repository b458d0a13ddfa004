"""The trail of one writer: what it appends, and what it verifies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from nautilus_lab.exceptions import AuditError, InputError
from nautilus_lab.platform.audit._chain import is_sound, next_row
from nautilus_lab.platform.audit._verify import AuditVerdict, verify
from nautilus_lab.platform.store import AuditRow, OrderIntent, TradingStore, canonical_json

_T = TypeVar("_T")


class AuditTrail:
    """The audit chain of one writer, kept in its store.

    A row is sealed with the hash of the row before it, so a row that is changed, removed, moved
    or put in between breaks the chain at that place. **Rows cut off at the end are not found**,
    nor is a chain rewritten from some row on with new hashes: see `verify`. The file's owner can
    do all of this; the chain makes it visible, the triggers in the file make it no accident.

    One trail writes to a chain at a time. A second one, a node believed dead for instance, gets
    an `AuditError` on its next row, since that no longer follows the last.

    Parameters
    ----------
    store : TradingStore
        Where the chain is; used from the store's thread.
    chain : str, default="node"
        The chain's id: the writer's name.

    Raises
    ------
    AuditError
        When the chain's last row does not have the hash of its content.

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

    def __init__(self, store: TradingStore, *, chain: str = "node") -> None:
        if not chain:
            raise InputError("a chain must have a name", value=chain)
        self._store = store
        self._chain = chain
        # the row of a write that failed: it may have reached the file all the same
        self._doubtful: AuditRow | None = None
        self._lost = False  # somebody else appends to our chain
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
        row = self._next(self._last(), kind=kind, body=body, actor=actor, ts_ns=ts_ns)
        self._advance(row, self._store.append_audit, (row,))
        return row

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
            # As canonical_json would spell it, with the facts spelled once for journal and chain.
            names = canonical_json(
                {"client_order_id": intent.client_order_id, "command": intent.command}
            )
            last = next_row(
                last,
                chain=self._chain,
                ts_ns=time.time_ns() if ts_ns is None else ts_ns,
                actor=actor,
                kind="order.denied" if intent.state == "DENIED" else "order.intent",
                text=f'{names[:-1]},"order":{intent.text}}}',
            )
            rows.append(last)
        if last is None or not rows:
            return ()
        return self._advance(last, self._store.intend_many, intents, rows)

    def verify(self) -> AuditVerdict:
        """Verify the whole chain, as it stands in the file; reads every row.

        Raises
        ------
        StoreError
            When the file cannot be read: a page of it is broken.
        """
        return verify(self._store.audit_rows(chain=self._chain))

    def _next(
        self,
        last: AuditRow | None,
        *,
        kind: str,
        body: Mapping[str, object],
        actor: str,
        ts_ns: int | None,
    ) -> AuditRow:
        when = time.time_ns() if ts_ns is None else ts_ns
        return next_row(
            last, chain=self._chain, ts_ns=when, actor=actor, kind=kind, body=dict(body)
        )

    def _last(self) -> AuditRow | None:
        if self._doubtful is not None:
            found = self._store.audit_head(chain=self._chain)
            self._lost = found not in (self._head, self._doubtful)
            self._head, self._doubtful = found, None
        if self._lost:
            raise AuditError(
                "a chain must have one writer at a time",
                value=f"another one appended to {self._chain}",
                remedy="end this process; the one that took over writes the chain",
            )
        return self._head

    def _advance(self, row: AuditRow, write: Callable[..., _T], *what: object) -> _T:
        """Write what ends with `row`, and have the chain end with it."""
        try:
            written = write(*what)
        except AuditError:
            self._lost = True
            raise
        except BaseException:
            self._doubtful = row
            raise
        self._head = row
        return written
