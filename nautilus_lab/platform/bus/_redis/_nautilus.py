"""Following the stream that a Nautilus node writes by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import BusError, LabError
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._foreign import NautilusDecoder, NautilusMessage
from nautilus_lab.platform.bus._redis._link import Link
from nautilus_lab.platform.bus._redis._stream import entry
from nautilus_lab.platform.bus._redis._tail import Tail
from nautilus_lab.platform.bus._redis._wire import Wire
from nautilus_lab.platform.connection import Backoff, CircuitBreaker, ConnectionState
from nautilus_lab.platform.telemetry import LimitedLog

_log = logging.getLogger(__name__)


class NautilusStream:
    """The external stream of a Nautilus node, ours or anybody's, decoded once.

    The node is told to write it by its `MessageBusConfig`: a `database`, a `streams_prefix`, and
    ``stream_per_topic=False``.

    Parameters
    ----------
    settings : BusSettings
        Where the Redis is (`url`), and the times it is given; `stream` is not used.
    deliver : callable
        Called on the running loop with each `NautilusMessage`; returns at once.
    trader : str
        The node's trader id.
    prefix : str, default="stream"
        Its `streams_prefix`.
    after : str, optional
        Go on after this entry (`last_id` of an earlier one). From ``"0-0"`` on every order is
        known; from the end of the stream, where it begins when not given, those that begin later.
    on_state : callable, optional
        Told each new `ConnectionState`.

    Raises
    ------
    ConfigError
        When the address is none.
    BusError
        When no event loop runs.
    """

    def __init__(
        self,
        settings: BusSettings,
        deliver: Callable[[NautilusMessage], object],
        *,
        trader: str,
        prefix: str = "stream",
        after: str | None = None,
        on_state: Callable[[ConnectionState], object] = lambda state: None,
    ) -> None:
        self.address = RedisAddress.parse(settings.url)
        self.key = f"trader-{trader}:{prefix}"
        self._timeout_s = settings.timeout_ms / 1e3
        self._deliver = deliver
        self._decoder = NautilusDecoder()
        self._refused = LimitedLog(_log)
        self._tail = Tail(self.key, after=after, timeout_s=self._timeout_s)
        self._wire: Wire | None = None
        self._link = Link(
            str(self.address),
            backoff=Backoff(base_s=0.2, cap_s=5.0, attempts=settings.attempts),
            breaker=CircuitBreaker(failures=settings.attempts, open_s=settings.probe_s),
            on_state=on_state,
        )
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise BusError(
                "a stream is followed on a running event loop, and none runs here",
                value=self.key,
                remedy="make it inside a coroutine",
            ) from None
        self._task = loop.create_task(
            self._link.keep(self._connect, self._work, self._disconnect), name=f"follow {self.key}"
        )

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._link.state

    @property
    def last_id(self) -> str | None:
        """The last entry that was delivered."""
        return self._tail.last_id

    @property
    def refused(self) -> int:
        """How many entries were none of Nautilus'."""
        return self._refused.total

    @property
    def repeated(self) -> int:
        """How many events came a second time and were left out."""
        return self._decoder.repeated

    def reconnect(self) -> None:
        """Try to connect at once, also after ERROR."""
        self._link.reconnect()

    def close(self) -> None:
        """Let go of Redis; calling it twice is harmless."""
        self._task.cancel()
        self._link.enter(ConnectionState.DISCONNECTED)

    def __repr__(self) -> str:
        return f"NautilusStream({self.key!r}, {str(self.address)!r}, {self.state.value})"

    async def _connect(self) -> None:
        self._wire = await Wire.open(self.address, key=self.key, timeout_s=self._timeout_s)
        await self._tail.find(self._wire)

    async def _disconnect(self) -> None:
        if self._wire is not None:
            wire, self._wire = self._wire, None
            await wire.close()

    async def _work(self) -> None:
        assert self._wire is not None
        await self._tail.read(self._wire, self._take)

    def _take(self, identity: str, pairs: list[bytes]) -> None:
        try:
            message = self._decoder.decode(identity, entry(pairs))
        except LabError as error:
            self._refused.warning("entry %s of %s was refused: %s", identity, self.key, error)
            return
        if message is None:
            return
        try:
            self._deliver(message)
        except Exception:
            _log.exception("the handler of %s failed", self.key)
