"""Letting traders do less: latches first, then nodes, then the venues of nodes that say nothing."""

import asyncio
import fcntl
import os
import socket
import time

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.paper import ListOrders, Orders
from nautilus_lab.kill_switch import tighten, tighten_all
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer, StateOfTrading
from nautilus_lab.platform.latch import latch_traders
from nautilus_lab.platform.rundir import Home, Latch, ResumeRequest
from nautilus_lab.trading.commands import NODE_COMMANDS
from tests.execution.paper.stage import Stage, resting


class Node:
    """A node's socket, that says it cancels three orders once `let_go` is set."""

    def __init__(self, rundir):
        self.rundir = rundir
        self.let_go = asyncio.Event()
        self.bodies = []
        handlers = dict.fromkeys((spec.name for spec in NODE_COMMANDS), self._answer)
        self.server = CommandServer(rundir.commands, NODE_COMMANDS, LocalOwner().verify, handlers)

    async def _answer(self, request):
        self.bodies.append(request.body)
        await self.let_go.wait()
        return StateOfTrading(
            state="KILLED", reason=request.body.reason, by="ana", since_ns=1, cancelling=3
        )


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home").make()


@pytest.fixture
def rundir(home):
    return home.trader("PAPER-001").make()


@pytest.fixture
async def node(rundir):
    node = Node(rundir)
    await node.server.start()
    yield node
    await node.server.stop(grace_s=0)


@pytest.fixture
async def venue(rundir, tmp_path):
    """A paper venue where a trader's venue is, with two orders at work."""
    stage = Stage(tmp_path, faults=True)
    stage.orders, stage.quotes = rundir.venue_orders, rundir.venue_quotes
    rundir.venue_book.touch()  # a venue has run there; its sockets are elsewhere below a long path
    await stage.open()
    client = await stage.client()
    for name in ("O-1", "O-2"):
        await client.request(resting(name), Orders)
    yield client
    await stage.strike()


async def left(venue):
    return [
        o.client_order_id
        for o in (await venue.request(ListOrders(working_only=True), Orders)).orders
    ]


async def test_a_node_that_answers_does_all_of_it(rundir, node, venue):
    node.let_go.set()
    done = await tighten(rundir, "KILLED", reason="enough", cancel_orders=True)
    assert (done.node, done.cancelling, done.pulled) == ("told", 3, 0)
    assert await left(venue) == ["O-1", "O-2"]  # this node only says so
    assert str(done) == "PAPER-001 is KILLED (enough); node told, 3 orders are cancelled"


async def test_the_venue_of_a_node_that_says_nothing_is_asked_directly(rundir, node, venue):
    killing = asyncio.create_task(tighten(rundir, "KILLED", reason="enough", cancel_orders=True))
    async with asyncio.timeout(5):
        while await left(venue):
            await asyncio.sleep(0.01)
    assert not killing.done()  # it goes on waiting for the node
    assert Latch(rundir.latch).read().state == "KILLED"
    node.let_go.set()
    done = await killing
    assert (done.node, done.pulled, done.unanswered) == ("told", 2, ())
    assert "2 orders are cancelled at the venue" in str(done)


async def test_orders_of_a_dead_node_are_pulled_by_whoever_owns_them(rundir, venue):
    done = await tighten(rundir, "KILLED", reason="enough", cancel_orders=True)
    assert (done.node, done.pulled, await left(venue)) == ("does not run", 2, [])


async def test_only_what_is_to_be_cancelled_is(rundir, venue):
    await tighten(rundir, "HALTED", reason="enough")
    # Which of them reduce, only the node could tell.
    await tighten(rundir, "REDUCE_ONLY", reason="enough", cancel_orders=True)
    assert await left(venue) == ["O-1", "O-2"]
    await tighten(rundir, "HALTED", reason="enough", cancel_orders=True)
    assert await left(venue) == []


