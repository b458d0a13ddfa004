"""The live journal: intents and their audit rows, in the trader's store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import IntentState, OrderIntent, TradingStore


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
        """Note what became of an order's intents, by its status at the venue."""
        for number in self._open.pop(client_order_id, ()):
            self._store.mark(number, _outcome(status))

    def settle_earlier(self, statuses: Mapping[str, str]) -> None:
        """Note what became of the intents of earlier epochs.

        `statuses` are those of all orders the venue has; an order that is not among them never
        reached it.
        """
        mine = {number for numbers in self._open.values() for number in numbers}
        for intent in self._store.journal(open_only=True):
            if intent.id not in mine:
                status = statuses.get(intent.client_order_id, "REJECTED")
                self._store.mark(intent.id, _outcome(status))


def _outcome(status: str) -> IntentState:
    return "REJECTED" if status in ("DENIED", "REJECTED") else "ACKNOWLEDGED"
