"""What an earlier life of a node left behind: remembered, brought back, settled with the venues."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from nautilus_trader.live.node import TradingNode

from nautilus_lab.execution.gate import Book
from nautilus_lab.execution.paper import VenueOrder
from nautilus_lab.platform.messages import Envelope, OrderUpdated
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._closing_out import who_is_closed
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._history import History
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._recovery import Recovery
from nautilus_lab.trading.node._venues import Venues


class EarlierLife:
    """Carries a node on from where its store says that it ended.

    First `remember`, when there is a desk; then `bring_back`, before the node runs; then `settle`,
    once it does.

    Parameters
    ----------
    store : TradingStore
        What was told and intended.
    journal : StoreJournal
        What is waiting for its outcome.
    desk : Desk
        Goes on counting where it was.
    venues : Venues
        Who knows what became of what was open.
    """

    def __init__(
        self, store: TradingStore, journal: StoreJournal, desk: Desk, venues: Venues
    ) -> None:
        self._store = store
        self._journal = journal
        self._desk = desk
        self._venues = venues
        self._stored: tuple[Envelope, ...] = ()  # orders, the latest first; while it starts
        self._closed_out: list[tuple[str, VenueOrder]] = []  # while no node listened

    def remember(self) -> History:
        """Bring the desk to where the store left it; returns what the venues have told."""
        self._stored, fills = self._store.orders(), self._store.fills()
        waiting = self._store.journal(open_only=True)
        self._history = History.of(
            self._stored, fills, open_since_ns=min((i.ts_ns for i in waiting), default=0)
        )
        for told in fills:
            self._desk.remember_fill(told)
        self._desk.remember_orders(self._stored)
        return self._history

    async def bring_back(self, node: TradingNode) -> None:
        """Put into the cache of a node that does not run yet what an earlier life left open."""
        self._recovery = Recovery(node.cache, self._venues.clients, self._history)
        self._recovery.carry_on(self._desk.trader)
        self._recovery.restore(self._store.journal())
        closed_out = await self._venues.closed_out(self._history.since_ns)
        self._recovery.take_over(self._desk.trader, closed_out, self._whose)

    def _whose(self, venue: str, told: VenueOrder) -> str | None:
        """Return whose position a venue closed, by its order; what is news is noted."""
        known = self._store.order(told.client_order_id)
        if known is not None:
            assert isinstance(known.body, OrderUpdated)
            return known.body.strategy
        self._closed_out.append((venue, told))
        return who_is_closed(told, self._desk.accounts.shares(f"{told.symbol}.{venue}"))

    async def settle(
        self, node: TradingNode, book: Book, on_closed_out: Callable[[str, VenueOrder], None]
    ) -> None:
        """Give what is open still the outcome the venue knows, once the node runs."""
        desk, process = self._desk, partial(node.kernel.msgbus.send, "ExecEngine.process")
        theirs = await self._venues.orders(self._history.since_ns)
        self._recovery.reject_unknown(process, theirs, time.time_ns())
        desk.catch_up(self._stored)
        self._stored = ()
        statuses = {name: order.status for name, order in theirs.items()}
        self._journal.settle_earlier(statuses)
        working = [told.body for told in self._store.orders(working_only=True)]
        desk.settle([b for b in working if isinstance(b, OrderUpdated)], statuses)
        book.rebuild(node.cache)
        for at in desk.accounts.deposits:
            book.set_cash(at, desk.accounts.cash_at(at))
        for strategy, own in desk.accounts.of.items():
            book.set_strategy_cash(strategy, own.cash_flow)
        for venue, told in self._closed_out:
            on_closed_out(venue, told)
