"""The trading dashboard in a real browser over a real node of three venues."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nautilus_lab import Lab
from nautilus_lab.client import connect, order
from nautilus_lab.platform.rundir import Home, Latch, ProcessRecord
from nautilus_lab.server import VoilaServer
from tests.conftest import open_page

pytestmark = [pytest.mark.browser, pytest.mark.processes]

ASKED_FOR_PICTURES = os.environ.get("SCREENSHOTS") == "1"
SCRIPT = "<img src=x onerror=\"document.title='taken over'\">"
# A day of the replay is longer than the tests: prices hardly move.
TRADING = {
    "seconds_per_day": 1_200.0,
    "replay_symbols": ("AAPL", "MSFT", "JPM", "XOM"),
    "max_orders_per_second": 5_000,
    "single_person": True,
    "venues": (
        {"name": "PAPER", "depth": 300},
        {"name": "ALPHA", "depth": 500, "half_spread_bps": 1.0, "taker_fee_bps": 0.5},
        {"name": "BETA", "depth": 300, "taker_fee_bps": 3.0, "leverage": 4.0},
    ),
}
WORKING, ENDED, FILLS, VENUES, ACCOUNTS, ROUTING, POSITIONS = (
    f".nl-grid:has(:text-is('{title}'))"
    for title in (
        *("Working orders", "Ended orders", "Fills"),
        *("At the venues", "Accounts", "Routing", "Positions"),
    )
)
ANSWER = ".nl-ticket .nl-answer"
STATE = ".nl-trading-state"

# Changes what the page says next about its ticket into something that it never offered.
FORGE = """(content) => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : null;
    const text = bytes && new TextDecoder("latin1").decode(bytes);
    if (!text?.includes('"kind":"chosen"')) return send.call(this, data);
    WebSocket.prototype.send = send;
    const view = new DataView(data);
    const count = Number(view.getBigUint64(0, true));
    const at = (n) => Number(view.getBigUint64(8 * (n + 1), true));
    const parts = Array.from({ length: count - 1 }, (_, n) => bytes.slice(at(n), at(n + 1)));
    const said = parts.findIndex((part) => new TextDecoder().decode(part).includes('"chosen"'));
    const message = JSON.parse(new TextDecoder().decode(parts[said]));
    message.data.content = content;
    parts[said] = new TextEncoder().encode(JSON.stringify(message));
    let offset = 8 * (count + 1);
    const whole = new Uint8Array(offset + parts.reduce((sum, part) => sum + part.length, 0));
    const out = new DataView(whole.buffer);
    out.setBigUint64(0, BigInt(count), true);
    for (const [n, part] of parts.entries()) {
      out.setBigUint64(8 * (n + 1), BigInt(offset), true);
      whole.set(part, offset);
      offset += part.length;
    }
    out.setBigUint64(8 * count, BigInt(offset), true);
    globalThis.forged = true;
    return send.call(this, whole.buffer);
  };
}"""


# What must be read whole: by a half of it nobody tells two venues, or two sizes, apart.
CUT = """() => {
  const fields = ["instrument", "venue", "strategy", "by", "bid_size", "ask_size", "price", "pnl"];
  const cells = fields.flatMap((f) => [...document.querySelectorAll(`[tabulator-field=${f}]`)]);
  const shown = cells.filter((cell) => cell.matches(".tabulator-cell"));
  return shown.filter((cell) => cell.scrollWidth > cell.clientWidth).map((c) => c.innerText);
}"""


@pytest.fixture(scope="module")
def root(repository: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    (folder / "lab.toml").write_text(
        f'[data]\ndirectory = "{repository / "data"}"\n[dashboards]\nrole = "operator"\n', "utf-8"
    )
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def run() -> Iterator[Callable]:
    """Run a coroutine beside the browser's loop."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda work: thread.submit(asyncio.run, work).result(timeout=120)


@pytest.fixture(scope="module")
def lab(root: Path, run, catalog: Path, nothing_left_running) -> Iterator[Lab]:
    lab = Lab(root, trading=TRADING)
    run(lab.trading.start(targets={"AAPL": 0.0}, name="nothing"))
    yield lab
    run(lab.trading.shut_down())