async def test_a_venue_that_is_away_is_said(rundir):
    rundir.venue_book.touch()
    done = await tighten(rundir, "KILLED", reason="enough", cancel_orders=True)
    assert done.unanswered == ("venue PAPER does not run",)
    assert str(done).endswith("node does not run; venue PAPER does not run")


async def test_a_venue_that_is_silent_is_said(rundir, monkeypatch):
    monkeypatch.setattr("nautilus_lab.kill_switch._following._VENUE_S", 0.1)
    rundir.venue_book.touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(rundir.venue_orders.removeprefix("ipc://"))
        listening.listen()
        done = await tighten(rundir, "KILLED", reason="enough", cancel_orders=True)
    assert done.unanswered == ("venue PAPER does not answer",)


def test_every_latch_is_written_before_any_node_is_told(home, monkeypatch):
    rundirs = [home.trader(f"PAPER-00{number}").make() for number in (1, 2, 3)]
    seen = []

    async def follow(latched, to, **_):
        seen.extend(Latch(rundir.latch).read().state for rundir in rundirs)
        return []

    monkeypatch.setattr("nautilus_lab.kill_switch._tighten.follow", follow)
    asyncio.run(tighten_all(home, "KILLED", reason="enough", cancel_orders=True))
    assert seen == ["KILLED"] * 3


async def test_a_dead_node_finds_in_its_latch_that_orders_were_to_be_cancelled(rundir):
    await tighten(rundir, "HALTED", reason="enough")
    assert Latch(rundir.latch).read().cancels is False
    done = await tighten(rundir, "HALTED", reason="these too", cancel_orders=True)
    assert Latch(rundir.latch).read().cancels is True
    assert (done.moved, done.reason) == (False, "enough")


def test_one_latch_that_is_held_keeps_no_other_waiting(home):
    rundirs = [home.trader(f"PAPER-{number:03d}").make() for number in range(1, 9)]
    held = os.open(rundirs[0].path, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        begun = time.monotonic()
        latched = latch_traders([one.folder() for one in rundirs], "HALTED", reason="enough")
        took = time.monotonic() - begun
    finally:
        os.close(held)
    assert [one.held.state for one in latched] == ["HALTED"] * 8
    assert took < 8 * 0.25  # as long as one waits for a lock that somebody was stopped with


def test_a_machine_that_starts_no_thread_any_more_keeps_nobody_from_latching(home, monkeypatch):
    folders = [home.trader(f"PAPER-00{number}").make().folder() for number in (1, 2)]

    def no_room(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", no_room)
    latched = latch_traders(folders, "KILLED", reason="enough")
    assert [one.held.state for one in latched] == ["KILLED"] * 2


def test_who_tightens_withdraws_what_was_asked_for(rundir):
    Latch(rundir.latch).tighten("KILLED", reason="enough", by="cleo")
    now = time.time_ns()
    ResumeRequest(
        to="ACTIVE", reason="why not", by="ana", serial=1, asked_ns=now, expires_ns=now + 10**12
    ).write(rundir.resume_asked)
    latch_traders([rundir.folder()], "HALTED", reason="to be sure")
    assert ResumeRequest.read(rundir.resume_asked) is None
    assert Latch(rundir.latch).read().state == "KILLED"


async def test_a_trader_that_is_none_and_a_reason_that_is_none_are_refused(home, rundir):
    with pytest.raises(InputError, match="must be one of this workspace"):
        await tighten(home.trader("PAPER-009"), "KILLED", reason="enough")
    with pytest.raises(InputError, match="needs a reason"):
        await tighten(rundir, "KILLED", reason=" ")
    assert not rundir.latch.exists()


async def test_all_others_are_killed_although_one_cannot_be(home):
    rundirs = [home.trader(f"PAPER-00{number}").make() for number in (1, 2)]
    rundirs[0].latch.mkdir()
    with pytest.raises(StoreError, match="every trader must be KILLED"):
        await tighten_all(home, "KILLED", reason="enough")
    assert Latch(rundirs[1].latch).read().state == "KILLED"
