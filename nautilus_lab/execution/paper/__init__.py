"""The paper venue: a simulated broker in a process of its own, with a durable book."""

from nautilus_lab.execution.paper._book import PaperBook
from nautilus_lab.execution.paper._client import PaperVenueClient
from nautilus_lab.execution.paper._ledger import Ledger
from nautilus_lab.execution.paper._replay import Instant, Replay
from nautilus_lab.execution.paper._server import PaperVenue
from nautilus_lab.execution.paper._wire import (
    Account,
    CancelOrder,
    Fills,
    GetAccount,
    ListFills,
    ListOrders,
    ListPositions,
    ListSymbols,
    NewOrder,
    Orders,
    Positions,
    Symbols,
    Tape,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueQuote,
)

__all__ = [
    "Account",
    "CancelOrder",
    "Fills",
    "GetAccount",
    "Instant",
    "Ledger",
    "ListFills",
    "ListOrders",
    "ListPositions",
    "ListSymbols",
    "NewOrder",
    "Orders",
    "PaperBook",
    "PaperVenue",
    "PaperVenueClient",
    "Positions",
    "Replay",
    "Symbols",
    "Tape",
    "VenueAccount",
    "VenueEvent",
    "VenueFill",
    "VenueOrder",
    "VenuePosition",
    "VenueQuote",
]
