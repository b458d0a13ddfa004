"""The bus between processes of one machine: ZeroMQ over sockets that are files.

One process serves and publishes, any number connect and read. Frames on the wire: the topic in
UTF-8, then the envelope in msgpack. ZeroMQ filters by prefix at the publisher; the rest of a
pattern is checked by the reader.

A reader asks whether its subscriptions are in force by subscribing to a topic of its own, and
the publisher echoes that topic. ZeroMQ handles the subscriptions of one reader in order, so the
echo proves all earlier ones. On a new connection it sends them sorted by their bytes: a first
byte that UTF-8 does not have keeps the question apart from topics, and last.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import zmq
from zmq.utils.monitor import parse_monitor_message

from nautilus_lab.exceptions import BusError, LabError, MessageError, NotReachable
from nautilus_lab.platform.bus._base import Handler, Unsubscribe, check_topic
from nautilus_lab.platform.bus._local import LocalBus, closed
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import Envelope, decode, encode, new_id
from nautilus_lab.platform.rundir import claim_socket, socket_file
from nautilus_lab.platform.telemetry import LimitedLog

_log = logging.getLogger(__name__)

_PROBE = b"\xffready."
_ASK_AGAIN_S = 0.25
# Messages read before the loop gets its turn back.
_BATCH = 256

StateHandler = Callable[[ConnectionState], object]


class IpcBus:
    """One end of a bus between processes; made by `serve` or by `connect`.

    Each reader has a queue of `queue` messages at the publisher and another of its own; when
    they are full, what follows is dropped for that reader alone.

    Attributes
    ----------
    address : str
        The ``ipc://`` address.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._local = LocalBus()
        self._context = zmq.Context()
        self._state = ConnectionState.DISCONNECTED

    @staticmethod
    def serve(address: str, *, queue: int = 10_000) -> IpcBus:
        """Open the publishing end at `address`.

        Subscriptions made on this end are answered in this process. Within a running event loop
        new readers are answered at once, otherwise at the next `publish`.

        Parameters
        ----------
        address : str
            ``ipc://`` and a path in a folder that is private to its user.
        queue : int, default=10_000
            Messages kept for each reader that is slow.

        Raises
        ------
        InputError, StoreError
            When the address is not one, or its folder is missing or open to others.
        PortBusy
            When a process answers there.
        BusError
            When the socket cannot be bound.
        """
        return _Publisher(address, queue)

    @staticmethod
    def connect(
        address: str, *, queue: int = 10_000, on_state: StateHandler | None = None
    ) -> IpcBus:
        """Open a reading end; the publisher may start later, end, and start again.

        Parameters
        ----------
        address : str
            The address that is or will be served.
        queue : int, default=10_000
            Messages kept while this process is busy.
        on_state : callable, optional
            Told each new `ConnectionState`. After CONNECTED, await `ready`, then ask for a
            snapshot: what was published in between is not repeated.

        Raises
        ------
        InputError
            When the address is not one.
        BusError
            When no event loop runs: messages are delivered on it.
        """
        return _Reader(address, queue, on_state)

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._state

    @property
    def refused(self) -> int:
        """How many malformed messages this end has refused."""
        return 0

    def publish(self, envelope: Envelope) -> None:
        """Publish to every reader and to the subscriptions of this end; see `Bus.publish`."""
        raise BusError(
            "only the serving end publishes",
            value=self.address,
            remedy="send a command to the process that serves",
        )

    def subscribe(self, pattern: str, handler: Handler) -> Unsubscribe:
        """Call `handler` with every envelope under `pattern`; the answer ends that."""
        return self._local.subscribe(pattern, handler)

    async def ready(self, timeout_s: float = 2.0) -> None:
        """Return when every subscription made so far is in force; see `Bus.ready`."""

    def close(self) -> None:
        """End every subscription and close the socket; calling it twice is harmless."""
        self._local.close()
        self._state = ConnectionState.DISCONNECTED

    def __repr__(self) -> str:
        return f"IpcBus({self.address!r}, {self._state.value})"


class _Publisher(IpcBus):
    def __init__(self, address: str, queue: int) -> None:
        path = claim_socket(address)
        super().__init__(address)
        # ZeroMQ allows one thread at a time.
        self._turn = threading.Lock()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, queue)
        try:
            self._socket.bind(address)
            path.chmod(0o600)
        except (zmq.ZMQError, OSError) as error:
            self._context.destroy(linger=0)
            raise BusError(
                f"the bus must be able to listen: {error}",
                value=address,
                remedy="check that the folder exists and its path is short",
            ) from None
        self._state = ConnectionState.CONNECTED
        self._unwatch = _watch(self._socket, self._answer)

    def publish(self, envelope: Envelope) -> None:
        check_topic(envelope.topic)
        try:
            frames = [envelope.topic.encode(), encode(envelope)]
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            raise BusError(f"a message must be encodable: {error}", value=envelope.topic) from None
        with self._turn:
            if self._socket.closed:
                raise closed()
            self._answer_probes()
            try:
                self._socket.send_multipart(frames, zmq.NOBLOCK)
            except zmq.ZMQError as error:
                raise BusError(
                    f"the bus must take a message: {error}", value=self.address
                ) from None
        self._local.publish(envelope)

    def close(self) -> None:
        super().close()
        if self._unwatch is not None:
            self._unwatch()
        with self._turn:
            self._context.destroy(linger=0)

    def _answer(self) -> None:
        with self._turn:
            if not self._socket.closed:
                self._answer_probes()

    def _answer_probes(self) -> None:
        # Asked for each time, as sending may swallow the signal that a reader has subscribed.
        while self._socket.poll(0):
            request = self._socket.recv(zmq.NOBLOCK)
            if request.startswith(b"\1" + _PROBE):
                self._socket.send_multipart([request[1:], b""], zmq.NOBLOCK)


