"""Reaching the venues of a node before it is built."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from nautilus_trader.model.instruments import Equity

from nautilus_lab.config import TradingSettings
from nautilus_lab.exceptions import LabError
from nautilus_lab.execution.paper import CancelAll, Orders, PaperVenueClient, VenueAccount
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.rundir import Latch, RunDirectory
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._instruments import instrument
from nautilus_lab.trading.node._venues import Venues

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The venues of a node, and what they say as it begins.

    Attributes
    ----------
    venues : Venues
        Connected.
    statements : dict
        Venue -> the account there.
    instruments : dict
        Venue -> what it trades.
    """

    venues: Venues
    statements: dict[str, VenueAccount]
    instruments: dict[str, list[Equity]]


async def reach_venues(
    stack: AsyncExitStack,
    trading: TradingSettings,
    rundir: RunDirectory,
    store: TradingStore,
    on_state: Callable[[str, ConnectionState], None],
) -> Reached:
    """Connect to all venues until `stack` ends; they must have the books our orders are in.

    Parameters
    ----------
    stack : AsyncExitStack
        Closes the connections.
    trading : TradingSettings
        Which venues, and how long it may take.
    rundir : RunDirectory
        Where they listen.
    store : TradingStore
        Says which books they had.
    on_state : callable
        Called with a venue and how its connection is, whenever that changes.

    Returns
    -------
    Reached

    Raises
    ------
    LabError
        When one does not answer, or has another book.
    """
    clients: dict[str, PaperVenueClient] = {}
    for venue in trading.venues:
        files = rundir.venue_of(venue.name)
        client = clients[venue.name] = PaperVenueClient(
            orders_address=files.orders,
            quotes_address=files.quotes,
            on_state=partial(on_state, venue.name),
        )
        await client.connect(timeout_s=trading.start_timeout_s / 2)
        stack.push_async_callback(client.close)
    venues = Venues(clients)
    statements = await venues.accounts()
    instruments = {
        venue: [instrument(one, venue) for one in told]
        for venue, told in (await venues.instruments()).items()
    }
    await venues.require_same_books(store)
    return Reached(venues=venues, statements=statements, instruments=instruments)


async def pull_if_latched(venues: Venues, latch: Latch) -> None:
    """Finish what an earlier life may not have got to, where the latch says that nothing works on.

    What a trader that may reduce has to cancel, only a node that has its books can tell.
    """
    held = latch.read()
    if held.state == "REDUCE_ONLY" or not held.cancels:
        return
    for venue, client in venues.clients.items():
        try:
            await client.request(CancelAll(), Orders)
        except LabError:
            # It is asked again once the node runs.
            log.exception("what works at %s was not cancelled before the start", venue)
