"""The page's client of the gateway, stream.js, in a real browser."""

import asyncio
import contextlib
import functools
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.rundir import Home, ProcessRecord
from tests.streaming.fake_node import FakeNode

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PAGE = """<!doctype html><script type=module>
import { Stream } from "./stream.js";
window.begin = (urls, tokens, options = {}) => {
  window.fills = []; window.log = []; window.snapshots = [];
  const token = async () => tokens.length > 1 ? tokens.shift() : tokens[0];
  window.stream = new Stream({ urls, token, baseMs: 50, capMs: 200, ...options });
  stream.onEvent = (event) => event.body.kind === "orderfilled" && fills.push(event.body.trade_id);
  stream.onChange = (what, detail) => {
    if (what === "connection") log.push(detail.state);
    if (what === "snapshot") snapshots.push(detail.incomplete);
  };
  stream.connect();
};
window.ready = true;
</script>"""


class Loop:
    """An event loop beside the browser's: what it runs may be called from the test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def call(self, function, *arguments):
        async def called():
            return function(*arguments)

        return self.run(called())

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.end()


@pytest.fixture
def home() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    yield root / ".lab"
    shutil.rmtree(root)


@pytest.fixture
def node(loop: Loop, home: Path) -> Iterator[FakeNode]:
    async def made() -> FakeNode:
        return await FakeNode(home).start()

    node = loop.run(made())
    yield node
    loop.run(node.stop())


class Gateways:
    """Gateways as processes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen] = {}  # url -> process

    def start(self, number: int) -> str:
        command = [sys.executable, "-m", "nautilus_lab.streaming", "--home", str(self.home)]
        process = subprocess.Popen(
            [*command, "--number", str(number), "--heartbeat-s", "0.3", "--conflate-ms", "20"]
        )
        record_file = Home(self.home).gateway_files(number).record
        while (record := ProcessRecord.read(record_file)) is None or record.pid != process.pid:
            assert process.poll() is None
            time.sleep(0.05)
        self.processes[record.address] = process
        return record.address

    def kill(self, url: str) -> None:
        process = self.processes.pop(url)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)


@pytest.fixture
def gateways(home: Path, node: FakeNode) -> Iterator[Gateways]:
    gateways = Gateways(home)
    yield gateways
    gateways.end()