class _Reader(IpcBus):
    def __init__(self, address: str, queue: int, on_state: StateHandler | None) -> None:
        socket_file(address)
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise BusError(
                "a bus delivers on a running event loop, and none runs here",
                value=address,
                remedy="connect inside a coroutine",
            ) from None
        super().__init__(address)
        self._on_state = on_state
        self._refused = LimitedLog(_log)
        self._probes: dict[bytes, asyncio.Future[None]] = {}
        self._socket = self._context.socket(zmq.SUB)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.RCVHWM, queue),
            (zmq.RECONNECT_IVL, 50),
            (zmq.RECONNECT_IVL_MAX, 1_000),
            # A frozen publisher keeps its socket open; only a missed heartbeat tells.
            (zmq.HEARTBEAT_IVL, 2_000),
            (zmq.HEARTBEAT_TIMEOUT, 5_000),
            (zmq.HANDSHAKE_IVL, 3_000),
        ):
            self._socket.setsockopt(option, value)
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self._enter(ConnectionState.CONNECTING)
        self._socket.connect(address)
        self._unwatch = (
            _watch(self._socket, self._read),
            _watch(self._monitor, self._follow),
        )

    @property
    def refused(self) -> int:
        return self._refused.total

    def subscribe(self, pattern: str, handler: Handler) -> Unsubscribe:
        unsubscribe_here = super().subscribe(pattern, handler)
        prefix = _prefix(pattern)
        self._socket.subscribe(prefix)
        self._loop.call_soon(self._read)
        ended = False

        def unsubscribe() -> None:
            nonlocal ended
            unsubscribe_here()
            # ZeroMQ counts the subscriptions of a prefix, so each is taken back once.
            if not ended and not self._socket.closed:
                self._socket.unsubscribe(prefix)
                self._loop.call_soon(self._read)
            ended = True

        return unsubscribe

    async def ready(self, timeout_s: float = 2.0) -> None:
        if self._socket.closed:
            raise closed()
        probe = _PROBE + new_id().encode()
        echoed = self._probes[probe] = self._loop.create_future()
        deadline = self._loop.time() + timeout_s
        try:
            while not echoed.done():
                left = deadline - self._loop.time()
                if not left > 0:
                    raise NotReachable(
                        f"the publisher must answer within {timeout_s:g} s",
                        value=self.address,
                        remedy="check that the process that serves it runs",
                    )
                self._socket.subscribe(probe)
                self._loop.call_soon(self._read)
                # An echo is dropped like any message when this reader's queue is full.
                await asyncio.wait([echoed], timeout=min(left, _ASK_AGAIN_S))
                if not self._socket.closed:
                    self._socket.unsubscribe(probe)
            echoed.result()
        finally:
            del self._probes[probe]

    def close(self) -> None:
        if self._socket.closed:
            return
        for unwatch in self._unwatch:
            if unwatch is not None:
                unwatch()
        for echoed in self._probes.values():
            if not echoed.done():
                echoed.set_exception(closed())
        self._socket.disable_monitor()
        self._context.destroy(linger=0)
        self._local.close()
        self._enter(ConnectionState.DISCONNECTED)

    def _read(self) -> None:
        for _ in range(_BATCH):
            if self._socket.closed:
                return
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._take(frames)
        self._loop.call_soon(self._read)

    def _take(self, frames: list[bytes]) -> None:
        if frames[0].startswith(_PROBE):
            echoed = self._probes.get(frames[0])
            if echoed is not None and not echoed.done():
                echoed.set_result(None)
            return
        try:
            self._local.publish(_envelope(frames))
        except LabError as error:
            self._refused.warning("a message on %s was refused: %s", self.address, error)

    def _follow(self) -> None:
        while not self._socket.closed:
            try:
                frames = self._monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if parse_monitor_message(frames)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._enter(ConnectionState.CONNECTED)
            elif self._state is ConnectionState.CONNECTED:
                self._enter(ConnectionState.RECONNECTING)

    def _enter(self, state: ConnectionState) -> None:
        self._state = state
        if self._on_state is not None:
            try:
                self._on_state(state)
            except Exception:
                _log.exception("the handler of connection states failed")


def _watch(socket: Any, read: Callable[[], None]) -> Unsubscribe | None:
    """Call `read` on the running loop whenever `socket` may have news; None without a loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    handle = socket.getsockopt(zmq.FD)
    loop.add_reader(handle, read)
    # The handle tells of changes only; what came before it was watched must be looked for.
    loop.call_soon(read)

    def end() -> None:
        if not loop.is_closed():
            loop.remove_reader(handle)

    return end


def _prefix(pattern: str) -> str:
    """Return the longest prefix that every topic under `pattern` begins with."""
    parts = pattern.split(".")
    fixed = next((n for n, part in enumerate(parts) if part in ("*", ">")), None)
    return pattern if fixed is None else "".join(f"{part}." for part in parts[:fixed])


def _envelope(frames: list[bytes]) -> Envelope:
    if len(frames) != 2:
        raise MessageError("a message must have two frames", value=len(frames))
    envelope = decode(frames[1])
    if envelope.topic.encode() != frames[0]:
        raise MessageError("a message's two topics must agree", value=frames[0][:60])
    return envelope