@pytest.fixture(scope="module")
def voila(root: Path, lab: Lab, repository: Path) -> Iterator[VoilaServer]:
    pages = root / "pages"
    pages.mkdir()
    source = (repository / "dashboards" / "trading.ipynb").read_text("utf-8")
    (pages / "trading.ipynb").write_text(source, "utf-8")
    looks = source.replace("role = None", 'role = \\"viewer\\"')
    assert looks != source
    (pages / "looks.ipynb").write_text(looks, "utf-8")
    with VoilaServer(pages, workspace=root, log=root / "voila.log") as server:
        server.ready()
        yield server


@pytest.fixture(scope="module")
def tab(voila: VoilaServer) -> Iterator[Page]:
    """One tab for the module: a page takes seconds to open."""
    with open_page() as tab:
        opened(tab, voila, "trading.ipynb")
        yield tab


@pytest.fixture
def desk(tab):
    """The page of the workspace's owner, its ticket empty; it must log no error of its own."""
    errors = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    tab.evaluate(
        "const form = document.querySelector('.nl-form');"
        "form.reset(); form.dispatchEvent(new Event('input'));"
    )
    tab.click(".nl-side[data-side=BUY]")
    tab.wait_for_function("!document.querySelector('.nl-send').disabled", timeout=30_000)
    yield tab
    assert errors == []


def opened(page, voila: VoilaServer, notebook: str) -> None:
    page.goto(voila.page_url(notebook), wait_until="commit")
    page.wait_for_selector(".nl-ticket", timeout=60_000)
    page.wait_for_selector(".nl-market b", timeout=30_000)


def fill_in(page, **fields: str) -> None:
    """Fill the ticket in; what is chosen comes before what is written."""
    for name, value in fields.items():
        entry = page.locator(f".nl-ticket [name={name}]:visible")
        if entry.evaluate("input => input.tagName") == "SELECT":
            entry.select_option(value)
        else:
            entry.fill(value)


def send(page) -> str:
    page.click(".nl-send")
    page.wait_for_function(
        f"document.querySelector('{ANSWER}').dataset.level !== ''", timeout=15_000
    )
    return page.inner_text(ANSWER)


def twice(page, selector: str) -> None:
    page.click(selector)
    page.click(selector)


def rows(page, table: str, *words: str):
    found = page.locator(f"{table} .tabulator-row")
    for word in words:
        found = found.filter(has_text=word)
    return found


def cells(row) -> list[str]:
    return row.locator(".tabulator-cell").all_inner_texts()


def state_is(page, state: str) -> None:
    page.wait_for_function(f"document.querySelector('{STATE}').innerText === '{state}'")


def test_a_limit_order_works_and_is_cancelled_and_a_market_order_fills_at_once(desk):
    fill_in(desk, instrument="AAPL.PAPER", order_type="LIMIT", quantity="7", limit_price="1.05")
    assert desk.inner_text(".nl-send") == "Buy 7 AAPL.PAPER"
    assert send(desk) == "accepted"
    working = rows(desk, WORKING, "AAPL.PAPER", "1.05")
    working.wait_for(timeout=5_000)
    working.get_by_role("button").click()
    rows(desk, ENDED, "AAPL.PAPER", "canceled").wait_for(timeout=5_000)
    assert working.count() == 0

    fill_in(desk, order_type="MARKET", quantity="10")
    begun = time.monotonic()
    assert send(desk).startswith("filled 10 of 10 at ")
    assert time.monotonic() - begun < 2.0
    rows(desk, ENDED, "AAPL.PAPER", "filled").wait_for(timeout=5_000)
    rows(desk, FILLS, "AAPL.PAPER", "BUY").wait_for(timeout=5_000)
    rows(desk, POSITIONS, "AAPL.PAPER", "10").wait_for(timeout=5_000)
    assert sorted(cells(row)[0] for row in rows(desk, VENUES).all()) == ["ALPHA", "BETA", "PAPER"]
    assert rows(desk, ACCOUNTS).count() == 3
    assert desk.locator(".nl-simulated-banner").is_visible()
    assert desk.locator(".nl-veil:not([hidden])").count() == 0


