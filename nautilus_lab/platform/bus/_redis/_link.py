"""Keeping a connection: open it, work until it breaks, wait, open it again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.connection import (
    Backoff,
    BreakerState,
    CircuitBreaker,
    ConnectionState,
)

_log = logging.getLogger(__name__)

# A connection that lasted so long was a good one: the next waits begin small again.
_GOOD_S = 5.0

Session = Callable[[], Awaitable[None]]


class Link:
    """The life of a connection, with the five states.

    The breaker counts attempts to connect. After so many in a row the state is ERROR: what used
    the link goes on without it, and one probe is made every so often, or when `reconnect` says
    that somebody has mended it.

    Parameters
    ----------
    name : str
        What is connected to, without secrets; for the log.
    backoff : Backoff
        The waits between attempts.
    breaker : CircuitBreaker
        Counts failures and allows probes.
    on_state : callable
        Told each new state.
    """

    def __init__(
        self,
        name: str,
        *,
        backoff: Backoff,
        breaker: CircuitBreaker,
        on_state: Callable[[ConnectionState], object],
    ) -> None:
        self.state = ConnectionState.DISCONNECTED
        self.trouble = ""
        self._name = name
        self._backoff = backoff
        self._breaker = breaker
        self._on_state = on_state
        self._again = asyncio.Event()

    async def keep(self, connect: Session, work: Session, disconnect: Session) -> None:
        """Connect, work and disconnect, for ever; ends by being cancelled.

        `connect` and `work` raise a `LabError` when the connection is not to be had or broke.
        """
        loop = asyncio.get_running_loop()
        waits = self._waits()
        connected_before = False
        while True:
            # While given up, only a probe is made; a breaker that was reset says otherwise.
            if (
                self.state is not ConnectionState.ERROR
                or self._breaker.state is BreakerState.CLOSED
            ):
                self.enter(
                    ConnectionState.RECONNECTING if connected_before else ConnectionState.CONNECTING
                )
            try:
                try:
                    with self._breaker.admit():
                        await connect()
                    connected_before, began = True, loop.time()
                    self.trouble = ""
                    self.enter(ConnectionState.CONNECTED)
                    await work()
                finally:
                    await disconnect()
            except LabError as error:
                if self.trouble != str(error):
                    _log.warning("%s: %s", self._name, error)
                self.trouble = str(error)
            except Exception as error:
                # A fault of ours must not end the bus, nor pass unseen.
                _log.exception("%s: the connection's work failed", self._name)
                self.trouble = repr(error)
            if self.state is ConnectionState.CONNECTED:
                self.enter(ConnectionState.RECONNECTING)
                if loop.time() - began >= _GOOD_S:
                    waits = self._waits()
            if self._breaker.state is BreakerState.OPEN:
                if self.state is not ConnectionState.ERROR:
                    _log.error("%s: given up; a probe follows now and then", self._name)
                    self.enter(ConnectionState.ERROR)
                waits = self._waits()
                await self._pause(self._breaker.opens_in_s)
            else:
                await self._pause(next(waits))

    def reconnect(self) -> None:
        """Try again at once, with a full number of attempts."""
        self._breaker.reset()
        self._again.set()

    def enter(self, state: ConnectionState) -> None:
        """Be in `state` and tell it, when it is another than before."""
        if state is self.state:
            return
        self.state = state
        try:
            self._on_state(state)
        except Exception:
            _log.exception("the handler of connection states failed")

    async def _pause(self, seconds: float) -> None:
        self._again.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._again.wait()

    def _waits(self) -> itertools.chain[float]:
        return itertools.chain(self._backoff, itertools.repeat(self._backoff.cap_s))
