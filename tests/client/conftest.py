"""A desk of a gateway of a stand-in of a node."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nautilus_lab.client import Desk, connect
from nautilus_lab.config import StreamingSettings
from nautilus_lab.streaming import StreamingEngine
from tests.client.trading_node import TradingNode
from tests.streaming.fake_node import FakeNode


@pytest.fixture
def root() -> Iterator[Path]:
    # Short: a unix socket's path must fit into 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (folder / "lab.toml").touch()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def node(root: Path) -> AsyncIterator[FakeNode]:
    async with FakeNode(root / ".lab") as node:
        yield node


@pytest.fixture
async def gateway(root: Path, node: FakeNode) -> AsyncIterator[StreamingEngine]:
    settings = StreamingSettings(conflate_ms=20, heartbeat_s=0.2)
    engine = StreamingEngine(root / ".lab", settings=settings)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def desk(root: Path, gateway: StreamingEngine) -> AsyncIterator[Desk]:
    async with await connect(root=root) as desk:
        yield desk


@pytest.fixture
async def trader(root: Path) -> AsyncIterator[TradingNode]:
    """A node that takes orders."""
    async with TradingNode(root / ".lab") as node:
        yield node


@pytest.fixture
async def operator(root: Path, trader: TradingNode) -> AsyncIterator[Desk]:
    """The desk of the workspace's owner, before a node that takes orders."""
    settings = StreamingSettings(conflate_ms=20, heartbeat_s=0.2)
    engine = StreamingEngine(root / ".lab", settings=settings)
    await engine.start()
    async with await connect(root=root, role="operator") as desk:
        yield desk
    await engine.stop()
