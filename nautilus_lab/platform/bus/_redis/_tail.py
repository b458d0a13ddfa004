"""Reading a stream from a stored id on, whatever becomes of the stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from nautilus_lab.exceptions import BusError, NotReachable
from nautilus_lab.platform.bus._redis._stream import info, parsed_id
from nautilus_lab.platform.bus._redis._wire import Wire

_log = logging.getLogger(__name__)

_BLOCK_MS = 2_000
# Entries after which the loop gets its turn back.
_BATCH = 256
# How far before the end of another stream one begins: more than two clocks may disagree. What is
# older was taken before, and a fail-over must not cost a reading of a whole day.
_OVERLAP_MS = 3_600_000


class Tail:
    """A place on a stream, which moves with what was taken from it.

    Nothing on the stream is missed by being slow or away, unless it was trimmed. A stream whose
    ids went backwards is another one than before: it was lost in part or whole, or a replica took
    its master's place. It is read from an hour before its end on, so entries may come again.

    Parameters
    ----------
    key : str
        The stream.
    after : str, optional
        The entry to go on after; at the end of the stream when not given.
    timeout_s : float
        How long Redis may take to answer.

    Attributes
    ----------
    last_id : str or None
        The last entry that was taken; None until the end of the stream was found.
    restarts : int
        How often the stream was found to have begun anew.
    """

    def __init__(self, key: str, *, after: str | None, timeout_s: float) -> None:
        self.last_id = after
        self.restarts = 0
        self._key = key
        self._timeout_s = timeout_s

    async def find(self, wire: Wire) -> None:
        """Begin at the end of the stream, or where we were, unless it is another stream now."""
        try:
            told = info(await wire.call("XINFO", "STREAM", self._key))
        except BusError as error:
            if "no such key" not in error.rule:
                raise
            told = {"last-generated-id": b"0-0"}
        last = told["last-generated-id"]
        if self.last_id is None:
            self.last_id = last.decode()
        elif parsed_id(last) < parsed_id(self.last_id):
            _log.warning(
                "%s at %s has begun anew, at %s after %s", self._key, wire.where, last, self.last_id
            )
            self.restarts += 1
            self.last_id = f"{max(0, parsed_id(last)[0] - _OVERLAP_MS)}-0"
        elif parsed_id(told.get("max-deleted-entry-id", b"0-0")) > parsed_id(self.last_id):
            _log.warning(
                "%s at %s: entries after %s were trimmed before this reader had them",
                self._key, wire.where, self.last_id,
            )  # fmt: skip

    async def read(self, wire: Wire, take: Callable[[str, list[bytes]], None]) -> None:
        """Hand over entries (id, field and value in turn) as they come; never returns.

        Raises
        ------
        NotReachable
            When Redis is gone, or the stream has begun anew: readers take a fresh picture then.
        """
        wait_s = _BLOCK_MS / 1e3 + self._timeout_s
        while True:
            assert self.last_id is not None
            answer = await wire.call(
                "XREAD", "COUNT", _BATCH, "BLOCK", _BLOCK_MS, "STREAMS", self._key,
                self.last_id, timeout_s=wait_s,
            )  # fmt: skip
            if not answer:
                restarts = self.restarts
                await self.find(wire)
                if self.restarts != restarts:
                    raise NotReachable("the stream has begun anew", value=self._key)
                continue
            for identity, pairs in answer[0][1]:
                take(identity.decode(), pairs)
                self.last_id = identity.decode()
            await asyncio.sleep(0)
