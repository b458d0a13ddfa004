"""The bus over Redis: events on a stream, states on channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import BusError
from nautilus_lab.platform.bus._base import Handler, Unsubscribe, check_pattern, check_topic
from nautilus_lab.platform.bus._local import LocalBus, closed
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._reader import StreamReader
from nautilus_lab.platform.bus._redis._stream import payload_of
from nautilus_lab.platform.bus._redis._writer import EventSource, StreamWriter
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import AlertRaised, Envelope

StateHandler = Callable[[ConnectionState], object]
AlertHandler = Callable[[AlertRaised], object]


class RedisBus:
    """One end of a bus over Redis; made by `serve` or by `connect`.

    Events are entries of one stream, kept until they are old and every consumer group has them.
    States are published on a channel each and forgotten.

    Attributes
    ----------
    address : RedisAddress
        Where the Redis is; its passwords are not shown.
    """

    def __init__(self, settings: BusSettings) -> None:
        self.address = RedisAddress.parse(settings.url)
        self._local = LocalBus()

    @staticmethod
    def serve(
        settings: BusSettings,
        *,
        source: Callable[[], EventSource] | None = None,
        on_state: StateHandler | None = None,
        on_alert: AlertHandler | None = None,
    ) -> RedisBus:
        """Open a publishing end, of which a Redis may have many.

        A thread of its own does the writing, so `publish` takes microseconds whatever Redis does,
        and raises nothing because of it. Subscriptions made on this end are answered in this
        process.

        Parameters
        ----------
        settings : BusSettings
            The section ``[bus]``.
        source : callable, optional
            Opens a store that has every event before it is published; called, used and closed on
            the bus' thread: ``lambda: TradingStore.open(path, read_only=True)``. With it the
            stream catches up after Redis was away; without it `settings.queue` events are kept.
        on_state : callable, optional
            Told each new `ConnectionState`, on the loop that runs here, else on the bus' thread.
        on_alert : callable, optional
            Told what somebody should look at, likewise.

        Raises
        ------
        ConfigError
            When the address is none, or this Redis evicts keys or is too old.
        AccessDenied
            When it does not let us in.

        A Redis that is not there is no error: the end waits for it.
        """
        return _Publisher(settings, source, on_state, on_alert)

    @staticmethod
    def connect(
        settings: BusSettings,
        *,
        trader: str | None = None,
        after: str | None = None,
        on_state: StateHandler | None = None,
    ) -> RedisBus:
        """Open a reading end; Redis and its publishers may come and go.

        Parameters
        ----------
        settings : BusSettings
            The section ``[bus]``.
        trader : str, optional
            Deliver what is this trader's alone.
        after : str, optional
            Begin after this entry of the stream (`last_id` of an earlier end, ``"0-0"`` for all
            of it), not at its end.
        on_state : callable, optional
            Told each new `ConnectionState`. After CONNECTED, await `ready`, then ask for a
            snapshot: states told in between are not repeated.

        Raises
        ------
        ConfigError
            When the address is none.
        BusError
            When no event loop runs: messages are delivered on it.
        """
        return _Follower(settings, trader, after, on_state)

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        raise NotImplementedError

    @property
    def refused(self) -> int:
        """How many malformed messages this end has refused."""
        return 0

    @property
    def pending(self) -> int:
        """How many published events are not on the stream yet."""
        return 0

    @property
    def trouble(self) -> str:
        """Why there is no connection; empty when there is one. Without secrets."""
        raise NotImplementedError

    @property
    def health(self) -> str:
        """How the bus is, in a few words; without secrets."""
        raise NotImplementedError

    def reconnect(self) -> None:
        """Try to connect at once, also after ERROR."""
        raise NotImplementedError

    def publish(self, envelope: Envelope) -> None:
        """Hand `envelope` to the bus; never waits. See `Bus.publish`."""
        raise BusError(
            "only the serving end publishes",
            value=str(self.address),
            remedy="send a command to the process that serves",
        )

    def subscribe(self, pattern: str, handler: Handler) -> Unsubscribe:
        """Call `handler` with every envelope under `pattern`; the answer ends that."""
        return self._local.subscribe(pattern, handler)

    async def ready(self, timeout_s: float = 2.0) -> None:
        """Return when every subscription made so far is in force; see `Bus.ready`."""

    def close(self) -> None:
        """End every subscription and let go of Redis; calling it twice is harmless."""
        self._local.close()

    def __repr__(self) -> str:
        return f"RedisBus({str(self.address)!r}, {self.state.value})"


class _Publisher(RedisBus):
    def __init__(
        self,
        settings: BusSettings,
        source: Callable[[], EventSource] | None,
        on_state: StateHandler | None,
        on_alert: AlertHandler | None,
    ) -> None:
        super().__init__(settings)
        self._closed = False
        self._writer = StreamWriter(
            self.address,
            settings,
            source=source,
            on_state=_on_this_loop(on_state),
            on_alert=_on_this_loop(on_alert),
        )
        self._writer.start(settings.start_wait_s)

    @property
    def state(self) -> ConnectionState:
        return self._writer.state

    @property
    def pending(self) -> int:
        return self._writer.pending

    @property
    def trouble(self) -> str:
        return self._writer.trouble

    @property
    def health(self) -> str:
        writer = self._writer
        words = [f"redis {writer.state.value}"]
        words += [f"{writer.pending} events behind"] * bool(writer.pending)
        words += [f"{writer.lost} events lost"] * bool(writer.lost)
        words += [f"{writer.gaps} gaps"] * bool(writer.gaps)
        words += [f"{writer.passed} entries trimmed unread"] * bool(writer.passed)
        words += [f"{writer.unreplicated} writes unreplicated"] * bool(writer.unreplicated)
        words += [self.trouble] * bool(self.trouble)
        return ", ".join(words)

    def reconnect(self) -> None:
        self._writer.reconnect()

    def publish(self, envelope: Envelope) -> None:
        check_topic(envelope.topic)
        if self._closed:
            raise closed()
        try:
            payload = payload_of(envelope)
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            raise BusError(f"a message must be encodable: {error}", value=envelope.topic) from None
        self._writer.put(envelope, payload)
        self._local.publish(envelope)

    def close(self) -> None:
        super().close()
        if not self._closed:
            self._closed = True
            self._writer.close()


class _Follower(RedisBus):
    def __init__(
        self,
        settings: BusSettings,
        trader: str | None,
        after: str | None,
        on_state: StateHandler | None,
    ) -> None:
        super().__init__(settings)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise BusError(
                "a bus delivers on a running event loop, and none runs here",
                value=str(self.address),
                remedy="connect inside a coroutine",
            ) from None
        self._reader = StreamReader(
            self.address,
            settings,
            trader=trader,
            after=after,
            deliver=self._local.publish,
            on_state=on_state or (lambda state: None),
        )

    @property
    def state(self) -> ConnectionState:
        return self._reader.state

    @property
    def refused(self) -> int:
        return self._reader.refused

    @property
    def last_id(self) -> str | None:
        """The last entry of the stream that was delivered."""
        return self._reader.last_id

    @property
    def trouble(self) -> str:
        return self._reader.trouble

    @property
    def health(self) -> str:
        return f"redis {self.state.value}" + (f", {self.trouble}" if self.trouble else "")

    def reconnect(self) -> None:
        self._reader.reconnect()

    def subscribe(self, pattern: str, handler: Handler) -> Unsubscribe:
        check_pattern(pattern)
        unsubscribe_here = super().subscribe(pattern, handler)
        unsubscribe_there = self._reader.subscribe(pattern)

        def unsubscribe() -> None:
            unsubscribe_here()
            unsubscribe_there()

        return unsubscribe

    async def ready(self, timeout_s: float = 2.0) -> None:
        await self._reader.ready(timeout_s)

    def close(self) -> None:
        super().close()
        self._reader.close()


def _on_this_loop(handler: Callable[[Any], object] | None) -> Callable[[Any], object]:
    """Return a handler that may be called from any thread, and runs on the loop of this one."""
    if handler is None:
        return lambda told: None
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return handler

    def handle(told: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(handler, told)

    return handle