def test_an_order_is_written_and_sent_by_keyboard(desk):
    fill_in(desk, instrument="MSFT.PAPER", order_type="MARKET")
    desk.focus(".nl-side[data-side=BUY]")
    desk.keyboard.press("ArrowRight")
    assert desk.inner_text(".nl-send").startswith("Sell")
    desk.keyboard.press("ArrowLeft")
    desk.keyboard.press("Tab")
    desk.keyboard.type("3")
    desk.keyboard.press("Enter")
    desk.wait_for_function(f"document.querySelector('{ANSWER}').innerText.startsWith('filled 3')")
    # A key that is held down does not confirm, and Escape takes the question back.
    desk.focus("[data-action=cancel_all]")
    desk.keyboard.down("Enter")
    desk.keyboard.down("Enter")
    assert desk.inner_text("[data-action=cancel_all]") == "cancel 0 orders?"
    desk.keyboard.up("Enter")
    desk.keyboard.press("Escape")
    assert desk.inner_text("[data-action=cancel_all]") == "Cancel all"


def test_a_refused_order_says_what_its_venue_said(desk):
    fill_in(desk, instrument="XOM.ALPHA", order_type="MARKET", quantity="300")
    desk.click(".nl-side[data-side=SELL]")
    assert "a cash account cannot sell short" in send(desk)
    refused = rows(desk, ENDED, "XOM.ALPHA", "rejected")
    refused.wait_for(timeout=5_000)
    assert "a cash account cannot sell short" in refused.inner_text()


def test_with_a_brackets_entry_its_exits_are_cancelled(desk):
    fill_in(
        desk,
        instrument="JPM.PAPER",
        order_type="LIMIT",
        quantity="5",
        limit_price="50",
        take_profit="500",
        stop_loss="20",
    )
    assert send(desk) == "accepted"
    rows(desk, WORKING, "JPM.PAPER").nth(2).wait_for(timeout=5_000)
    assert rows(desk, WORKING, "JPM.PAPER", "exit").count() == 2
    rows(desk, WORKING, "JPM.PAPER", "BUY").get_by_role("button").click()
    rows(desk, ENDED, "JPM.PAPER", "canceled").nth(2).wait_for(timeout=5_000)
    assert rows(desk, WORKING, "JPM.PAPER").count() == 0


def test_an_order_is_routed_and_the_decision_is_shown(desk):
    fill_in(desk, instrument="MSFT.PAPER", order_type="MARKET", algorithm="SMART", quantity="700")
    send(desk)
    whole = rows(desk, ENDED, "SMART", "filled")
    whole.wait_for(timeout=15_000)
    assert cells(whole)[4:6] == ["700", "700"]
    decision = rows(desk, ROUTING, "buy 700 MSFT").first.inner_text()
    assert "ALPHA at" in decision
    assert "fee 0.5 bp" in decision


def test_an_order_of_somebody_else_appears_and_a_killed_node_takes_no_order_along(
    desk, lab, root, run
):
    async def place():
        async with await connect(root=root, role="operator") as other:
            await other.submit(
                "XOM.PAPER", "BUY", 11, order_type="LIMIT", limit_price="2.22", timeout_s=20
            )

    run(place())
    theirs = rows(desk, WORKING, "XOM.PAPER", "2.22")
    theirs.wait_for(timeout=5_000)
    desk.select_option("[name=instrument]", "AAPL.ALPHA")
    record = ProcessRecord.read(Home(lab.settings.home_path).trader("PAPER-001").node)
    os.kill(record.pid, signal.SIGKILL)
    desk.wait_for_function("document.querySelector('.nl-send').disabled", timeout=20_000)
    desk.wait_for_function(
        "document.querySelector('.nl-node-state').innerText.includes('epoch 2') &&"
        " !document.querySelector('.nl-send').disabled",
        timeout=60_000,
    )
    desk.wait_for_selector(".nl-veil", state="hidden", timeout=20_000)
    theirs.wait_for(timeout=5_000)
    assert desk.input_value("[name=instrument]") == "AAPL.ALPHA"  # what was chosen stays
    theirs.get_by_role("button").click()
    rows(desk, ENDED, "XOM.PAPER", "canceled").wait_for(timeout=10_000)


