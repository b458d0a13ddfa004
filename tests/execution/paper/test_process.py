"""The venue as a process: killed at any moment, it has told nothing that it then forgets."""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal

import psutil
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import DeadlineExceeded
from nautilus_lab.execution.paper import (
    Account,
    CancelAll,
    GetAccount,
    Ledger,
    ListFills,
    ListOrders,
    ListPositions,
    NewOrder,
    NewOrderList,
    Orders,
    PaperBook,
    PaperVenueClient,
    Positions,
)
from nautilus_lab.execution.paper import Fills as FillsSaid
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.rundir import Failure, Home, ProcessRecord
from tests.execution.paper.stage import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

FAILPOINTS = (
    "venue.before_append",
    "venue.before_commit",
    "venue.after_append",
    "venue.after_answer",
    "venue.after_push",
)
VENUES = (
    {"name": "PAPER", "depth": 25, "levels": 2},
    {"name": "DARK", "price_offset_bps": 100, "leverage": 4, "starting_cash": 5_000, "seed": 3},
)


class Process:
    """One venue of a workspace, started and killed for real."""

    def __init__(self, workspace, catalog, name="PAPER"):
        trading = {
            "seconds_per_day": 2.0,
            "quotes_per_second": 50,
            "replay_symbols": ("AAPL", "MSFT"),
            "venues": VENUES,
        }
        self.name = name
        self.settings = load_settings(workspace, trading=trading)
        home = Home(self.settings.home_path).make()
        self.rundir = home.trader(self.settings.trading.trader_id).make()
        self.files = self.rundir.venue_of(name)
        self.rundir.settings.write_text(self.settings.to_private_json(), "utf-8")
        self.plan = workspace / "plan"
        self.process = None

    def spawn(self):
        return subprocess.Popen(
            [
                sys.executable,
                *("-m", "nautilus_lab.execution.paper"),
                *("--settings", str(self.rundir.settings), "--venue", self.name),
            ],
            stderr=subprocess.PIPE,
            env={**os.environ, "NL_FAILPOINT": f"@{self.plan}"},
        )

    async def start(self):
        self.files.record.unlink(missing_ok=True)  # what a killed one left
        self.process = self.spawn()
        await until(self.serves, seconds=30)

    def serves(self):
        assert self.process.poll() is None, self.process.stderr.read().decode()
        record = ProcessRecord.read(self.files.record)
        return record is not None and record.pid == self.process.pid

    @property
    def dead(self):
        return self.process.poll() is not None

    async def end(self, number=signal.SIGKILL):
        if not self.dead:
            self.process.send_signal(number)
            await until(lambda: self.dead)
        self.process.stderr.close()
        return self.process.returncode

    def client(self, **callbacks):
        return PaperVenueClient(
            orders_address=self.files.orders, quotes_address=self.files.quotes, **callbacks
        )


@pytest.fixture
async def dark(workspace, catalog):
    venue = Process(workspace, catalog, "DARK")
    await venue.start()
    yield venue
    await venue.end()


@pytest.fixture
async def venue(workspace, catalog):
    venue = Process(workspace, catalog)
    await venue.start()
    yield venue
    await venue.end()


