"""The live journal: intents and their audit rows, in the trader's store."""

from __future__ import annotations

from collections.abc import Sequence

from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import OrderIntent


class StoreJournal:
    """Writes intents and their audit rows in one transaction of the trader's store.

    Parameters
    ----------
    trail : AuditTrail
        The trail of the store that the intents go to.
    """

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def write(self, intents: Sequence[Intent]) -> None:
        """Make `intents` durable, all or none; raises `StoreError` when they cannot be."""
        if not intents:
            return
        self._trail.intend_many(
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
