"""Our book held against what the venues have."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._agreement import Agreed, Agreement
from nautilus_lab.trading.node._venues import Venues

_AGREE_S = 3.0


class Comparison:
    """Holds orders, positions and cash of a node against what its venues say of them.

    Parameters
    ----------
    venues : Venues
        Who is asked.
    accounts : Accounts
        What we believe is at each venue.
    cache : Cache
        What we believe is held and working.
    """

    def __init__(self, venues: Venues, accounts: Accounts, cache: Any) -> None:
        self._venues = venues
        self._accounts = accounts
        self._cache = cache

    async def check(self) -> Agreed:
        """Hold orders, positions and cash against what the venues say now."""
        return await Agreement(self._venues.clients, self._cache, self.differences).check()

    async def differences(self, venue: str) -> set[str]:
        """Return what a venue has another amount of than we do."""
        return await self._venues.differences(venue, self._accounts, self._held)

    def _held(self) -> dict[str, float]:
        held: dict[str, float] = {}
        for position in self._cache.positions_open():
            name = position.instrument_id.value
            held[name] = held.get(name, 0.0) + position.signed_qty
        return held

    async def lasting(self) -> set[str]:
        """Return what all venues have another amount of for longer than a fill is on its way."""
        deadline = time.monotonic() + _AGREE_S
        differing = await self._all_differences()
        while differing:
            if time.monotonic() > deadline:
                return differing
            await asyncio.sleep(0.1)  # a fill may be on its way
            differing &= await self._all_differences()
        return differing

    async def _all_differences(self) -> set[str]:
        return set().union(*[await self.differences(venue) for venue in self._venues.clients])
