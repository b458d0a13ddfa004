"""Alerts of nodes that need no node, and servers that take them."""

import asyncio
import itertools
import subprocess
import time

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.messages import AlertRaised, NodeStateChanged
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import AlertLedger, AlertRow, DeskStore, TradingStore
from tests.monitoring.servers import MailServer, WebhookServer


@pytest.fixture
def home(tmp_path):
    return Home(load_settings(tmp_path).home_path).make()


@pytest.fixture
def desk(home):
    with DeskStore.open(home.store) as store:
        yield store


@pytest.fixture
def ledger(desk):
    return AlertLedger(desk)


@pytest.fixture
async def webhook():
    server = WebhookServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def mail():
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def certificate(tmp_path):
    """A key and a certificate for localhost, that nobody signed but itself."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return tmp_path


class FakeNode:
    """What a node does when it raises an alert, as far as its store."""

    def __init__(self, home, trader):
        self.rundir = home.trader(trader).make()
        self.trader = trader
        self.store = TradingStore.open(self.rundir.store)
        epoch = self.store.begin_epoch("node")
        self.outbox = Outbox(self.store, LocalBus(), trader=trader, writer="node", epoch=epoch)

    def works(self):
        body = NodeStateChanged(component="node", state="running")
        self.outbox.publish(body, f"system.node.{self.trader}")

    def alert(self, rule="gross must hold", *, level="breach", severity="critical", **more):
        body = AlertRaised(severity=severity, component="risk", rule=rule, level=level, **more)
        return self.outbox.publish(body, f"system.alert.{self.trader}").id


@pytest.fixture
def node(home):
    made = []

    def node(trader="T-1"):
        made.append(FakeNode(home, trader))
        return made[-1]

    yield node
    for one in made:
        one.store.close()


_numbers = itertools.count(1)


def an_alert(**changes):
    facts = {
        "id": f"01a2156f-0000-7000-8000-{next(_numbers):012d}",
        "ts_ns": time.time_ns(),
        "severity": "critical",
        "component": "risk",
        "trader": "T-1",
        "rule": "gross must hold",
        "detail": "2.1 of 2",
        "remedy": "reduce",
        "scope": "account",
        "level": "breach",
    }
    return AlertRow(**facts | changes)


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
