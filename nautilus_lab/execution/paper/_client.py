"""The node's side of the paper venue: requests with deadlines, events without gaps."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable

import zmq
import zmq.asyncio

from nautilus_lab.exceptions import (
    DeadlineExceeded,
    LabError,
    MessageError,
    NodeError,
    NotReachable,
)
from nautilus_lab.execution.paper._wire import (
    Ask,
    Hello,
    Push,
    Refused,
    Request,
    Say,
    Tape,
    VenueEvent,
    Welcome,
    pack,
    unpack_answer,
    unpack_tape,
)
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.telemetry import LimitedLog

log = logging.getLogger(__name__)

_HELLO_EVERY_S = 1.0
_LOST_AFTER_S = 3.0


class PaperVenueClient:
    """A connection to a `PaperVenue` that heals itself.

    Every second it says hello, naming the last event it saw; the venue answers with what was
    missed, so that neither a lost push nor a restart of the venue loses an event. Events come
    to `on_event` once each, in order. Should another book answer in place of the one it knows,
    its numbers mean nothing here: the state is ERROR from then on, and nothing is asked or
    delivered any more.

    Parameters
    ----------
    orders_address, quotes_address : str
        The venue's two sockets.
    on_event : callable, optional
        Called with every `VenueEvent`.
    on_tape : callable, optional
        Called with every `Tape`.
    on_state : callable, optional
        Called with the new `ConnectionState` when it changes.

    Attributes
    ----------
    seq : int, optional
        The last event that was delivered. Set before `connect`, it has the venue tell what came
        after it; otherwise events begin with those that happen from then on.
    """

    def __init__(
        self,
        *,
        orders_address: str,
        quotes_address: str,
        on_event: Callable[[VenueEvent], None] = lambda event: None,
        on_tape: Callable[[Tape], None] = lambda tape: None,
        on_state: Callable[[ConnectionState], None] = lambda state: None,
    ) -> None:
        self._addresses = (orders_address, quotes_address)
        self.on_event = on_event
        self.on_tape = on_tape
        self.on_state = on_state
        self.state = ConnectionState.DISCONNECTED
        self.seq: int | None = None
        self._book = ""  # whose events `seq` counts
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Say]] = {}  # request id -> its answer
        self._tasks: list[asyncio.Task[None]] = []
        self._context: zmq.asyncio.Context | None = None
        self._orders: zmq.asyncio.Socket | None = None
        self._heard = 0.0
        self._behind = asyncio.Event()  # events are missing: the next hello must not wait
        self._unread = LimitedLog(log)

    async def connect(self, timeout_s: float = 5.0) -> None:
        """Connect and say hello.

        Raises
        ------
        NotReachable
            When no venue answers in time; nothing is left open.
        NodeError
            When another book answers than the one it was connected to before.
        """
        if self._tasks:
            return
        self._enter(ConnectionState.CONNECTING)
        self._context = zmq.asyncio.Context()
        self._orders = self._context.socket(zmq.DEALER)
        self._orders.setsockopt(zmq.LINGER, 0)
        # What waits for a venue that is away waits here, where its deadline ends it.
        self._orders.setsockopt(zmq.IMMEDIATE, 1)
        self._orders.connect(self._addresses[0])
        tape = self._context.socket(zmq.SUB)
        tape.setsockopt(zmq.LINGER, 0)
        tape.subscribe(b"")
        tape.connect(self._addresses[1])
        self._tasks = [
            asyncio.create_task(self._read(self._orders), name="paper-venue-answers"),
            asyncio.create_task(self._watch(tape), name="paper-venue-tape"),
        ]
        try:
            await self._hello(timeout_s)
        except DeadlineExceeded:
            await self.close()
            raise NotReachable(
                "the paper venue must be running",
                value=self._addresses[0],
                remedy="start the node through its supervisor: nautilus-lab node start",
            ) from None
        except BaseException:
            await self.close()
            raise
        self._tasks.append(asyncio.create_task(self._keep_alive(), name="paper-venue-hello"))

    async def close(self) -> None:
        """Leave; requests that still wait fail, their outcome unknown."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(
                    NotReachable("the paper venue's client must stay open for an answer")
                )
        self._waiting.clear()
        self._orders = None
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None
        self._enter(ConnectionState.DISCONNECTED)

    async def request[T: Say](self, ask: Ask, answer: type[T], *, timeout_s: float = 5.0) -> T:
        """Ask the venue and return its `answer`.

        The venue is told until when there is somebody to answer, and refuses what it reads after
        that: a request that was given up is done before its time is over, or never.

        Raises
        ------
        DeadlineExceeded
            When no answer came: what was asked may or may not have happened.
        NodeError
            When the venue refused, with its reason, or is another one than it was.
        NotReachable
            When the client is not connected.
        """
        if self.state is ConnectionState.ERROR:
            raise self._another_book()
        return await self._ask(ask, answer, timeout_s)

    async def _ask[T: Say](self, ask: Ask, answer: type[T], timeout_s: float) -> T:
        if self._orders is None:
            raise NotReachable(
                "the paper venue's client must be connected first", remedy="await connect()"
            )
        number = next(self._numbers)
        waiting: asyncio.Future[Say] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        deadline_ns = time.time_ns() + int(timeout_s * 1e9)
        request = pack(Request(id=number, ask=ask, deadline_ns=deadline_ns))
        try:
            async with asyncio.timeout(timeout_s):
                await self._orders.send(request)
                said = await waiting
        except TimeoutError:
            raise DeadlineExceeded(
                f"the paper venue must answer within {timeout_s:g} s",
                value=type(ask).__name__,
                remedy="its outcome is unknown: ask for the order before sending it again",
            ) from None
        finally:
            self._waiting.pop(number, None)
        if isinstance(said, Refused):
            raise NodeError(
                "the venue refused", value=said.reason, remedy="mend the request and send it again"
            )
        if not isinstance(said, answer):
            raise MessageError(
                f"the venue must answer {type(ask).__name__} with {answer.__name__}", value=said
            )
        return said

    # --- in the background ----------------------------------------------------------------

    async def _hello(self, timeout_s: float) -> None:
        """Say hello until nothing is missing."""
        while True:
            self._behind.clear()
            welcome = await self._ask(Hello(after_seq=self.seq), Welcome, timeout_s)
            if self.state is ConnectionState.ERROR:
                raise self._another_book()
            self._enter(ConnectionState.CONNECTED)
            if self.seq is None or self.seq >= welcome.seq:
                return

    async def _keep_alive(self) -> None:
        while self.state is not ConnectionState.ERROR:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HELLO_EVERY_S):
                    await self._behind.wait()
            try:
                await self._hello(_HELLO_EVERY_S)
            except DeadlineExceeded:
                if time.monotonic() - self._heard > _LOST_AFTER_S:
                    self._enter(ConnectionState.RECONNECTING)
            except LabError:
                log.exception("the paper venue refused a hello")

    async def _read(self, orders: zmq.asyncio.Socket) -> None:
        while True:
            data = await orders.recv()
            try:
                answer = unpack_answer(data)
            except MessageError as error:
                self._unread.warning("unreadable answer: %s", error)
                continue
            if isinstance(answer, Push):
                self._deliver(answer.event)
                continue
            if isinstance(answer.say, Welcome):
                # Here, and not where it is awaited: pushes that follow it must find it done.
                self._welcome(answer.say)
            if (waiting := self._waiting.get(answer.id)) and not waiting.done():
                waiting.set_result(answer.say)

    async def _watch(self, tape: zmq.asyncio.Socket) -> None:
        while True:
            data = await tape.recv()
            try:
                self.on_tape(unpack_tape(data))
            except MessageError as error:
                self._unread.warning("unreadable tape: %s", error)
            except Exception:
                # One bad quote handler must not end the tape for everybody else.
                log.exception("a tape handler failed")

    def _welcome(self, welcome: Welcome) -> None:
        known = self._book or welcome.book
        if welcome.book != known or welcome.seq < (self.seq or 0):
            log.error("another book answers at %s", self._addresses[0])
            self._enter(ConnectionState.ERROR)
            return
        self._heard = time.monotonic()
        self._book = known
        if self.seq is None:
            self.seq = welcome.seq
        for event in welcome.missed:
            self._deliver(event)

    def _deliver(self, event: VenueEvent) -> None:
        if self.seq is None or event.seq <= self.seq or self.state is ConnectionState.ERROR:
            return
        if event.seq > self.seq + 1:
            # A push was lost: a hello brings this one too, in its place.
            self._behind.set()
            return
        self.seq = event.seq
        try:
            self.on_event(event)
        except Exception:
            log.exception("a venue event handler failed on event %d", event.seq)

    def _another_book(self) -> NodeError:
        return NodeError(
            "a venue must keep the book it told its events from",
            value=self._addresses[0],
            remedy="restore the venue's book, or begin anew: move the run directory away",
        )

    def _enter(self, state: ConnectionState) -> None:
        if state is not self.state:
            self.state = state
            self.on_state(state)
