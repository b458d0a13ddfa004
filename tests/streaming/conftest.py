"""A gateway on a free port before a stand-in of a node, and a way to talk to it."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from nautilus_lab.config import StreamingSettings
from nautilus_lab.streaming import StreamingEngine
from tests.streaming.fake_node import FakeNode
from tests.streaming.wire import Wire


@pytest.fixture
def home() -> Iterator[Path]:
    # Short: a unix socket's path must fit into 107 bytes.
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    yield root / ".lab"
    shutil.rmtree(root)


@pytest.fixture
def settings() -> StreamingSettings:
    return StreamingSettings(conflate_ms=50, heartbeat_s=0.2)


@pytest.fixture
async def node(home: Path) -> AsyncIterator[FakeNode]:
    async with FakeNode(home) as node:
        yield node


@pytest.fixture
async def gateway(
    home: Path, node: FakeNode, settings: StreamingSettings
) -> AsyncIterator[StreamingEngine]:
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
def token(home: Path, gateway: StreamingEngine) -> str:
    return (home / "gateway.token").read_text()


@pytest.fixture
def dial(gateway: StreamingEngine):
    @contextlib.asynccontextmanager
    async def dialled(encoding: str = "msgpack", **options) -> AsyncIterator[Wire]:
        async with connect(gateway.url, proxy=None, max_size=None, **options) as socket:
            yield Wire(socket, encoding)

    return dialled


@pytest.fixture
async def wire(dial, token: str) -> AsyncIterator[Wire]:
    async with dial() as wire:
        await wire.hello(token)
        yield wire
