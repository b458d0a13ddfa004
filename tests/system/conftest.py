"""One lab over one Redis for all tests of a module: it takes some seconds to start."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.bus.redis_server import RedisServer
from tests.system.lab import WholeLab


@pytest.fixture(scope="module")
def lab(catalog: Path, nothing_left_running: None) -> Iterator[WholeLab]:
    """A lab that does not run yet, and its Redis, which does not either."""
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("NL_")]:
            patch.delenv(name)
        lab = WholeLab(root, catalog, RedisServer(root / "redis"))
    yield lab
    if lab.trading.supervised:
        asyncio.run(lab.trading.shut_down())
    lab.redis.kill()
    shutil.rmtree(root)
