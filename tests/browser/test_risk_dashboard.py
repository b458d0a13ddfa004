"""The risk dashboard in a real browser, served by Voilà, over a node and over its stand-in."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nautilus_lab.server import VoilaServer

pytestmark = [pytest.mark.browser, pytest.mark.processes]

# SCREENSHOTS=1 writes the picture of the README; the charts then get a past worth looking at.
ASKED_FOR_PICTURES = os.environ.get("SCREENSHOTS") == "1"
NOTHING = "\N{EN DASH}"  # what stands where there is no number
EQUITY = ".nl-card-value[data-key=equity]"
VEIL = ".nl-veil:not([hidden])"


class Node:
    """A stand-in of a node and its gateway in one process."""

    def __init__(self, workspace: Path, repository: Path):
        script = repository / "tests" / "streaming" / "fake_node.py"
        self.command = [sys.executable, str(script), "--gateway", "--home", str(workspace / ".lab")]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().startswith("ws://")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process.stdout.close()
            self.process = None


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (folder / "lab.toml").touch()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def voila(root: Path, repository: Path, nothing_left_running) -> Iterator[VoilaServer]:
    with VoilaServer(repository / "dashboards", workspace=root, log=root / "voila.log") as server:
        server.ready()
        yield server


@pytest.fixture
def node(root: Path, repository: Path) -> Iterator[Node]:
    node = Node(root, repository)
    yield node
    node.kill()


@pytest.fixture
def quiet(page):
    """The page; the test fails when it logs an error of its own."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    yield page
    assert errors == []


def kernels(server: VoilaServer) -> list[psutil.Process]:
    return psutil.Process(server.pid).children(recursive=True)


def changes(page, selector: str, timeout_s: float) -> str:
    """Wait until the text of `selector` is another; return the new one."""
    before = page.locator(selector).first.inner_text()
    page.wait_for_function(
        "([selector, ...old]) => {"
        " const now = document.querySelector(selector)?.innerText;"
        " return now !== undefined && !old.includes(now);}",
        arg=[selector, before, NOTHING],
        timeout=timeout_s * 1000,
    )
    return page.locator(selector).first.inner_text()


def is_shown(page, selector: str) -> bool:
    return all(mark.is_visible() for mark in page.locator(selector).all())


def test_prices_and_profit_move_and_everything_says_simulated(quiet, voila, node):
    node.start()
    quiet.goto(voila.page_url("risk.ipynb"), wait_until="commit")
    quiet.wait_for_selector("#nl-skeleton")
    quiet.wait_for_selector(EQUITY, timeout=60_000)
    quiet.wait_for_selector(".nl-row .tabulator-row", timeout=5_000)
    price = ".tabulator-row .tabulator-cell[tabulator-field=price]"
    for selector in (EQUITY, ".nl-card-value[data-key=total]", price, ".nl-price .nl-last"):
        assert changes(quiet, selector, 5.0) != NOTHING
    assert quiet.title() == "Risk"
    assert quiet.locator("#nl-skeleton").count() == 0
    assert quiet.locator(".nl-simulated-banner").is_visible()
    assert quiet.locator(".nl-chart").count() == 2
    assert quiet.locator(".nl-simulated-mark").count() == 2
    assert is_shown(quiet, ".nl-simulated-mark")
    assert is_shown(quiet, ".nl-watermark")
    assert quiet.locator("a[href*='tradingview.com']").count() == 2
    assert quiet.locator(".nl-bar").count() >= 2
    assert quiet.locator(VEIL).count() == 0
    for title in ("Positions", "Recent orders", "Recent fills", "Limit utilisation"):
        assert quiet.get_by_text(title, exact=True).is_visible()


def test_another_instrument_can_be_chosen(quiet, voila, node):
    node.start()
    quiet.goto(voila.page_url("risk.ipynb"), wait_until="commit")
    quiet.wait_for_selector(".nl-select", timeout=60_000)
    quiet.select_option(".nl-select", "KO.PAPER")
    quiet.wait_for_function(
        "Math.abs(parseFloat(document.querySelector('.nl-price .nl-last').innerText) - 60) < 12",
        timeout=10_000,
    )


