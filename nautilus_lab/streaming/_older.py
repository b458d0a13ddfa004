"""Events from before what a picture remembers, for viewers who come back after long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.streaming._picture import Picture

Position: TypeAlias = tuple[int, int]  # (epoch, seq)
# Returns a page of the stored events after a position, oldest first; an empty one at the end.
Ask: TypeAlias = Callable[[Position], Awaitable[Sequence[Envelope]]]

MOST = 20_000  # events fetched for one who comes back; more are not resumed
_KEPT_S = 60.0


class OlderEvents:
    """What was fetched from the node's store, for all who come back at about the same time.

    Parameters
    ----------
    picture : Picture
        Whose memory they go before.
    ask : callable
        Asks the node.
    """

    def __init__(self, picture: Picture, ask: Ask) -> None:
        self._picture = picture
        self._ask = ask
        self._since: Position = (0, 0)
        self._until: Position = (0, 0)  # the events after `since` up to here are kept
        self._events: list[Envelope] = []
        self._one_at_a_time = asyncio.Lock()
        self._forgetting: asyncio.TimerHandle | None = None

    def lacks(self, position: Position) -> bool:
        """Whether events after `position` are neither in the picture nor here."""
        since = self._picture.since
        if since is None or position >= since:
            return False
        return not (self._since <= position and since <= self._until)

    def after(self, position: Position) -> list[Envelope] | None:
        """Return the events after `position` that the picture no longer has; None if unknown."""
        since = self._picture.since
        if since is None or position >= since or self.lacks(position):
            return None
        return [e for e in self._events if position < (e.epoch, e.seq or 0) <= since]

    async def fetch(self, position: Position) -> None:
        """Fetch what is lacking after `position`.

        Raises
        ------
        NodeError
            When it is too much, or the store no longer has all of it.
        LabError
            When the node does not answer.
        """
        async with self._one_at_a_time:
            if not self._since <= position <= self._until:
                self._since = self._until = position
                self._events = []
            while self.lacks(position):
                await self._fetch_page()
            self._keep_for_a_while()

    def forget(self) -> None:
        """Drop what was fetched."""
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        self._since = self._until = (0, 0)
        self._events = []

    async def _fetch_page(self) -> None:
        page = await self._ask(self._until)
        wanted = self._picture.since or (0, 0)
        older = [event for event in page if (event.epoch, event.seq or 0) <= wanted]
        positions = [self._until, *((event.epoch, event.seq or 0) for event in older)]
        for before, now in pairwise(positions):
            # A new epoch begins at 1; where the one before it ended only the store knows.
            if now not in ((before[0], before[1] + 1), (max(now[0], before[0] + 1), 1)):
                raise NodeError(
                    "the node's store must hold every event after a point", value=(before, now)
                )
        if len(self._events) + len(older) > MOST:
            raise NodeError(f"at most {MOST} events are replayed", value=self._since)
        self._events += older
        # A page that goes beyond what is wanted, or is empty, was the last one.
        self._until = wanted if len(older) < len(page) or not page else positions[-1]

    def _keep_for_a_while(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = asyncio.get_running_loop().call_later(_KEPT_S, self.forget)
