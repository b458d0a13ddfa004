"""What every test stands on: a clean environment, a workspace of its own, nothing left running."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from scripts.leftovers import MARK, left_running

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request, WebSocket

REPOSITORY = Path(__file__).resolve().parents[1]

# `make fuzz`: with other examples each time, where CI asks for the same ones
settings.register_profile("fuzz", max_examples=3_000, deadline=None, print_blob=True)

# marker -> the programs that serve it, any of them, and the package that has one
_NEEDS = {
    "redis": (("redis-server",), "redis-server"),
    "browser": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
}
_LOCAL = {"127.0.0.1", "localhost", "::1", None}  # None: data:, blob:, file:


def _program(marker: str) -> str | None:
    return next(filter(None, map(shutil.which, _NEEDS[marker][0])), None)


def pytest_configure() -> None:
    """Be interruptible, with all children: what a shell starts in its background is not."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the machine cannot run, and say how to mend it; in CI that is a failure."""
    for marker, (programs, package) in _NEEDS.items():
        if item.get_closest_marker(marker) and _program(marker) is None:
            missing = f"{programs[0]} is not installed: sudo apt-get install {package}"
            if os.environ.get("CI") == "true":
                pytest.fail(f"{missing}; in CI nothing may be skipped", pytrace=False)
            pytest.skip(missing)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what starts real processes on one worker: two cores hold one node, not two."""
    for item in items:
        if item.get_closest_marker("processes") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("processes"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the user's shell, and no workspace around the current folder."""
    for name in list(os.environ):
        if name.startswith("NL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True, scope="module")
def nothing_left_running() -> Iterator[None]:
    """Fail when a process that these tests started, detached or not, outlives them by 5 s."""
    mark = uuid.uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, mark)
        yield
        left = left_running(mark, seconds=5)
    if left:
        pytest.fail(f"left running: {left}", pytrace=False)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def catalog() -> Path:
    """The data catalog that `make` builds; tests read it and never write it."""
    if not (REPOSITORY / "data" / "manifest.json").exists():
        pytest.fail("the data catalog is needed: run make", pytrace=False)
    return REPOSITORY / "data"


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty workspace that reads the shipped catalog, for this process and its children.

    Its path is short: a unix socket below it must fit into 107 bytes.
    """
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (root / "lab.toml").write_text(f'[data]\ndirectory = "{REPOSITORY / "data"}"\n', "utf-8")
    monkeypatch.setenv("NL_ROOT", str(root))
    yield root
    shutil.rmtree(root)


@contextlib.contextmanager
def open_page() -> Iterator[Page]:
    """A page of a headless browser; it ends in an error when it asked another machine."""
    from playwright.sync_api import sync_playwright

    outside: list[str] = []

    def watch(request: Request | WebSocket) -> None:
        if urlsplit(request.url).hostname not in _LOCAL:
            outside.append(request.url)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_program("browser"), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1600, "height": 950})
        tab.on("request", watch)
        tab.on("websocket", watch)
        yield tab
        browser.close()
    assert outside == []


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a headless browser; the test fails when it asks anything of another machine."""
    with open_page() as tab:
        yield tab
