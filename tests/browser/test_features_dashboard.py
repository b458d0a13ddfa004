"""The features dashboard in a real browser: numbers come with the bars, a press draws another."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nautilus_lab.server import VoilaServer

pytestmark = [pytest.mark.browser, pytest.mark.processes]

TABLE, CHOICE = ".nl-row-features .tabulator-row", ".nl-row-books .tabulator-row"


@pytest.fixture
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (folder / "lab.toml").touch()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def node(root: Path, repository: Path) -> Iterator[None]:
    script = repository / "tests" / "streaming" / "fake_node.py"
    command = [sys.executable, str(script), "--gateway", "--home", str(root / ".lab")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().startswith("ws://")
    yield
    process.kill()
    process.wait()
    process.stdout.close()


def test_features_follow_the_quotes_and_a_press_draws_another(page, root, node, repository):
    pages = root / "pages"
    pages.mkdir()
    source = (repository / "dashboards" / "features.ipynb").read_text("utf-8")
    for usual, quicker in (("bar_s = 2 ", "bar_s = 1 "), (r"\"rsi\"", r"\"rsi(timeperiod=2)\"")):
        assert usual in source
        source = source.replace(usual, quicker)
    (pages / "features.ipynb").write_text(source, "utf-8")
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with VoilaServer(pages, workspace=root, log=root / "voila.log") as server:
        server.ready()
        page.goto(server.page_url("features.ipynb"), wait_until="commit")
        page.wait_for_selector(TABLE, timeout=60_000)
        page.wait_for_selector("#nl-skeleton", state="detached")
        first = f"{TABLE} .tabulator-cell[tabulator-field=f0]"
        page.wait_for_function(
            "cell => /\\d/.test(document.querySelector(cell)?.innerText)", arg=first
        )
        press = page.locator(f"{CHOICE} [aria-label='chart drawdown(window=60)']")
        press.click()
        page.wait_for_selector(".nl-panel-title:text-is('drawdown(window=60)')")
    assert errors == []
