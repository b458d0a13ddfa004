"""The live journal: intents and their audit rows, in the trader's store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import IntentState, OrderIntent, TradingStore

log = logging.getLogger(__name__)

_SOON_S = 0.05
_MOST_SETTLED = 256


class StoreJournal:
    """Writes intents and their audit rows in one transaction of the trader's store.

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

    def write(self, intents: Sequence[Intent]) -> None:
        """Make `intents` durable, all or none; raises `StoreError` when they cannot be."""
        if not intents:
            return
        numbers = self._trail.intend_many(
            [
                OrderIntent(
                    client_order_id=intent.client_order_id,
                    command=intent.command,
                    body={**intent.body, "reason": intent.reason},
                    state="DENIED" if intent.verdict == "denied" else "INTENDED",
                )
                for intent in intents
            ],
            actor=f"strategy:{intents[0].body['strategy']}",
        )
        for intent, number in zip(intents, numbers, strict=True):
            if intent.verdict == "forwarded":
                self._open.setdefault(intent.client_order_id, []).append(number)

    def settle(self, client_order_id: str, status: str) -> None:
        """Note what became of an order's intents, by its status at the venue.

        Soon, and with what else there is to note then: on a running loop nothing of it stands on
        the order path. What a process did not come to note before it died is asked of the venue,
        as are the intents without an outcome.
        """
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
