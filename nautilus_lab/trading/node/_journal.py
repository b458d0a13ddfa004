"""The live journal: intents and their audit rows, in the trader's store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import IntentState, OrderIntent, TradingStore

log = logging.getLogger(__name__)

_SOON_S = 0.05
_MOST_SETTLED = 256
# A store that is locked holds up the node's loop with each try.
_TRY_AGAIN_S = 1.0
# A strategy that goes on asking must not fill the spool, which is for what reduces.
_MOST_DENIALS_ASIDE = 20


class StoreJournal:
    """Writes intents and their audit rows in one transaction of the trader's store.

    While the store cannot write, a command that does nothing but reduce a position is set aside
    in the trail's spool, which is as durable, and comes into journal and chain once the store
    writes again. Everything else is refused then: no new risk without its audit row. Of what is
    denied meanwhile the first few are set aside too, and all others counted: the row of the gap
    says how many, and whose.

    Parameters
    ----------
    trail : AuditTrail
        The trail of `store`.
    store : TradingStore
        Where the intents go, and what became of them.
    """

    def __init__(self, trail: AuditTrail, store: TradingStore) -> None:
        self._trail = trail
        self._store = store
        self._open: dict[str, list[int]] = {}  # client order id -> intents without an outcome
        self._settled: list[tuple[int, IntentState]] = []  # outcomes that are to be written
        self._later: asyncio.TimerHandle | None = None
        self._aside: dict[str, str] = {}  # client order id in the spool -> its status, if told
        self._denials_aside = 0
        # time.monotonic() until which the store is not asked to take what reduces or is denied
        self._try_after = 0.0
        trail.on_fold = self._on_fold

    def write(self, intents: Sequence[Intent]) -> None:
        """Make `intents` durable, all or none; raises `StoreError` when they cannot be."""
        if not intents:
            return
        made = [
            OrderIntent(
                client_order_id=intent.client_order_id,
                command=intent.command,
                body={**intent.body, "reason": intent.reason},
                state="DENIED" if intent.verdict == "denied" else "INTENDED",
            )
            for intent in intents
        ]
        actor = f"strategy:{intents[0].body['strategy']}"
        begun = time.monotonic()
        if begun < self._try_after and (without := self._without(intents)) is not None:
            return without(made, actor, "it could not write a moment ago")
        try:
            numbers = self._trail.intend_many(made, actor=actor)
        except AuditError:
            raise  # another node writes this trader's chain: this one may do nothing more
        except StoreError as error:
            now = time.monotonic()
            self._try_after = now + max(_TRY_AGAIN_S, 2 * (now - begun))
            if (without := self._without(intents)) is None:
                raise
            return without(made, actor, error.rule)
        for intent, number in zip(intents, numbers, strict=True):
            if intent.verdict == "forwarded":
                self._open.setdefault(intent.client_order_id, []).append(number)

    def _without(
        self, intents: Sequence[Intent]
    ) -> Callable[[Sequence[OrderIntent], str, str], None] | None:
        """Return how to go on without the store; None where that may not be."""
        if all(intent.verdict == "denied" for intent in intents):
            return self._deny_without
        reduces = all(intent.reduces and intent.verdict == "forwarded" for intent in intents)
        return self._set_aside if reduces and self._trail.can_set_aside else None

    def _set_aside(self, intents: Sequence[OrderIntent], actor: str, why: str) -> None:
        self._trail.set_aside(intents, actor=actor, why=why)
        log.warning(
            "the store cannot write, %s goes on by the spool: %s",
            ", ".join(intent.client_order_id for intent in intents),
            why,
        )
        for intent in intents:
            self._aside.setdefault(intent.client_order_id, "")

    def _deny_without(self, intents: Sequence[OrderIntent], actor: str, why: str) -> None:
        """Keep a denial that the store cannot take, or count it."""
        if self._trail.can_set_aside and self._denials_aside < _MOST_DENIALS_ASIDE:
            try:
                self._trail.set_aside(intents, actor=actor, why=why)
                self._denials_aside += 1
                return
            except AuditError:
                raise
            except StoreError as error:
                log.error("a denial could not be set aside either: %s", error)
        self._trail.miss("order.denied", actor=actor, why=why, times=len(intents))

    def _on_fold(self, intents: Sequence[OrderIntent], numbers: Sequence[int]) -> None:
        """Take over the numbers of what was set aside, and note what was told of it meanwhile."""
        if intents:
            log.warning("%d intents came from the spool into the journal", len(intents))
        aside, self._aside = self._aside, {}
        self._denials_aside = 0
        for intent, number in zip(intents, numbers, strict=True):
            # those of an earlier life are settled by the venue
            if intent.client_order_id in aside and intent.state == "INTENDED":
                self._open.setdefault(intent.client_order_id, []).append(number)
        for client_order_id, status in aside.items():
            if status:
                self.settle(client_order_id, status)

    def fold(self) -> bool:
        """Bring what was set aside into the journal; returns whether nothing waits now."""
        try:
            self._trail.fold()
        except StoreError as error:
            log.error("what was set aside waits on: %s", error)
            return False
        return True

    def settle(self, client_order_id: str, status: str) -> None:
        """Note what became of an order's intents, by its status at the venue.

        Soon, and with what else there is to note then: on a running loop nothing of it stands on
        the order path. What a process did not come to note before it died is asked of the venue,
        as are the intents without an outcome.
        """
        if client_order_id in self._aside:
            self._aside[client_order_id] = status
        numbers = self._open.pop(client_order_id, None)
        if numbers is None:
            return
        self._settled += [(number, _outcome(status)) for number in numbers]
        if self._later is None and (loop := _running_loop()) is not None:
            self._later = loop.call_later(_SOON_S, self.flush)
        if self._later is None or len(self._settled) >= _MOST_SETTLED:
            self.flush()

    def flush(self) -> None:
        """Write down the outcomes that `settle` was told; raises nothing, and tries again later."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        settled, self._settled = self._settled, []
        if not settled:
            return
        try:
            self._store.mark_many(settled)
        except StoreError:
            log.exception("%d outcomes of intents could not be noted", len(settled))
            self._settled = settled + self._settled

    def settle_earlier(self, statuses: Mapping[str, str]) -> None:
        """Note what became of the intents of earlier epochs.

        `statuses` are those of all orders the venue has; an order that is not among them never
        reached it.
        """
        self.flush()
        mine = {number for numbers in self._open.values() for number in numbers}
        self._store.mark_many(
            (intent.id, _outcome(statuses.get(intent.client_order_id, "REJECTED")))
            for intent in self._store.journal(open_only=True)
            if intent.id not in mine
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _outcome(status: str) -> IntentState:
    return "REJECTED" if status in ("DENIED", "REJECTED") else "ACKNOWLEDGED"
