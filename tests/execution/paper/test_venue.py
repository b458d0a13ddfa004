"""The venue and its client, over real sockets."""

import asyncio
import contextlib
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import NodeError, NotReachable, StoreError
from nautilus_lab.execution.paper import (
    Account,
    Fills,
    GetAccount,
    Ledger,
    ListFills,
    ListOrders,
    ListPositions,
    NewOrder,
    Orders,
    PaperVenue,
    PaperVenueClient,
    Positions,
    Replay,
)
from nautilus_lab.platform.connection import ConnectionState


def buy(name, quantity=10, symbol="A"):
    return NewOrder(
        client_order_id=name,
        symbol=symbol,
        side="BUY",
        order_type="MARKET",
        quantity=Decimal(quantity),
    )


class Stage:
    """A venue on sockets of its own, which can be closed and opened again."""

    def __init__(self, folder):
        self.folder = folder
        self.orders = f"ipc://{folder}/o.sock"
        self.quotes = f"ipc://{folder}/q.sock"
        self.task = None
        days = pd.date_range("2020-01-01", periods=60, freq="B", tz="UTC")
        steps = np.random.default_rng(7).normal(0, 0.01, (60, 2)).cumsum(axis=0)
        self.closes = pd.DataFrame(100 * np.exp(steps), days, ["A", "B"])

    async def open(self, start="", steps_per_day=50):
        self.ledger = Ledger(self.folder / "venue.db")
        venue = PaperVenue(
            replay=Replay(self.closes, steps_per_day=steps_per_day, seed=1, start=start),
            ledger=self.ledger,
            orders_address=self.orders,
            quotes_address=self.quotes,
            seconds_per_day=1.0,
            starting_cash=Decimal(100_000),
        )
        self.task = asyncio.create_task(venue.serve())
        await asyncio.sleep(0.1)

    async def close(self):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        self.ledger.close()

    def client(self, **callbacks):
        return PaperVenueClient(orders_address=self.orders, quotes_address=self.quotes, **callbacks)


@pytest.fixture
async def stage(tmp_path):
    stage = Stage(tmp_path)
    await stage.open()
    yield stage
    if not stage.task.done():
        await stage.close()


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_an_order_is_answered_pushed_and_kept(stage):
    events = []
    client = stage.client(on_event=events.append)
    await client.connect()
    answer = await client.request(buy("o1"), Orders)
    assert answer.orders[0].client_order_id == "o1"
    await until(lambda: len(events) == 2)
    assert [e.order.status for e in events] == ["ACCEPTED", "FILLED"]
    account = (await client.request(GetAccount(), Account)).account
    fill = events[1].fill
    assert account.cash == Decimal(100_000) - fill.quantity * fill.price - fill.commission
    await client.close()


async def test_quotes_move_and_carry_the_historical_time(stage):
    tapes = []
    client = stage.client(on_tape=tapes.append)
    await client.connect()
    await until(lambda: len(tapes) > 10)
    assert len({t.quotes[0].bid for t in tapes}) > 3
    assert all(q.bid < q.ask for t in tapes for q in t.quotes)
    assert all(pd.Timestamp(t.source_ts).year == 2020 for t in tapes)
    await client.close()


async def test_a_venue_that_restarts_has_its_book_and_tells_what_was_missed(stage):
    events = []
    client = stage.client(on_event=events.append)
    await client.connect()
    await client.request(buy("o1"), Orders)
    await until(lambda: len(events) == 2)
    await stage.close()
    await stage.open()
    await until(lambda: client.state is ConnectionState.CONNECTED)
    await client.request(buy("o2"), Orders, timeout_s=5)
    await until(lambda: len(events) == 4)
    assert [e.seq for e in events] == [1, 2, 3, 4]
    positions = (await client.request(ListPositions(), Positions)).positions
    assert positions[0].quantity == 20
    await client.close()