def test_a_dead_node_does_not_look_alive_and_one_that_returns_does(page, voila, node):
    node.start()
    page.goto(voila.page_url("risk.ipynb"), wait_until="commit")
    page.wait_for_selector(EQUITY, timeout=60_000)
    changes(page, EQUITY, 10.0)
    node.kill()
    page.wait_for_selector(VEIL, timeout=8_000)
    assert page.locator(".nl-veil-head").inner_text().startswith(f"STALE {NOTHING} no data for ")
    assert page.locator(".nl-pill").get_attribute("data-level") == "down"
    assert is_shown(page, ".nl-simulated-mark")
    node.start()
    page.wait_for_selector(".nl-veil", state="hidden", timeout=60_000)
    changes(page, EQUITY, 10.0)


def test_a_dead_kernel_does_not_look_alive(page, voila, node):
    node.start()
    page.goto(voila.page_url("risk.ipynb"), wait_until="commit")
    page.wait_for_selector(EQUITY, timeout=60_000)
    changes(page, EQUITY, 10.0)
    for kernel in kernels(voila):
        kernel.kill()
    page.wait_for_selector(VEIL, timeout=8_000)
    # The age is known at once, the reason when the page has asked its kernel and heard nothing.
    page.wait_for_function(
        "document.querySelector('.nl-veil-head').innerText.includes('this page lost its kernel')",
        timeout=20_000,
    )


def test_without_a_node_the_page_says_so_and_keeps_trying(quiet, voila, node):
    quiet.goto(voila.page_url("risk.ipynb"), wait_until="commit")
    quiet.wait_for_selector(".nl-veil.nl-waiting", timeout=60_000)
    quiet.wait_for_function(
        "document.querySelector('.nl-veil-why').innerText.includes('nautilus-lab node start')",
        timeout=10_000,
    )
    assert quiet.locator(".nl-veil-head").inner_text() == "No trading node is running"
    node.start()
    quiet.wait_for_selector(".nl-veil", state="hidden", timeout=30_000)
    changes(quiet, EQUITY, 10.0)


def test_a_closed_page_takes_its_kernel_with_it(page, voila, node):
    node.start()
    before = set(kernels(voila))
    page.goto(voila.page_url("risk.ipynb"), wait_until="commit")
    page.wait_for_selector(EQUITY, timeout=60_000)
    (kernel,) = set(kernels(voila)) - before
    page.goto("about:blank")
    assert psutil.wait_procs([kernel], timeout=10)[1] == []


@pytest.mark.timeout(400 if ASKED_FOR_PICTURES else 180)
def test_a_paper_trading_node_is_seen_at_work(quiet, workspace, catalog, repository, tmp_path):
    """The whole path: replayed prices, orders through the gate, fills, P&L, gateway, page."""
    lab = [sys.executable, "-m", "nautilus_lab.cli", "node"]
    subprocess.run([*lab, "start"], check=True, capture_output=True, timeout=120)
    try:
        if ASKED_FOR_PICTURES:
            time.sleep(240)
        log = tmp_path / "voila.log"
        with VoilaServer(repository / "dashboards", workspace=workspace, log=log) as server:
            server.ready()
            quiet.goto(server.page_url("risk.ipynb"), wait_until="commit")
            quiet.wait_for_selector(EQUITY, timeout=60_000)
            quiet.wait_for_selector(".nl-row .tabulator-row", timeout=30_000)
            for selector in (EQUITY, ".nl-price .nl-last"):
                assert changes(quiet, selector, 5.0) != NOTHING
            assert quiet.locator(".nl-simulated-banner").is_visible()
            assert "node running" in quiet.locator(".nl-pill").inner_text()
            picture = repository / "docs" / "images" / "risk_dashboard.png"
            quiet.screenshot(path=picture if ASKED_FOR_PICTURES else tmp_path / picture.name)
    finally:
        subprocess.run([*lab, "stop"], check=True, capture_output=True, timeout=120)
