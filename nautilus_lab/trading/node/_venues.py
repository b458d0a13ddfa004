"""What the venues have, held against what we have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nautilus_lab.exceptions import NodeError
from nautilus_lab.execution.paper import (
    Account,
    Fills,
    GetAccount,
    ListFills,
    ListOrders,
    ListPositions,
    Orders,
    PaperVenueClient,
    Positions,
)
from nautilus_lab.platform.messages import OrderFilled
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._accounts import Accounts, venue_of

_CENT = 0.01


class Venues:
    """The venues of one trader, as their own books say.

    Parameters
    ----------
    clients : mapping of str to PaperVenueClient
        venue -> its client, connected.
    """

    def __init__(self, clients: Mapping[str, PaperVenueClient]) -> None:
        self.clients = dict(clients)

    async def deposits(self) -> dict[str, float]:
        """Return what was ever paid in at each venue, USD."""
        answers = await asyncio.gather(
            *(client.request(GetAccount(), Account) for client in self.clients.values())
        )
        return {
            venue: float(answer.account.deposited)
            for venue, answer in zip(self.clients, answers, strict=True)
        }

    async def order_statuses(self) -> dict[str, str]:
        """Return client order id -> status of every order that any venue has."""
        answers = await asyncio.gather(
            *(client.request(ListOrders(), Orders) for client in self.clients.values())
        )
        return {o.client_order_id: o.status for answer in answers for o in answer.orders}

    async def require_same_books(self, store: TradingStore) -> None:
        """Refuse venues whose books are not the ones that our fills are from.

        Trade ids begin again in a new book: fills would be taken for old ones.
        """
        theirs = {}
        for venue, client in self.clients.items():
            for fill in (await client.request(ListFills(), Fills)).fills:
                theirs[venue, fill.trade_id] = fill.client_order_id
        for told in store.fills():
            ours = told.body
            assert isinstance(ours, OrderFilled)
            found = theirs.get((venue_of(ours.instrument), ours.trade_id))
            if found != ours.client_order_id:
                raise NodeError(
                    "the venue's book must hold every fill that the store has",
                    value=f"trade {ours.trade_id} of order {ours.client_order_id}",
                    remedy="restore the venue's book, or begin anew: move the run directory away",
                )

    async def differences(self, accounts: Accounts) -> list[str]:
        """Return the instruments, and ``cash``, of which a venue has another amount than we do."""
        differing = set()
        for venue, client in self.clients.items():
            positions = (await client.request(ListPositions(), Positions)).positions
            account = (await client.request(GetAccount(), Account)).account
            theirs = {f"{p.symbol}.{venue}": float(p.quantity) for p in positions}
            book = accounts.at[venue]
            ours = {name: book[name].quantity for name in book.instruments if book[name].quantity}
            differing |= {n for n in ours.keys() | theirs if ours.get(n) != theirs.get(n)}
            if not abs(accounts.cash_at(venue) - float(account.cash)) < _CENT:
                differing.add(f"cash at {venue}")
        return sorted(differing)
