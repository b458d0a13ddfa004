"""Holding our book against the venues', again and again while the node trades."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from nautilus_lab.exceptions import LabError
from nautilus_lab.trading.node._condition import NodeCondition

# In a busy market some fill is always on its way: what agrees at any of these looks is no
# difference.
_LOOKS = 20
_LOOK_AGAIN_S = 0.1
# So many rounds in a row.
_DIFFERENT = 2

_BOOK = "book"
_AWAY = "reconciliation"


class Reconciliation:
    """Brings orders to what the venues say of them, and degrades a node whose book differs.

    Each venue is asked by itself: one that is away keeps none of the others from being looked at.

    Parameters
    ----------
    catch_up : mapping of str to callable
        venue -> what brings its quiet orders up to date and returns those that it does not know:
        `PaperExecutionClient.catch_up`.
    differences : callable
        Takes a venue and returns what it has another amount of than we do: `Venues.differences`.
    condition : NodeCondition
        Told what is amiss.
    look_again_s : float, default=0.1
        Seconds between two looks at what differs.
    on_found : callable, optional
        Called with all that differs once it is known to; with nothing when all agrees.
    """

    def __init__(
        self,
        catch_up: Mapping[str, Callable[[], Awaitable[list[str]]]],
        differences: Callable[[str], Awaitable[set[str]]],
        condition: NodeCondition,
        *,
        look_again_s: float = _LOOK_AGAIN_S,
        on_found: Callable[[frozenset[str]], None] = lambda differing: None,
    ) -> None:
        self._catch_up = dict(catch_up)
        self._differences = differences
        self._condition = condition
        self._look_again_s = look_again_s
        self._on_found = on_found
        self._rounds = 0  # in a row in which something differed

    async def look(self) -> None:
        """Ask every venue once."""
        away, differing = [], []
        for answer in await asyncio.gather(*map(self._ask, self._catch_up)):
            if isinstance(answer, LabError):
                away.append(str(answer))
            else:
                differing += answer
        if away:
            self._condition.amiss(_AWAY, "; ".join(away))
        else:
            self._condition.mended(_AWAY)
        if differing:
            self._rounds += 1
            if self._rounds >= _DIFFERENT:
                self._condition.amiss(_BOOK, f"not as the venue has it: {', '.join(differing)}")
                self._on_found(frozenset(differing))
        elif not away:  # of one that is away nobody knows
            self._rounds = 0
            self._condition.mended(_BOOK)
            self._on_found(frozenset())

    async def _ask(self, venue: str) -> list[str] | LabError:
        try:
            unknown = await self._catch_up[venue]()
            return [*unknown, *sorted(await self._differing(venue))]
        except LabError as error:
            return error

    async def _differing(self, venue: str) -> set[str]:
        differing = await self._differences(venue)
        for _ in range(_LOOKS):
            if not differing:
                break
            await asyncio.sleep(self._look_again_s)
            differing &= await self._differences(venue)
        return differing
