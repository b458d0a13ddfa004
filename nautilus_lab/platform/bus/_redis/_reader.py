"""Following a Redis: events from where we are on the stream, states as they are told."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import BusError, LabError, NotReachable
from nautilus_lab.platform.bus._local import closed
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._link import Link
from nautilus_lab.platform.bus._redis._stream import Keys, entry, envelope_in, envelope_of
from nautilus_lab.platform.bus._redis._tail import Tail
from nautilus_lab.platform.bus._redis._wire import Wire
from nautilus_lab.platform.connection import Backoff, CircuitBreaker, ConnectionState
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.telemetry import LimitedLog

_log = logging.getLogger(__name__)

# Messages after which the loop gets its turn back.
_BATCH = 256
_MOST_OWNERS = 10_000


class StreamReader:
    """Two connections: one reads the stream from a stored id, one is subscribed to channels.

    The id moves with what was delivered, so nothing on the stream is missed by being slow or
    away, unless it was trimmed; what is told on channels meanwhile is.

    """

    def __init__(
        self,
        address: RedisAddress,
        settings: BusSettings,
        *,
        trader: str | None,
        after: str | None,
        deliver: Callable[[Envelope], None],
        on_state: Callable[[ConnectionState], object],
    ) -> None:
        self._address = address
        self._settings = settings
        self._keys = Keys(settings.stream, settings.channel_prefix)
        self._timeout_s = settings.timeout_ms / 1e3
        self._tail = Tail(self._keys.stream, after=after, timeout_s=self._timeout_s)
        self._trader = trader
        self._deliver = deliver
        self._refused = LimitedLog(_log)
        self._wanted: Counter[str] = Counter()  # glob -> subscriptions
        self._in_force: dict[str, re.Pattern[str]] = {}  # in the order Redis confirmed them
        self._owners: dict[str, str] = {}  # channel -> the glob whose messages are taken
        self._changed = asyncio.Event()
        self._ready: set[asyncio.Future[None]] = set()
        self._stream: Wire | None = None
        self._states: Wire | None = None
        self._link = Link(
            str(address),
            backoff=Backoff(base_s=0.2, cap_s=5.0, attempts=settings.attempts),
            breaker=CircuitBreaker(failures=settings.attempts, open_s=settings.probe_s),
            on_state=on_state,
        )
        self._task = asyncio.get_running_loop().create_task(
            self._link.keep(self._connect, self._work, self._disconnect),
            name=f"follow {address}",
        )

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._link.state

    @property
    def last_id(self) -> str | None:
        """The last entry that was delivered; None until the end of the stream was found."""
        return self._tail.last_id

    @property
    def trouble(self) -> str:
        """Why there is no connection; empty when there is one."""
        return self._link.trouble

    @property
    def refused(self) -> int:
        """How many entries and messages were none of ours."""
        return self._refused.total

    def reconnect(self) -> None:
        """Try again at once."""
        self._link.reconnect()

    def subscribe(self, pattern: str) -> Callable[[], None]:
        """Ask Redis for what falls under `pattern`; the answer takes that back, once."""
        glob = self._keys.glob(pattern)
        self._wanted[glob] += 1
        self._changed.set()
        ended = False

        def unsubscribe() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._wanted[glob] -= 1
                self._wanted += Counter()  # drops what nobody wants
                self._changed.set()

        return unsubscribe

    async def ready(self, timeout_s: float) -> None:
        """Return when Redis has confirmed every subscription."""
        done = asyncio.get_running_loop().create_future()
        self._ready.add(done)
        self._settle()
        try:
            async with asyncio.timeout(timeout_s):
                await done
        except TimeoutError:
            raise NotReachable(
                f"Redis must confirm subscriptions within {timeout_s:g} s",
                value=f"{self._address}: {self.trouble or self.state.value}",
                remedy="check that it runs, and bus.url",
            ) from None
        finally:
            self._ready.discard(done)

    def close(self) -> None:
        """End; calling it twice is harmless."""
        self._task.cancel()
        for done in self._ready:
            if not done.done():
                done.set_exception(closed())
        self._link.enter(ConnectionState.DISCONNECTED)

    # --- the session -------------------------------------------------------------------------

    async def _connect(self) -> None:
        key, timeout_s = self._keys.stream, self._timeout_s
        self._stream = await Wire.open(self._address, key=key, timeout_s=timeout_s)
        self._states = await Wire.open(self._address, key=key, timeout_s=timeout_s)
        await self._tail.find(self._stream)

    async def _disconnect(self) -> None:
        self._in_force.clear()
        self._owners.clear()
        stream, states, self._stream, self._states = self._stream, self._states, None, None
        for wire in (stream, states):
            if wire is not None:
                await wire.close()

    async def _work(self) -> None:
        assert self._stream is not None
        assert self._states is not None
        await _first_to_fail(
            self._tail.read(self._stream, self._take),
            self._listen(self._states),
            self._ask(self._states),
        )

    def _take(self, identity: str, pairs: list[bytes]) -> None:
        fields = entry(pairs)
        if self._trader is not None and fields.get(b"trader") != self._trader.encode():
            return
        try:
            self._deliver(envelope_in(fields))
        except LabError as error:
            self._refused.warning(
                "entry %s of %s was refused: %s", identity, self._keys.stream, error
            )

    async def _ask(self, wire: Wire) -> None:
        """Keep Redis' subscriptions as ours are, and see now and then that it is there."""
        asked: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._wanted)
            for glob in sorted(wanted - asked):
                await wire.send("PSUBSCRIBE", glob)
            for glob in sorted(asked - wanted):
                await wire.send("PUNSUBSCRIBE", glob)
            asked = wanted
            self._settle()
            try:
                async with asyncio.timeout(self._settings.health_s):
                    await self._changed.wait()
            except TimeoutError:
                await wire.send("PING")

    async def _listen(self, wire: Wire) -> None:
        """Deliver the states that are told."""
        silent_s = self._settings.health_s + self._timeout_s
        count = 0
        while True:
            message = await wire.receive(silent_s)
            count += 1
            if not count % _BATCH:
                await asyncio.sleep(0)  # what is buffered is received without waiting
            if not isinstance(message, list):
                continue
            kind, glob, *rest = message
            if kind == b"pmessage":
                self._hear(glob.decode(), rest[0].decode(), rest[1])
            elif kind == b"psubscribe":
                self._in_force[glob.decode()] = _compiled(glob.decode())
                self._owners.clear()
                self._settle()
            elif kind == b"punsubscribe" and glob is not None:
                self._in_force.pop(glob.decode(), None)
                self._owners.clear()
                self._settle()

    def _hear(self, glob: str, channel: str, payload: bytes) -> None:
        """Take a message once, though Redis sends it for every glob it falls under."""
        if channel.startswith("__", len(self._keys.channels)):
            return  # Redis' own: __sentinel__:hello, __keyspace@0__:...; or our probe
        owner = self._owners.get(channel)
        if owner is None:
            owner = next(g for g, matches in self._in_force.items() if matches.fullmatch(channel))
            if len(self._owners) >= _MOST_OWNERS:
                self._owners.clear()
            self._owners[channel] = owner
        if owner != glob:
            return
        try:
            envelope = envelope_of(payload)
            if self._keys.channel(envelope.topic) != channel:
                raise BusError("a message's topic must be its channel's", value=channel)
            if self._trader is None or envelope.trader == self._trader:
                self._deliver(envelope)
        except LabError as error:
            self._refused.warning("a message on %s was refused: %s", channel, error)

    def _settle(self) -> None:
        if self.state is ConnectionState.CONNECTED and self._in_force.keys() == set(self._wanted):
            for done in self._ready:
                if not done.done():
                    done.set_result(None)


async def _first_to_fail(*works: Coroutine[Any, Any, None]) -> None:
    """Run all of them until one ends, end the others, and raise why."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


def _compiled(glob: str) -> re.Pattern[str]:
    """Return a glob of `Keys.glob` as Redis reads it."""
    rest = iter(glob)
    parts = (
        ".*" if mark == "*" else re.escape(next(rest) if mark == "\\" else mark) for mark in rest
    )
    return re.compile("".join(parts), re.DOTALL)
