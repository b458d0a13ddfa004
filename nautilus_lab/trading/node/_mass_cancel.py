"""Cancelling everything at a venue by one message, and going on until it is so."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from nautilus_lab.exceptions import LabError

log = logging.getLogger(__name__)

# A venue that was asked for more than it could answer is not asked again at once.
_AGAIN_S = 2.0


class MassCancels:
    """The mass cancels of a node's venues.

    Parameters
    ----------
    venues : mapping of str to callable
        venue -> what cancels all that works there, whoever sent it, and returns how many orders
        that were: `PaperExecutionClient.cancel_everything`. A venue that has no such thing is left
        out: its orders are cancelled by their names.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(
        self,
        venues: Mapping[str, Callable[[], Awaitable[int]]],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._venues = dict(venues)
        self._now_s = now_s
        self._asking: dict[str, asyncio.Task[None]] = {}  # venue -> the question on its way
        self._due_s: dict[str, float] = {}  # venue that is to be asked again -> when

    def __repr__(self) -> str:
        return f"MassCancels({', '.join(self._venues) or 'no venue'}; {len(self._due_s)} to ask)"

    def begin(self, *, lasting: bool) -> frozenset[str]:
        """Ask every venue now; return which they are.

        A `lasting` one is asked again, with each `go_on`, until it says that nothing was left.
        """
        for venue in self._venues:
            if lasting:
                self._due_s[venue] = self._now_s() + _AGAIN_S
            self._ask(venue)
        return frozenset(self._venues)

    def go_on(self) -> None:
        """Ask again whoever has not said that nothing is left; call it four times a second."""
        for venue, due_s in tuple(self._due_s.items()):
            if self._now_s() >= due_s and venue not in self._asking:
                self._due_s[venue] = self._now_s() + _AGAIN_S
                self._ask(venue)

    def again(self, venue: str) -> None:
        """Have a venue asked with the next `go_on`: it was away, and may have what we know not."""
        if venue in self._venues:
            self._due_s[venue] = self._now_s()

    def end(self) -> None:
        """Ask no more: the trader may send orders again."""
        self._due_s.clear()

    def _ask(self, venue: str) -> None:
        task = asyncio.ensure_future(self._cancel(venue))
        self._asking[venue] = task
        task.add_done_callback(lambda _: self._asking.pop(venue, None))

    async def _cancel(self, venue: str) -> None:
        try:
            cancelled = await self._venues[venue]()
        except LabError as error:
            log.error("the venue %s did not say that it cancelled everything: %s", venue, error)
        except Exception:
            log.exception("the venue %s could not be asked to cancel everything", venue)
        else:
            log.warning("the venue %s cancelled everything: %d orders", venue, cancelled)
            if not cancelled:
                self._due_s.pop(venue, None)