class Trader:
    """Who sends orders without end, and never sends one again whose outcome may be known."""

    def __init__(self, venue, seed):
        self.venue = venue
        self.draw = random.Random(seed)
        self.numbers = itertools.count(1)
        self.events = []
        self.answered = {}  # client order id -> the order as it was told
        self.asked = {}  # client order id -> what was sent
        self.client = venue.client(on_event=self.events.append)
        self.client.seq = 0

    async def trade(self):
        """Send orders one after the other until the venue is gone."""
        while not self.venue.dead:
            name = f"o{next(self.numbers)}"
            ask = self.order(name)
            for order in ask.orders if isinstance(ask, NewOrderList) else [ask]:
                self.asked[order.client_order_id] = ask
            asking = asyncio.ensure_future(self.client.request(ask, Orders, timeout_s=1.0))
            while not asking.done() and not self.venue.dead:
                await asyncio.wait([asking], timeout=0.005)
            if self.venue.dead and not asking.done():
                asking.cancel()
            with contextlib.suppress(asyncio.CancelledError, DeadlineExceeded):
                self.took(await asking)

    def order(self, name):
        side, quantity = self.draw.choice(("BUY", "BUY", "SELL")), self.draw.randint(1, 60)
        terms = {"symbol": self.draw.choice(("AAPL", "MSFT")), "quantity": Decimal(quantity)}
        if self.draw.random() < 0.5:
            return NewOrder(client_order_id=name, side=side, order_type="MARKET", **terms)
        pair = {"side": "SELL", "list_id": name, "parent": name, "contingency": "OUO", **terms}
        up, down = f"{name}-up", f"{name}-down"
        return NewOrderList(
            orders=[
                NewOrder(
                    client_order_id=name,
                    side="BUY",
                    order_type="MARKET",
                    list_id=name,
                    contingency="OTO",
                    **terms,
                ),
                NewOrder(
                    client_order_id=up,
                    order_type="TRAILING_STOP_MARKET",
                    trailing_offset=Decimal("0.50"),
                    linked=(down,),
                    **pair,
                ),
                NewOrder(
                    client_order_id=down,
                    order_type="LIMIT",
                    limit_price=Decimal("100000.00"),
                    linked=(up,),
                    **pair,
                ),
            ]
        )

    def took(self, answer):
        for order in answer.orders:
            self.answered[order.client_order_id] = order

    async def settle(self):
        """Ask what became of every order, and send again what the venue never saw."""
        await until(lambda: self.client.state is ConnectionState.CONNECTED)
        theirs = (await self.client.request(ListOrders(), Orders)).orders
        known = {order.client_order_id for order in theirs}
        for name, ask in self.asked.items():
            if name not in known:
                self.took(await self.client.request(ask, Orders))

    async def require_nothing_lost(self):
        """What was told is in the ledger; the ledger, the book and what was told are the same."""
        await self.client.request(CancelAll(), Orders)
        # What was cut short waits for quotes: let nothing happen while it is looked at.
        client = self.client
        account = (await client.request(GetAccount(), Account)).account
        positions = (await client.request(ListPositions(), Positions)).positions
        orders = (await client.request(ListOrders(), Orders)).orders
        fills = (await client.request(ListFills(), FillsSaid)).fills
        ledger = Ledger(self.venue.files.book)
        kept = list(ledger.events())
        ledger.close()
        await until(lambda: len(self.events) == len(kept))
        assert [e.seq for e in self.events] == list(range(1, len(kept) + 1))
        assert self.events == kept
        assert len({f.trade_id for f in fills}) == len(fills)
        accepted = Counter(e.order.client_order_id for e in kept if e.kind == "ACCEPTED")
        assert not accepted or max(accepted.values()) == 1
        told = PaperBook(starting_cash=account.deposited)
        told.restore(kept)
        assert (told.cash, told.account.balance) == (account.cash, account.balance)
        assert told.positions == positions
        assert told.orders() == orders
        assert list(told.fills) == fills
        now = {order.client_order_id: order for order in orders}
        assert now.keys() == self.asked.keys()
        for name, order in self.answered.items():
            assert now[name].venue_order_id == order.venue_order_id
            assert now[name].filled >= order.filled


async def test_killed_at_each_failpoint_it_forgets_nothing_and_does_nothing_twice(venue):
    trader = Trader(venue, seed=1)
    await trader.client.connect()
    for number, place in enumerate(FAILPOINTS):
        venue.plan.write_text(f"venue:{place}@{5 + number}", "utf-8")
        await asyncio.wait_for(trader.trade(), 20)
        assert await venue.end() == -signal.SIGKILL
        assert not venue.plan.exists()  # it was the plan that ended it
        await venue.start()
        await trader.settle()
        await trader.require_nothing_lost()
    assert len(trader.events) > 30
    await trader.client.close()


async def test_killed_at_random_it_forgets_nothing_and_does_nothing_twice(venue):
    trader, draw = Trader(venue, seed=2), random.Random(3)
    await trader.client.connect()
    for _ in range(4):
        trading = asyncio.create_task(trader.trade())
        await asyncio.sleep(draw.uniform(0.02, 0.3))
        await venue.end()
        await asyncio.wait_for(trading, 20)
        await venue.start()
        await trader.settle()
        await trader.require_nothing_lost()
    await trader.client.close()


