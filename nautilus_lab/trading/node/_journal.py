"""The live journal: intents and their audit rows, in the trader's store."""

from __future__ import annotations

from collections.abc import Sequence

from nautilus_lab.execution import Intent
from nautilus_lab.platform.audit import AuditTrail


class StoreJournal:
    """Writes each intent and its audit row in one transaction of the trader's store.

    Parameters
    ----------
    trail : AuditTrail
        The trail of the store that the intents go to.
    """

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def write(self, intents: Sequence[Intent]) -> None:
        """Make `intents` durable; raises `StoreError` when they cannot be."""
        for intent in intents:
            self._trail.intend(
                client_order_id=intent.client_order_id,
                command=intent.command,
                verdict=intent.verdict,
                body={**intent.body, "reason": intent.reason},
                actor=f"strategy:{intent.body['strategy']}",
            )
