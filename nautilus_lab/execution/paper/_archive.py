"""Where a paper book looks up what it need not hold in memory any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from nautilus_lab.execution.paper._money import Balances
from nautilus_lab.execution.paper._wire import VenueFill, VenueOrder


class Archive(Protocol):
    """Every order and fill there ever was, as of the last event that was made durable."""

    def order(self, *, client_order_id: str = "", venue_order_id: str = "") -> VenueOrder | None:
        """Return one order by either of its ids; None when there never was one."""

    def orders(self, since_ns: int) -> list[VenueOrder]:
        """Return the orders that changed at `since_ns` or later, in the order they came."""

    def fills(self, since_ns: int) -> list[VenueFill]:
        """Return the fills at `since_ns` or later, oldest first."""

    def fills_of(self, venue_order_id: str) -> list[VenueFill]:
        """Return the fills of one order, oldest first."""


class BookState(msgspec.Struct, frozen=True, kw_only=True):
    """What a book with an archive goes on with.

    Attributes
    ----------
    seq, orders, fills : int
        The last event, and how many orders and fills there were.
    balances : Balances
        Cash and positions.
    working : sequence of VenueOrder
        What may still fill, in the order it came.
    """

    seq: int
    orders: int
    fills: int
    balances: Balances
    working: Sequence[VenueOrder]