async def test_a_frozen_venue_does_nothing_late_when_it_thaws(venue, monkeypatch):
    monkeypatch.setattr("nautilus_lab.execution.paper._client._HELLO_EVERY_S", 0.1)
    monkeypatch.setattr("nautilus_lab.execution.paper._client._LOST_AFTER_S", 0.5)
    client = venue.client()
    await client.connect()
    order = NewOrder(
        client_order_id="late", symbol="AAPL", side="BUY", order_type="MARKET", quantity=Decimal(1)
    )
    os.kill(venue.process.pid, signal.SIGSTOP)
    with pytest.raises(DeadlineExceeded):
        await client.request(order, Orders, timeout_s=0.3)
    await until(lambda: client.state is ConnectionState.RECONNECTING)
    os.kill(venue.process.pid, signal.SIGCONT)
    await until(lambda: client.state is ConnectionState.CONNECTED)
    assert (await client.request(ListOrders(), Orders)).orders == []
    await client.close()


async def test_a_venue_that_is_told_to_end_ends_at_once_and_takes_its_record_along(venue):
    begun = time.monotonic()
    assert await venue.end(signal.SIGTERM) == 0
    assert time.monotonic() - begun < 3
    assert not venue.files.record.exists()


async def test_a_second_process_for_the_same_venue_is_refused(venue):
    second = venue.spawn()
    await until(lambda: second.poll() is not None, seconds=30)
    assert second.returncode == 2
    assert "the venue PAPER of trader" in second.stderr.read().decode()
    second.stderr.close()
    assert venue.serves()
    assert Failure.read(venue.rundir.failure).process == "venue"


async def test_venues_side_by_side_have_other_prices_accounts_and_books(venue, dark):
    tapes = {"PAPER": [], "DARK": []}
    clients = [v.client(on_tape=tapes[v.name].append) for v in (venue, dark)]
    for client in clients:
        await client.connect()
    accounts = [(await c.request(GetAccount(), Account)).account for c in clients]
    assert [(a.account_id, a.deposited, a.leverage) for a in accounts] == [
        ("PAPER-1", 1_000_000, 1),
        ("DARK-1", 5_000, 4),
    ]
    await until(lambda: len(tapes["DARK"]) > 10)
    # They play the same day at the same time, the dark one a percent dearer.
    theirs = {tape.source_ts: tape.quotes[0] for tape in tapes["PAPER"]}
    both = [(theirs[t.source_ts], t.quotes[0]) for t in tapes["DARK"] if t.source_ts in theirs]
    assert len(both) > 5
    assert all(1.0 < other.bid / paper.bid < 1.05 for paper, other in both)
    when = [{t.source_ts: t.ts for t in tapes[name]} for name in tapes]
    apart = [abs(when[0][ts] - when[1][ts]) / 1e9 for ts in when[0].keys() & when[1].keys()]
    assert sorted(apart)[len(apart) // 2] < 0.1
    assert both[0][0].ask_size == 25
    assert both[0][1].ask_size == 10_000
    for client in clients:
        await client.close()


async def test_a_venue_that_is_none_of_the_settings_is_one_clear_error(workspace, catalog):
    venue = Process(workspace, catalog, "NOWHERE")
    process = venue.spawn()
    await until(lambda: process.poll() is not None, seconds=30)
    assert process.returncode == 2
    assert "must be one of trading.venues" in process.stderr.read().decode()
    process.stderr.close()


async def test_a_venue_ends_when_its_run_directory_is_taken_away(venue):
    venue.files.record.rename(venue.files.record.with_suffix(".away"))
    await until(lambda: venue.dead)
    assert venue.process.returncode == 0


async def test_a_venue_at_rest_uses_little(venue):
    """Fifty quotes a second of two symbols: a few percent of a core, and no memory that grows."""
    process = psutil.Process(venue.process.pid)
    before, rss = process.cpu_times(), process.memory_info().rss
    begun = time.monotonic()
    seen = []
    client = venue.client(on_tape=seen.append)
    await client.connect()
    await until(lambda: len(seen) >= 100)
    used = sum(process.cpu_times()[:2]) - sum(before[:2])
    assert used / (time.monotonic() - begun) < 0.5
    assert process.memory_info().rss - rss < 20 << 20
    await client.close()
