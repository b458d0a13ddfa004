"""Bringing back the orders of an earlier life: the journal is the truth, the venue is asked."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.events import OrderInitialized, OrderRejected, OrderSubmitted
from nautilus_trader.model.identifiers import AccountId, ClientOrderId
from nautilus_trader.model.orders import Order
from nautilus_trader.model.orders.unpacker import OrderUnpacker

from nautilus_lab.platform.store import JournalRow

log = logging.getLogger(__name__)

_SUBMIT = "submit"


class Recovery:
    """Puts every order the gate ever forwarded into Nautilus' cache before the node starts.

    Each comes back as its strategy made it, as submitted and no further. Nautilus then asks the
    venue and plays what happened to it from there, so that its fills and positions belong to the
    strategy that sent it; what the venue does not have is rejected by `reject_unknown`.

    Parameters
    ----------
    cache : Cache
        The cache of a node that does not run yet.
    accounts : mapping of str to str
        venue -> account id.
    """

    def __init__(self, cache: Any, accounts: dict[str, str]) -> None:
        self._cache = cache
        self._accounts = accounts
        self._restored: list[ClientOrderId] = []

    def restore(self, journal: Iterable[JournalRow]) -> int:
        """Put the forwarded orders of `journal` into the cache; returns how many there are."""
        for intent in journal:
            if intent.command == _SUBMIT and intent.state != "DENIED" and "order" in intent.body:
                self._restore(json.loads(str(intent.body["order"])))
        return len(self._restored)

    def _restore(self, values: dict[str, Any]) -> None:
        initialised = OrderInitialized.from_dict(values)
        if self._cache.order_exists(initialised.client_order_id):
            return
        order = OrderUnpacker.from_init(initialised)
        account = self._accounts.get(order.instrument_id.venue.value)
        if account is None:
            log.error("order %s is of a venue that is gone", order.client_order_id)
            return
        order.apply(
            OrderSubmitted(
                order.trader_id,
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                AccountId(account),
                UUID4(),
                order.ts_init,
                order.ts_init,
            )
        )
        self._cache.add_order(order)
        self._restored.append(order.client_order_id)

    def reject_unknown(self, process: Any, now_ns: int) -> list[str]:
        """Have Nautilus reject what is still as it was restored: no venue has it.

        Parameters
        ----------
        process : callable
            Takes an order event: the endpoint ``ExecEngine.process``.
        now_ns : int
            UNIX ns.
        """
        rejected = []
        for client_order_id in self._restored:
            order: Order = self._cache.order(client_order_id)
            if order.status_string() != "SUBMITTED":
                continue
            process(
                OrderRejected(
                    order.trader_id,
                    order.strategy_id,
                    order.instrument_id,
                    client_order_id,
                    order.account_id,
                    "it never reached the venue",
                    UUID4(),
                    now_ns,
                    now_ns,
                    True,
                )
            )
            rejected.append(str(client_order_id.value))
        return rejected
