"""Bringing back the orders of an earlier life: the journal is the truth, the venue is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.enums import OmsType
from nautilus_trader.model.events import OrderRejected, OrderSubmitted
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId
from nautilus_trader.model.orders import Order
from nautilus_trader.model.position import Position

from nautilus_lab.exceptions import MessageError
from nautilus_lab.execution.gate import order_of
from nautilus_lab.execution.paper import VenueOrder
from nautilus_lab.platform.store import JournalRow
from nautilus_lab.trading.node._carrying import carried_fill
from nautilus_lab.trading.node._closing_out import close_out_order
from nautilus_lab.trading.node._execution import account_id_of
from nautilus_lab.trading.node._history import History
from nautilus_lab.trading.node._instruments import instrument_id

log = logging.getLogger(__name__)

_SUBMIT = "submit"


class Recovery:
    """Puts the orders that the gate forwarded into Nautilus' cache before the node starts.

    Only those that work, or are needed by one that does: of all others the positions are carried
    on. Each comes back as its strategy made it, as submitted and no further. Nautilus then asks the
    venue and plays what happened to it from there, so that its fills and positions belong to the
    strategy that sent it; what no venue has is rejected by `reject_unknown`.

    Parameters
    ----------
    cache : Cache
        The cache of a node that does not run yet.
    venues : iterable of str
        Where the node trades now.
    history : History
        The orders that need not come back.
    """

    def __init__(self, cache: Any, venues: Iterable[str], history: History) -> None:
        self._cache = cache
        self._venues = frozenset(venues)
        self._history = history
        self._restored: list[ClientOrderId] = []

    def restore(self, journal: Iterable[JournalRow]) -> int:
        """Put the forwarded orders of `journal` into the cache; returns how many there are."""
        for intent in journal:
            forwarded = intent.command == _SUBMIT and intent.state != "DENIED"
            if forwarded and intent.client_order_id not in self._history.orders:
                self._restore(intent)
        return len(self._restored)

    def carry_on(self, trader: str) -> int:
        """Put the positions that history has left into the cache; returns how many there are."""
        count = 0
        for held in self._history.positions:
            at = InstrumentId.from_str(held.instrument)
            instrument = self._cache.instrument(at)
            if instrument is None:
                log.error("a position in %s is of a venue that is gone", at)
                continue
            fill = carried_fill(held, trader=trader, account_id=account_id_of(at.venue.value))
            self._cache.add_position(Position(instrument, fill), OmsType.NETTING)
            count += 1
        return count

    def take_over(
        self,
        trader: str,
        closed_out: Iterable[tuple[str, VenueOrder]],
        strategy_of: Callable[[str, VenueOrder], str | None],
    ) -> None:
        """Put the orders by which venues closed positions into the cache, as of their strategies.

        Parameters
        ----------
        trader : str
            The trader's id.
        closed_out : iterable of (str, VenueOrder)
            Venue and order.
        strategy_of : callable
            Takes both and returns whose position was closed; None when that is not known.
        """
        for venue, told in closed_out:
            strategy = strategy_of(venue, told)
            if strategy is not None and told.client_order_id not in self._history.orders:
                at, account_id = instrument_id(told.symbol, venue), account_id_of(venue)
                self._cache.add_order(
                    close_out_order(
                        told,
                        trader=trader,
                        strategy=strategy,
                        instrument_id=at,
                        account_id=account_id,
                    )
                )

    def _restore(self, intent: JournalRow) -> None:
        text = intent.body.get("order")
        if not text:
            log.error("order %s was journaled without its facts", intent.client_order_id)
            return
        try:
            order = order_of(str(text))
        except MessageError:
            log.exception("order %s cannot be brought back", intent.client_order_id)
            return
        if self._cache.order_exists(order.client_order_id):
            return
        venue = order.instrument_id.venue.value
        if venue not in self._venues:
            log.error("order %s is of a venue that is gone", order.client_order_id)
            return
        order.apply(
            OrderSubmitted(
                order.trader_id,
                order.strategy_id,
                order.instrument_id,
                order.client_order_id,
                account_id_of(venue),
                UUID4(),
                order.ts_init,
                order.ts_init,
            )
        )
        self._cache.add_order(order)
        self._restored.append(order.client_order_id)

    def reject_unknown(
        self, process: Callable[[Any], None], theirs: Mapping[str, VenueOrder], now_ns: int
    ) -> list[str]:
        """Have Nautilus reject what is still as it was restored and no venue has.

        Parameters
        ----------
        process : callable
            Takes an order event: the endpoint ``ExecEngine.process``.
        theirs : mapping of str to VenueOrder
            client order id -> order, of all that the venues have.
        now_ns : int
            UNIX ns.
        """
        rejected = []
        for client_order_id in self._restored:
            order: Order = self._cache.order(client_order_id)
            told = theirs.get(client_order_id.value)
            # One that the venue has may only be on its way into its book.
            if order.status_string() != "SUBMITTED" or (
                told is not None and told.status != "REJECTED"
            ):
                continue
            process(
                OrderRejected(
                    order.trader_id,
                    order.strategy_id,
                    order.instrument_id,
                    client_order_id,
                    order.account_id,
                    told.reason if told is not None else "it never reached the venue",
                    UUID4(),
                    now_ns,
                    now_ns,
                    True,
                )
            )
            rejected.append(str(client_order_id.value))
        return rejected