@pytest.fixture
def tab(page, repository: Path, tmp_path: Path) -> Iterator:
    """A page with the module loaded, served from this machine; it logs no error of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    module = repository / "nautilus_lab" / "widgets" / "static" / "stream.js"
    shutil.copy(module, folder)
    (folder / "index.html").write_text(PAGE)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words) -> None:
            pass

    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    page.wait_for_function("window.ready")
    yield page
    page.evaluate("window.stream?.close()")
    server.shutdown()
    thread.join()
    server.server_close()
    assert errors == []


def token_of(home: Path, *roles: Role) -> str:
    issuer = TokenIssuer(signing_key(home / "signing.key"))
    return issuer.issue(Principal("ada", frozenset(roles)))


def begin(tab, urls: list[str], *tokens: str, **options) -> None:
    tab.evaluate("([u, t, o]) => begin(u, t, o)", [urls, list(tokens), options])


def holds(tab, expression: str, timeout_s: float = 15.0) -> None:
    tab.wait_for_function(expression, timeout=timeout_s * 1_000)


def test_the_client_has_a_hundred_lines_and_asks_for_nothing_else(repository: Path):
    text = (repository / "nautilus_lab" / "widgets" / "static" / "stream.js").read_text()
    assert len(text.splitlines()) <= 100
    assert "import" not in text


def test_a_page_shows_the_present_and_what_is_new(tab, loop, node, gateways, home):
    loop.call(node.fill, 1)
    loop.call(node.quote, "AAPL.PAPER", 100.0, 100.5)
    loop.call(node.reject, 7, "why")
    begin(tab, [gateways.start(1)], token_of(home, Role.VIEWER))
    holds(tab, "stream.connection === 'connected' && fills.length === 1")
    loop.call(node.fill, 2)
    loop.call(node.quote, "AAPL.PAPER", 101.0, 101.5)
    holds(tab, "stream.states.get('market.quote.PAPER.AAPL')?.body.bid === 101")
    holds(tab, "fills.length === 2")
    assert tab.evaluate("fills") == ["T-1", "T-2"]
    assert tab.evaluate("[...stream.orders.values()].map((o) => o.body.status)") == ["REJECTED"]
    assert tab.evaluate("stream.node.state") == "running"
    assert tab.evaluate("stream.node.simulated") is True
    assert 0 <= tab.evaluate("stream.ageMs") < 5_000
    assert tab.evaluate("snapshots") == [False]


def test_a_page_whose_gateway_is_killed_goes_on_at_another_and_misses_no_fill(
    tab, loop, node, gateways, home
):
    urls = [gateways.start(1), gateways.start(2)]
    begin(tab, urls, token_of(home, Role.VIEWER))
    holds(tab, "stream.connection === 'connected' && snapshots.length === 1")
    number = 0
    for _ in range(3):
        for _ in range(100):
            loop.call(node.fill, number)
            number += 1
        at = tab.evaluate("stream.url")
        dead = Home(home).gateway_files(1 if at == urls[0] else 2)
        gateways.kill(at)
        for _ in range(100):
            loop.call(node.fill, number)
            number += 1
        holds(tab, f"stream.url !== {json.dumps(at)} && stream.connection === 'connected'")
        urls[urls.index(at)] = gateways.start(1 if dead.record.name == "gateway.json" else 2)
        tab.evaluate("(urls) => { stream.urls = urls; }", urls)
    holds(tab, f"fills.length >= {number}")
    assert tab.evaluate("fills") == [f"T-{n}" for n in range(number)]
    assert tab.evaluate("log.filter((state) => state === 'reconnecting').length") >= 3
    assert not any(tab.evaluate("snapshots"))


def test_commands_are_promises_by_the_role_of_the_token(tab, loop, node, gateways, home):
    url = gateways.start(1)
    begin(tab, [url], token_of(home, Role.TRADER))
    holds(tab, "snapshots.length === 1")
    done = tab.evaluate(
        "async () => { let acks = 0; const body = await stream.command('orders.buy', {units: 3},"
        " {version: 2, onAck: () => acks++}); return [acks, body]; }"
    )
    assert done == [1, {"units": 3}]
    assert node.bought == [("ada", 3)]
    failed = "(name) => stream.command(name, {units: 1}, {version: 2}).catch((e) => [e.type, e.id])"
    assert tab.evaluate(failed, "orders.steal")[0] == "InputError"
    begin(tab, [url], token_of(home, Role.VIEWER))
    holds(tab, "snapshots.length === 1")
    assert tab.evaluate(failed, "orders.buy")[0] == "AccessDenied"
    assert node.bought == [("ada", 3)]
    tab.evaluate("stream.close()")
    assert tab.evaluate(failed, "orders.buy")[0] == "NotReachable"


def test_a_command_over_which_the_gateway_dies_is_unknown_and_not_sent_again(
    tab, loop, node, gateways, home
):
    urls = [gateways.start(1), gateways.start(2)]
    begin(tab, urls, token_of(home, Role.TRADER))
    holds(tab, "snapshots.length === 1")
    tab.evaluate(
        "() => { stream.command('orders.buy', {units: 1, wait_s: 60}, {version: 2})"
        ".catch((error) => { window.failed = error.type; }); }"
    )
    while not node.bought:
        time.sleep(0.01)
    gateways.kill(tab.evaluate("stream.url"))
    holds(tab, "window.failed === 'OutcomeUnknown'")
    holds(tab, "snapshots.length === 2")
    assert node.bought == [("ada", 1)]


def test_a_node_that_ends_is_told_and_its_data_grow_old(tab, loop, node, gateways, home):
    begin(tab, [gateways.start(1)], token_of(home, Role.VIEWER))
    loop.call(node.quote, "AAPL.PAPER", 100.0, 100.5)
    holds(tab, "stream.states.size === 1")
    loop.run(node.stop())
    holds(tab, "stream.node.state === 'unreachable'")
    holds(tab, "stream.ageMs > 1000")
    assert tab.evaluate("stream.connection") == "connected"
    assert tab.evaluate("stream.states.size") == 1


# --- a gateway that misbehaves --------------------------------------------------------------

WELCOME = {"kind": "welcome", "heartbeat_s": 0.2, "traders": ["T-1"]}
EMPTY = {"trader": "T-1", "epoch": 1, "ts": 10**18, "orders": [], "states": [], "events": []}


def snapshot(seq: int, **more) -> dict:
    return {"kind": "snapshot", "seq": seq, "simulated": True, "resumed": False, **EMPTY, **more}


def delta(after: int, upto: int, **more) -> dict:
    return {"kind": "delta", "after": after, "upto": upto, **EMPTY, **more}


@contextlib.contextmanager
def scripted(loop: Loop, script) -> Iterator[str]:
    """A server that lets `script` talk to each connection; its url."""

    async def begun():
        return await serve(script, "127.0.0.1", 0)

    server = loop.run(begun())

    async def ended() -> None:
        server.close()
        await server.wait_closed()

    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream"
    finally:
        loop.run(ended())


def test_a_frame_that_was_missed_is_noticed_and_the_page_resumes_from_where_it_stood(tab, loop):
    said = []

    async def script(socket) -> None:
        said.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(WELCOME | {"heartbeat_s": 30}))
        said.append(json.loads(await socket.recv()))
        for frame in (snapshot(5), delta(5, 6), delta(8, 9), delta(9, 10)):
            await socket.send(json.dumps(frame))
        said.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(snapshot(10, resumed=True)))
        await socket.send(json.dumps(delta(10, 11, epoch=2)))
        said.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(snapshot(1, epoch=2)))
        await socket.wait_closed()

    with scripted(loop, script) as url:
        begin(tab, [url], "t")
        holds(tab, "snapshots.length === 3")
        assert [(f.get("epoch"), f.get("seq")) for f in said[1:]] == [
            (None, None),
            (1, 6),
            (1, 10),
        ]
        assert said[0] == {
            "kind": "hello",
            "protocol": 1,
            "token": "t",
            "encoding": "json",
            "client": "stream.js",
        }
        # The last one was not resumed: events may be missing, and the page is told.
        assert tab.evaluate("snapshots") == [False, False, True]
        tab.evaluate("stream.close()")


def test_a_gateway_that_falls_silent_is_left(tab, loop):
    connections = []

    async def script(socket) -> None:
        connections.append(socket)
        await socket.recv()
        await socket.send(json.dumps(WELCOME))
        await socket.recv()
        await socket.send(json.dumps(snapshot(5)))
        await asyncio.sleep(20)

    with scripted(loop, script) as url:
        begin(tab, [url], "t")
        holds(tab, "snapshots.length >= 2", 5.0)
        tab.evaluate("stream.close()")
    assert len(connections) >= 2


@pytest.mark.parametrize(("code", "comes_back"), [(4003, False), (4001, True), (4008, True)])
def test_a_page_comes_back_with_a_new_token_unless_that_is_of_no_use(tab, loop, code, comes_back):
    tokens = []

    async def script(socket) -> None:
        tokens.append(json.loads(await socket.recv())["token"])
        await socket.close(code, "why")

    with scripted(loop, script) as url:
        begin(tab, [url], "one", "two", attempts=2)
        holds(tab, "stream.connection === 'error'")
    assert tokens == (["one", "two", "two"] if comes_back else ["one"])