def test_a_halt_is_unmistakable_and_what_its_reason_says_is_text(desk, lab):
    title = desk.title()
    desk.click("[data-action=halt]")  # without a reason it asks for one, and arms nothing
    assert desk.locator(".nl-reason.nl-wanted").count() == 1
    told = desk.inner_text(".nl-controls-panel .nl-answer")
    assert told == "say why first: Halt needs a reason"
    desk.fill(".nl-reason", SCRIPT)
    desk.click("[data-action=halt]")
    assert desk.inner_text(STATE) == "ACTIVE"
    desk.click("[data-action=halt]")
    state_is(desk, "HALTED")
    assert desk.locator(".nl-dashboard").get_attribute("data-trading") == "HALTED"
    assert SCRIPT in desk.inner_text(".nl-controls-panel")
    run_dir = Home(lab.settings.home_path).trader("PAPER-001")
    assert Latch(run_dir.latch, witness=run_dir.store).read().state == "HALTED"
    fill_in(desk, instrument="AAPL.PAPER", order_type="MARKET", quantity="5")
    assert "HALTED" in desk.inner_text(".nl-notice")
    assert send(desk).startswith("HALTED")
    assert desk.locator(ANSWER).get_attribute("data-level") == "down"
    denied = rows(desk, ENDED, "AAPL.PAPER", "denied")
    denied.wait_for(timeout=5_000)
    assert SCRIPT in denied.inner_text()
    assert desk.locator("img").count() == 0
    assert desk.title() == title
    desk.fill(".nl-reason", "the drill is over")
    twice(desk, "[data-action=resume]")
    state_is(desk, "ACTIVE")
    assert send(desk).startswith("filled 5 of 5")


def test_a_kill_is_pressed_twice_cancels_what_works_and_takes_two_acts_to_resume(desk, lab):
    limit = {"instrument": "XOM.PAPER", "order_type": "LIMIT", "quantity": "7"}
    fill_in(desk, **limit, limit_price="1.00")
    assert send(desk).startswith("accepted")
    mine = rows(desk, WORKING, "XOM.PAPER", "7")
    mine.wait_for(timeout=5_000)
    desk.fill(".nl-reason", "a drill")
    desk.click("[data-action=kill]")
    assert "kill, and cancel 1 order?" in desk.inner_text("[data-action=kill]")
    assert desk.inner_text(STATE) == "ACTIVE"
    desk.click("[data-action=kill]")
    state_is(desk, "KILLED")
    mine.wait_for(state="detached", timeout=10_000)
    rows(desk, ENDED, "XOM.PAPER", "canceled").first.wait_for(timeout=5_000)
    run_dir = Home(lab.settings.home_path).trader("PAPER-001")
    assert Latch(run_dir.latch, witness=run_dir.store).read().state == "KILLED"
    assert not desk.is_visible("[data-action=kill]")
    answer = desk.locator(".nl-controls-panel .nl-answer")
    desk.fill(".nl-reason", "the drill is over")
    twice(desk, "[data-action=resume]")
    expect(answer).to_contain_text("nobody has asked", timeout=10_000)
    assert desk.inner_text(STATE) == "KILLED"
    twice(desk, "[data-action=ask_resume]")
    expect(answer).to_contain_text("asked for", timeout=10_000)
    desk.fill(".nl-reason", "I looked, too")
    twice(desk, "[data-action=resume]")
    state_is(desk, "ACTIVE")


