"""Traders with stores of their own, and a history that follows them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nautilus_lab.platform import messages
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import HistoryStore, TradingStore
from nautilus_lab.streaming.history._ledger import Ledger
from tests.platform.bus.redis_server import RedisServer, running


@pytest.fixture
def home() -> Iterator[Home]:
    # Short: a unix socket's path must fit into 107 bytes.
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    yield Home(root / ".lab").make()
    shutil.rmtree(root)


class Trader:
    """A trader's store, into which things happen."""

    def __init__(self, home: Home, name: str) -> None:
        self.name = name
        self.run = home.trader(name).make()
        self.store = TradingStore.open(self.run.store)
        self.epoch = self.store.begin_epoch("node")

    def happen(self, times: int = 1) -> list[messages.Envelope]:
        made = []
        for _ in range(times):
            body = messages.NodeStateChanged(component="node", state="running")
            told = messages.envelope(
                body,
                f"system.node.{self.name}",
                trader=self.name,
                writer="node",
                epoch=self.epoch,
            )
            made.append(self.store.record(told))
        return made

    def begin(self) -> None:
        """Begin another epoch."""
        self.epoch = self.store.begin_epoch("node")


@pytest.fixture
def trader(home):
    """Make traders; each is closed."""
    with contextlib.ExitStack() as stack:

        def make(name: str = "PAPER-001") -> Trader:
            made = Trader(home, name)
            stack.callback(made.store.close)
            return made

        yield make


@pytest.fixture
def store(home) -> Iterator[HistoryStore]:
    with HistoryStore.open(home.history_files.store) as opened:
        yield opened


class Kept:
    """A ledger and what it told."""

    def __init__(self, store: HistoryStore, home: Home) -> None:
        self.gaps = []
        self.store = store
        self.ledger = Ledger(store, home, on_gap=self.gaps.append)

    @property
    def numbers(self) -> list[tuple[int, int]]:
        return sorted((e.epoch, e.seq) for e in self.store.events())


@pytest.fixture
def kept(store, home) -> Kept:
    return Kept(store, home)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server
