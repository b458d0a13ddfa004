"""What the venues have, held against what we have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice

from nautilus_lab.exceptions import NodeError
from nautilus_lab.execution.paper import (
    Account,
    Fills,
    GetAccount,
    Instruments,
    ListFills,
    ListInstruments,
    ListOrders,
    ListPositions,
    Orders,
    PaperVenueClient,
    Positions,
    VenueAccount,
    VenueInstrument,
    VenueOrder,
)
from nautilus_lab.platform.messages import OrderFilled
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._accounts import Accounts, venue_of
from nautilus_lab.trading.node._closing_out import is_close_out

_CENT = 0.01
# A book that is another one has not even the newest fills; older ones need not be asked for.
_COMPARED_FILLS = 1_000
_EARLIER_NS = 60 * 10**9


class Venues:
    """The venues of one trader, as their own books say.

    Parameters
    ----------
    clients : mapping of str to PaperVenueClient
        venue -> its client, connected.
    """

    def __init__(self, clients: Mapping[str, PaperVenueClient]) -> None:
        self.clients = dict(clients)

    async def instruments(self) -> dict[str, list[VenueInstrument]]:
        """Return what can be traded at each venue, and on which terms."""
        answers = await asyncio.gather(
            *(client.request(ListInstruments(), Instruments) for client in self.clients.values())
        )
        return {v: a.instruments for v, a in zip(self.clients, answers, strict=True)}

    async def accounts(self) -> dict[str, VenueAccount]:
        """Return each venue's statement."""
        answers = await asyncio.gather(
            *(client.request(GetAccount(), Account) for client in self.clients.values())
        )
        return {v: a.account for v, a in zip(self.clients, answers, strict=True)}

    async def orders(self, since_ns: int) -> dict[str, VenueOrder]:
        """Return client order id -> order, of all that changed since at any venue."""
        asked = ListOrders(since_ns=since_ns)
        answers = await asyncio.gather(
            *(client.request(asked, Orders) for client in self.clients.values())
        )
        return {order.client_order_id: order for answer in answers for order in answer.orders}

    async def closed_out(self, since_ns: int) -> list[tuple[str, VenueOrder]]:
        """Return venue and order of all by which a venue itself closed positions since."""
        asked = ListOrders(since_ns=since_ns)
        return [
            (venue, order)
            for venue, client in self.clients.items()
            for order in (await client.request(asked, Orders)).orders
            if is_close_out(order)
        ]

    async def require_same_books(self, store: TradingStore) -> None:
        """Refuse venues whose books are not the ones that our fills are from.

        Trade ids begin again in a new book: fills would be taken for old ones.
        """
        ours = list(islice(reversed(store.fills()), _COMPARED_FILLS))
        if not ours:
            return
        asked = ListFills(since_ns=max(0, ours[-1].ts - _EARLIER_NS))
        theirs = {}
        for venue, client in self.clients.items():
            for fill in (await client.request(asked, Fills)).fills:
                theirs[venue, fill.trade_id] = fill.client_order_id
        for told in ours:
            mine = told.body
            assert isinstance(mine, OrderFilled)
            venue = venue_of(mine.instrument)
            if venue in self.clients and theirs.get((venue, mine.trade_id)) != mine.client_order_id:
                raise NodeError(
                    "the venue's book must hold every fill that the store has",
                    value=f"trade {mine.trade_id} of order {mine.client_order_id} at {venue}",
                    remedy="restore the venue's book, or begin anew: move the run directory away",
                )

    async def differences(
        self, venue: str, accounts: Accounts, held: Callable[[], Mapping[str, float]]
    ) -> set[str]:
        """Return what a venue has another amount of than we do, and at which of us.

        Each of its answers is compared as it comes: fills go on meanwhile.

        Parameters
        ----------
        venue : str
            Its name.
        accounts : Accounts
            Our own books.
        held : callable
            Returns instrument -> signed units, as strategies and the gate see them.
        """
        client = self.clients[venue]
        positions = (await client.request(ListPositions(), Positions)).positions
        theirs = {f"{p.symbol}.{venue}": float(p.quantity) for p in positions}
        book = accounts.at[venue]
        ours = {name: book[name].quantity for name in book.instruments}
        seen = {name: units for name, units in held().items() if venue_of(name) == venue}
        differing = set()
        for one in (ours, seen):
            names = theirs.keys() | one
            differing |= {n for n in names if one.get(n, 0.0) != theirs.get(n, 0.0)}
        account = (await client.request(GetAccount(), Account)).account
        if not abs(accounts.cash_at(venue) - float(account.cash)) < _CENT:
            differing.add(f"cash at {venue}")
        return differing