def test_the_page_has_no_holes_wide_or_narrow(desk, repository, run, root):
    if ASKED_FOR_PICTURES:
        run(_worth_a_picture(root))
        desk.wait_for_timeout(8_000)
    for width, height in ((1000, 1800), (1280, 1400), (1600, 1000)):
        desk.set_viewport_size({"width": width, "height": height})
        desk.wait_for_timeout(600)
        assert desk.evaluate("document.documentElement.scrollWidth") == width
        boxes = [box.bounding_box() for box in desk.locator(".nl-panel:visible").all()]
        for box in boxes:
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        # What the panels leave free is the room between them.
        covered = sum(box["width"] * box["height"] for box in boxes)
        bottom = max(box["y"] + box["height"] for box in boxes)
        top = min(box["y"] for box in boxes)
        assert covered > 0.93 * width * (bottom - top)
    assert desk.evaluate(CUT) == []
    if ASKED_FOR_PICTURES:
        desk.screenshot(path=repository / "docs" / "images" / "trading_dashboard.png")


def test_five_hundred_orders_are_listed_and_cancelled_while_the_page_answers(desk, root, run):
    async def place():
        async with await connect(root=root, role="operator") as other:
            for price in range(5):
                await other.submit_list(
                    [
                        order("JPM.BETA", "BUY", 1, order_type="LIMIT", limit_price=1 + price)
                        for _ in range(100)
                    ],
                    timeout_s=60,
                )

    count = desk.locator(f"{WORKING} .nl-panel-note")
    before = int(count.inner_text() or 0)
    run(place())
    expect(count).to_have_text(f"{before + 500}", timeout=20_000)
    assert rows(desk, WORKING).count() < 100  # what is not seen is not drawn
    begun = time.monotonic()
    fill_in(desk, instrument="MSFT.ALPHA", order_type="MARKET", quantity="1")
    assert send(desk).startswith("filled 1 of 1")
    assert time.monotonic() - begun < 3.0
    twice(desk, "[data-action=cancel_all]")
    expect(count).to_have_text("", timeout=60_000)
    assert rows(desk, WORKING).count() == 0


def test_a_viewers_page_offers_nothing_and_its_kernel_refuses_what_is_forged(tab, voila, lab):
    opened(tab, voila, "looks.ipynb")
    tab.wait_for_function(
        "document.querySelector('.nl-send').innerText === 'this page may not send orders'"
    )
    assert "looks only" in tab.inner_text(".nl-status-who")
    assert tab.locator(".nl-send").is_disabled()
    for button in tab.locator(".nl-act").all():
        assert button.is_disabled()
    assert tab.get_by_role("button", name="cancel", exact=True).count() == 0
    fields = {"instrument": "AAPL.PAPER", "side": "BUY", "quantity": "1", "order_type": "MARKET"}
    tab.evaluate(FORGE, {"kind": "submit", "fields": fields, "parameters": {}})
    tab.select_option("[name=instrument]", "MSFT.PAPER")
    tab.wait_for_function(
        f"document.querySelector('{ANSWER}').innerText.includes('orders:write needs a role')",
        timeout=10_000,
    )
    assert tab.evaluate("globalThis.forged")


async def _worth_a_picture(root: Path) -> None:
    async with await connect(root=root, role="operator") as other:
        middle = other.quotes["JPM.PAPER"].mid

        def near(share: float) -> str:
            return f"{middle * share:.2f}"

        await other.submit("MSFT.PAPER", "BUY", 900, algorithm="SMART")
        limit = {"order_type": "LIMIT", "limit_price": near(0.97)}
        await other.submit("JPM.PAPER", "BUY", 100, **limit)
        stop = {"order_type": "STOP_MARKET", "trigger_price": near(0.95)}
        await other.submit("JPM.BETA", "SELL", 200, **stop)
        entry = order("JPM.ALPHA", "BUY", 50, order_type="LIMIT", limit_price=near(0.96))
        await other.bracket(entry, take_profit=near(1.05), stop_loss=near(0.9))
        timed = {"horizon_secs": 600, "interval_secs": 5}
        await other.submit("XOM.ALPHA", "BUY", 6_000, algorithm="TWAP", parameters=timed)
        await other.submit("XOM.BETA", "SELL", 300)
