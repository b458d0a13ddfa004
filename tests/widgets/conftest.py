"""A workspace for pages, and pages that do not wait."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nautilus_lab.widgets import _page


@pytest.fixture
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (folder / "lab.toml").touch()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(_page, "_REFRESH_S", 0.02)
    monkeypatch.setattr(_page, "_TRY_AGAIN_S", 0.05)


async def until(condition) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to this within 10 s")
