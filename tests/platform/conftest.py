"""What the tests of the ground share."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every asynchronous test of the ground runs on both loops that notebooks and nodes have."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A private folder whose path is short: a unix socket's must fit into 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))  # mode 0700
    yield folder
    shutil.rmtree(folder)