async def test_a_replay_goes_on_at_its_date_unless_another_start_is_asked_for(stage):
    days = []

    async def first_day(**settings):
        await stage.close()
        await stage.open(**settings)
        client = stage.client(on_tape=lambda tape: days.append(pd.Timestamp(tape.source_ts).date()))
        await client.connect()
        await until(lambda: days)
        day = days[0]
        await asyncio.sleep(1.2)  # a replayed day takes a second
        await client.close()
        days.clear()
        return str(day)

    begun = await first_day()
    # Fewer days stand before it and the speed is another: its date is what counts.
    stage.closes = stage.closes.iloc[5:]
    later = await first_day(start=begun, steps_per_day=20)
    assert later > begun
    assert await first_day(start=begun) > later
    assert await first_day(start="2020-03-10") == "2020-03-10"


async def test_a_client_that_comes_late_learns_what_it_missed_once(stage):
    first = stage.client()
    await first.connect()
    events = []
    second = stage.client(on_event=events.append)
    second.seq = 0
    await first.request(buy("o1"), Orders)
    await second.connect()
    await until(lambda: len(events) == 2)
    await asyncio.sleep(1.5)
    assert [e.seq for e in events] == [1, 2]
    await first.close()
    await second.close()


async def test_a_refused_order_says_why_and_leaves_no_trace(stage):
    client = stage.client()
    await client.connect()
    with pytest.raises(NodeError, match="refused"):
        await client.request(buy("o1", symbol="ZZZ"), Orders)
    with pytest.raises(NodeError, match="whole number"):
        await client.request(buy("o2", quantity=-5), Orders)
    assert (await client.request(ListOrders(), Orders)).orders == []
    await client.close()


async def test_garbage_on_the_socket_disturbs_nobody(stage):
    import zmq
    import zmq.asyncio

    context = zmq.asyncio.Context()
    vandal = context.socket(zmq.DEALER)
    vandal.connect(stage.orders)
    for junk in (b"", b"\x00" * 100, b"{}", b"\xff" * 10_000):
        await vandal.send(junk)
    client = stage.client()
    await client.connect()
    assert (await client.request(ListFills(), Fills)).fills == []
    await client.close()
    context.destroy(linger=0)


async def test_no_venue_is_one_clear_error_and_nothing_left_open(tmp_path):
    client = PaperVenueClient(
        orders_address=f"ipc://{tmp_path}/o.sock", quotes_address=f"ipc://{tmp_path}/q.sock"
    )
    with pytest.raises(NotReachable, match="must be running"):
        await client.connect(timeout_s=0.3)
    assert client.state is ConnectionState.DISCONNECTED


async def test_a_client_notices_that_the_venue_is_gone(stage):
    states = []
    client = stage.client(on_state=states.append)
    await client.connect()
    await stage.close()
    await until(lambda: client.state is ConnectionState.RECONNECTING)
    await stage.open()
    await until(lambda: client.state is ConnectionState.CONNECTED)
    assert states == [
        ConnectionState.CONNECTING,
        ConnectionState.CONNECTED,
        ConnectionState.RECONNECTING,
        ConnectionState.CONNECTED,
    ]
    await client.close()


def test_a_ledger_with_a_hole_is_refused(tmp_path):
    import sqlite3

    from nautilus_lab.execution.paper import PaperBook

    ledger = Ledger(tmp_path / "venue.db")
    book = PaperBook(starting_cash=Decimal(1_000))
    book.quote("A", Decimal("9.99"), Decimal("10.01"), 1)
    ledger.append([*book.submit(buy("o1"), 1), *book.submit(buy("o2"), 2)])
    ledger.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "venue.db")) as db, db:
        db.execute("DELETE FROM event WHERE seq = 2")
    ledger = Ledger(tmp_path / "venue.db")
    with pytest.raises(StoreError, match="without gaps"):
        list(ledger.events())
    ledger.close()


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    (tmp_path / "venue.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="readable and writable"):
        Ledger(tmp_path / "venue.db")
