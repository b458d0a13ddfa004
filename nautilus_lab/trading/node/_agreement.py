"""Whether our book is the venues', now: orders, positions and cash, asked of each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import LabError
from nautilus_lab.execution.paper import ListOrders, Orders, PaperVenueClient

# In a busy market some fill or cancel is always on its way: what agrees at any of these looks is
# no difference.
_LOOKS = 20
_LOOK_AGAIN_S = 0.1
# For all looks at a venue together: who waits for the answer to a command has ten seconds.
_LONGEST_S = 6.0


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What the venues said when they were asked.

    Attributes
    ----------
    venues : tuple of str
        Those that answered.
    orders : int
        How many orders work at them.
    differences : tuple of str
        What they have another amount of than we do, each in words; and which did not answer.
    """

    venues: tuple[str, ...]
    orders: int
    differences: tuple[str, ...]

    @property
    def green(self) -> bool:
        """Whether all of them answered, and nothing differs."""
        return not self.differences


class Agreement:
    """Holds what we have against what the venues have, freshly each time.

    Parameters
    ----------
    clients : mapping of str to PaperVenueClient
        venue -> its client: ``Venues.clients``.
    cache : Cache
        Our orders.
    money : callable
        Takes a venue and returns the positions and the cash that it has another amount of:
        `Venues.differences`.
    look_again_s : float, default=0.1
        Seconds between two looks at what differs.
    """

    def __init__(
        self,
        clients: dict[str, PaperVenueClient],
        cache: Any,
        money: Callable[[str], Awaitable[set[str]]],
        *,
        look_again_s: float = _LOOK_AGAIN_S,
    ) -> None:
        self._clients = clients
        self._cache = cache
        self._money = money
        self._look_again_s = look_again_s
        self._working: dict[str, int] = {}  # venue -> orders that worked there when it was asked

    async def check(self) -> Agreed:
        """Ask every venue at once; raises nothing that a venue does or fails to do."""
        answers = await asyncio.gather(*map(self._settled, self._clients))
        differences = [text for answer in answers for text in answer]
        answered = tuple(v for v in self._clients if v in self._working)
        working = sum(self._working.values())
        self._working = {}
        return Agreed(venues=answered, orders=working, differences=tuple(differences))

    async def _settled(self, venue: str) -> list[str]:
        try:
            async with asyncio.timeout(_LONGEST_S):
                differing = await self._differing(venue)
                for _ in range(_LOOKS):
                    if not differing:
                        break
                    await asyncio.sleep(self._look_again_s)
                    differing &= await self._differing(venue)
        except LabError as error:
            return [f"{venue} does not say what it has: {error.rule}"]
        except TimeoutError:
            return [f"{venue} does not say what it has within {_LONGEST_S:g} s"]
        return sorted(differing)

    async def _differing(self, venue: str) -> set[str]:
        asked = ListOrders(working_only=True)
        theirs = {
            told.client_order_id: told.leaves
            for told in (await self._clients[venue].request(asked, Orders)).orders
        }
        self._working[venue] = len(theirs)
        ours = {o.client_order_id.value: o.leaves_qty.as_decimal() for o in self._at(venue)}
        differing = {
            f"order {name} works at {venue} and not here" for name in theirs.keys() - ours.keys()
        }
        differing |= {
            f"order {name} works here and not at {venue}" for name in ours.keys() - theirs.keys()
        }
        differing |= {
            f"order {name} has {left:f} left here and {theirs[name]:f} at {venue}"
            for name, left in ours.items()
            if name in theirs and theirs[name] != left
        }
        return differing | {f"{name} is not as {venue} has it" for name in await self._money(venue)}

    def _at(self, venue: str) -> Iterable[Order]:
        for order in self._cache.orders():
            there = order.instrument_id.venue.value == venue
            if there and not order.is_closed and not order.is_active_local:
                yield order
