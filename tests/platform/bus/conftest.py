"""Every bus, as its conformance suite meets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import Bus, IpcBus, LocalBus
from nautilus_lab.platform.messages import Envelope


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


def _local(_: Path) -> Link:
    bus = LocalBus()
    return Link(bus, lambda: bus)


def _ipc(sockets: Path) -> Link:
    address = f"ipc://{sockets}/events.sock"
    return Link(IpcBus.serve(address), lambda: IpcBus.connect(address))


# A bus joins the suite by adding itself here.
BUSES = {"local": _local, "ipc": _ipc}


@pytest.fixture(params=BUSES)
async def link(request: pytest.FixtureRequest, sockets: Path):
    link = BUSES[request.param](sockets)
    yield link
    link.close()


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
