"""Every bus, as its conformance suite meets it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nautilus_lab.config import BusSettings
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import Bus, IpcBus, LocalBus, RedisBus
from nautilus_lab.platform.messages import Envelope
from tests.platform.bus.redis_server import RedisServer, running


class Link:
    """A publishing end and any number of reading ends of one bus."""

    def __init__(self, publisher: Bus, open_reader: Callable[[], Bus]) -> None:
        self.publisher = publisher
        self.readers: list[Bus] = []
        self._open_reader = open_reader

    def reader(self) -> Bus:
        self.readers.append(self._open_reader())
        return self.readers[-1]

    def close(self) -> None:
        for end in (*self.readers, self.publisher):
            end.close()


def _local(_: pytest.FixtureRequest) -> Link:
    bus = LocalBus()
    return Link(bus, lambda: bus)


def _ipc(request: pytest.FixtureRequest) -> Link:
    sockets = request.getfixturevalue("sockets")
    address = f"ipc://{sockets}/events.sock"
    return Link(IpcBus.serve(address), lambda: IpcBus.connect(address))


def _redis(request: pytest.FixtureRequest) -> Link:
    settings = request.getfixturevalue("bus_settings")()
    return Link(RedisBus.serve(settings), lambda: RedisBus.connect(settings))


# A bus joins the suite by adding itself here.
BUSES = {"local": _local, "ipc": _ipc, "redis": _redis}


@pytest.fixture(
    params=["local", "ipc", pytest.param("redis", marks=(pytest.mark.redis, pytest.mark.processes))]
)
async def link(request: pytest.FixtureRequest):
    link = BUSES[request.param](request)
    yield link
    link.close()


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that the tests of one file share."""
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that a test may hurt."""
    with running(tmp_path / "own") as server:
        yield server


@pytest.fixture
def opened() -> Iterator[Callable[[Bus], Bus]]:
    """Close every end that is handed to it."""
    with contextlib.ExitStack() as stack:

        def keep(bus: Bus) -> Bus:
            stack.callback(bus.close)
            return bus

        yield keep


_streams = itertools.count()


@pytest.fixture
def bus_settings(redis_server: RedisServer) -> Callable[..., BusSettings]:
    """Make settings whose stream and channels are this test's own."""
    name = f"test-{next(_streams)}"

    def make(**changed: object) -> BusSettings:
        given = {
            "url": redis_server.url,
            "stream": name,
            "channel_prefix": f"{name}:",
            "persistence": "none",
            # A refused connection costs nothing; the time allowed is for a busy machine.
            "timeout_ms": 2_000,
            "start_wait_s": 20.0,
        }
        return BusSettings(**given | changed)

    return make


@pytest.fixture
def quote() -> Callable[..., Envelope]:
    """Make a quote whose bid is a number to tell it by."""

    def make(number: float, topic: str = "market.quote.PAPER.AAPL") -> Envelope:
        body = messages.QuoteUpdated(instrument="AAPL.PAPER", bid=number, ask=number + 1)
        return messages.envelope(body, topic, trader="PAPER-001", writer="node", simulated=True)

    return make


@pytest.fixture
def event() -> Callable[..., Envelope]:
    """Make a numbered event."""

    def make(seq: int, *, epoch: int = 1, trader: str = "PAPER-001", writer: str = "node"):
        body = messages.NodeStateChanged(component="node", state="running")
        return messages.envelope(
            body, f"system.node.{trader}", trader=trader, writer=writer, epoch=epoch, seq=seq
        )

    return make


@pytest.fixture
def until() -> Callable[..., object]:
    """Wait for something to come true; the time allowed is for a busy machine."""

    async def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    return wait
