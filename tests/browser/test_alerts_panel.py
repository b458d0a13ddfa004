"""The panel of open alerts in a real browser: what a desk sees, does, and must not believe."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore, TradingStore
from nautilus_lab.server import VoilaServer
from tests.browser.test_risk_dashboard import Node

pytestmark = [pytest.mark.browser, pytest.mark.processes]

BAND = ".nl-alerts-band:not([hidden])"
LINE = ".nl-alert .nl-alert-line"
MARKUP = "<b>bold</b><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (folder / "lab.toml").write_text("[dashboards]\nrole = 'operator'\n")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def node(root: Path, repository: Path) -> Iterator[Node]:
    node = Node(root, repository)
    node.start()
    TradingStore.open(Home(root / ".lab").trader("PAPER-001").store).close()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def address(root: Path, node: Node, repository: Path, nothing_left_running) -> Iterator[str]:
    with VoilaServer(repository / "dashboards", workspace=root, log=root / "voila.log") as server:
        server.ready()
        yield server.page_url("risk.ipynb")


@pytest.fixture
def desk(root: Path, node: Node) -> Iterator[DeskStore]:
    with DeskStore.open(Home(root / ".lab").store) as store:
        yield store


@pytest.fixture
def opened(page, address):
    """The page, once it shows alerts; the test fails when it logs an error of its own."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda one: errors.append(one.text) if one.type == "error" else None)
    page.goto(address, wait_until="commit")
    page.wait_for_selector(BAND, timeout=60_000)
    yield page
    assert errors == []


def test_alerts_are_seen_acknowledged_and_counted_and_silence_is_not_peace(opened, desk):
    assert "No monitor runs" in opened.locator(BAND).inner_text()
    empty = opened.locator(".nl-alerts-empty")
    assert "does not mean that all is well" in empty.inner_text()

    # What comes from outside becomes text, and comes within seconds.
    raised = desk.raise_alert(
        "critical",
        "risk",
        "max_leverage must hold",
        detail=f"breach: {MARKUP} {'x' * 3_000}",
        trader="PAPER-001",
        level="breach",
        scope="account",
    )
    opened.wait_for_selector(LINE, timeout=30_000)
    line = opened.locator(LINE)
    told = line.inner_text()
    assert [word in told for word in ("CRITICAL", "max leverage", "PAPER-001", "<b>bold</b>")] == [
        True
    ] * 4
    assert line.bounding_box()["height"] < 40  # the rest of a long text is folded away
    assert line.locator("img").count() == 0

    # A form that is being filled in stays as it is while the list changes around it.
    line.get_by_role("button").click()
    note = opened.locator(".nl-unfolded input")
    note.fill("reduced, tick")
    desk.raise_alert("critical", "supervisor", "a node must answer")
    opened.wait_for_function(f"document.querySelectorAll('{LINE}').length === 2", timeout=30_000)
    assert note.input_value() == "reduced, tick"
    assert opened.locator(".nl-alert-who").last.inner_text().startswith("as ")
    note.press("End")
    note.type("et 7")
    note.press("Enter")
    opened.wait_for_function(f"document.querySelectorAll('{LINE}').length === 1", timeout=30_000)
    assert "acknowledged by" in opened.locator(".nl-alerts .nl-answer").first.inner_text()
    (seen,) = [one for one in desk.alerts() if one.id == raised.id]
    assert seen.note == "reduced, ticket 7"
    assert opened.title() == "Risk"

    # Of thousands some are shown, all are counted, and the page goes on.
    for number in range(1_500):
        desk.raise_alert("warning", "risk", f"limit_{number} must hold", trader="PAPER-001")
    opened.wait_for_function(
        "document.querySelector('.nl-alerts .nl-panel-note').innerText.startsWith('100 of 1,501')",
        timeout=30_000,
    )
    assert opened.locator(LINE).count() == 100
    assert "CRITICAL" in opened.locator(LINE).first.inner_text()

    # Where there is little room nothing lies over anything else, or out of sight.
    for width in (1_600, 820, 420):
        opened.set_viewport_size({"width": width, "height": 900})
        boxes = [
            box.bounding_box()
            for box in opened.locator(".nl-row-head > *").all()
            if box.is_visible()
        ]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes), width
        button = opened.locator(LINE).first.get_by_role("button").bounding_box()
        assert button["x"] + button["width"] <= width
