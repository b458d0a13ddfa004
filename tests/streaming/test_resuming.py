"""Viewers who come back, also from before what a gateway remembers."""

import asyncio
from decimal import Decimal

import pytest
from websockets.asyncio.client import connect

from nautilus_lab.client.protocol import Delta, SnapshotFrame
from nautilus_lab.config import StreamingSettings
from nautilus_lab.platform.messages import OrderUpdated
from nautilus_lab.streaming import StreamingEngine, _older, _picture
from tests.streaming.fake_node import FakeNode
from tests.streaming.wire import Wire


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """A picture that remembers few events, and begins with fewer."""
    monkeypatch.setattr(_picture, "_MOST_EVENTS", 50)
    monkeypatch.setattr(_picture, "_RECENT", 10)


@pytest.fixture
async def stand(dial, token, node, gateway):
    """Where a viewer stood before it went away; 300 fills have come since."""
    async with dial() as wire:
        await wire.hello(token)
        snapshot = await wire.subscribe()
    for number in range(300):
        node.fill(number)
    feed = gateway._gateway.feed(node.trader)
    while feed.picture.seq < node.seq:
        await asyncio.sleep(0.01)
    return {"epoch": snapshot.epoch, "seq": snapshot.seq}


def trades(events) -> list[str]:
    return [event.body.trade_id for event in events]


def asked(node: FakeNode) -> list[str]:
    return [one for one in node.asked if one.startswith("events")]


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_what_the_gateway_forgot_is_replayed_from_the_store(
    dial, token, stand, node, encoding
):
    async with dial(encoding) as wire:
        await wire.hello(token)
        snapshot = await wire.subscribe(**stand)
        assert snapshot.resumed
        assert trades(snapshot.events) == [f"T-{n}" for n in range(300)]
        assert snapshot.seq == node.seq
        node.fill(300)
        assert trades(await wire.events(1)) == ["T-300"]


async def test_many_who_come_back_at_once_ask_the_node_once(dial, token, stand, node):
    before = len(asked(node))

    async def back() -> int:
        async with dial() as wire:
            await wire.hello(token)
            return len((await wire.subscribe(**stand)).events)

    assert await asyncio.gather(*(back() for _ in range(20))) == [300] * 20
    assert len(asked(node)) == before + 1


async def test_events_that_come_during_the_replay_follow_it_in_order(
    dial, token, stand, node, monkeypatch
):
    asking, go_on = asyncio.Event(), asyncio.Event()
    answer = node.server._handlers["node.events"]

    async def slowly(request):
        asking.set()
        await go_on.wait()
        return await answer(request)

    monkeypatch.setitem(node.server._handlers, "node.events", slowly)
    async with dial() as wire:
        await wire.hello(token)
        subscribing = asyncio.create_task(wire.subscribe(**stand))
        await asking.wait()
        for number in range(300, 400):  # more than the picture remembers
            node.fill(number)
            await asyncio.sleep(0)
        go_on.set()
        snapshot = await subscribing
        assert snapshot.resumed
        seen, position = trades(snapshot.events), snapshot.seq
        while len(seen) < 400:
            delta = await wire.next(Delta)
            assert delta.after == position
            position, seen = delta.upto, seen + trades(delta.events)
    assert seen == [f"T-{n}" for n in range(400)]


async def test_a_gateway_that_was_restarted_replays_what_it_never_saw(
    home, node, gateway, stand, dial, settings: StreamingSettings
):
    await gateway.stop()
    again = StreamingEngine(home, settings=settings)
    gateway._gateway = again  # where the fixture's `dial` looks for the url
    await again.start()
    try:
        async with dial() as wire:
            await wire.hello((home / "gateway.token").read_text())
            snapshot = await wire.subscribe(**stand)
    finally:
        gateway._gateway = None
        await again.stop()
    assert snapshot.resumed
    assert trades(snapshot.events) == [f"T-{n}" for n in range(300)]


async def test_across_a_restart_of_the_node_nothing_is_missing(home, dial, token, stand, node):
    await node.stop()
    async with FakeNode(home, log=node.log) as successor:
        for number in range(300, 380):
            successor.fill(number)
        async with dial() as wire:
            await wire.hello(token)
            snapshot = await wire.subscribe(**stand)
            fills = [e for e in snapshot.events if e.body.__class__.__name__ == "OrderFilled"]
            while not fills or fills[-1].body.trade_id != "T-379":
                frame = await wire.next(Delta, SnapshotFrame)
                fills += [e for e in frame.events if e.body.__class__.__name__ == "OrderFilled"]
    assert list(dict.fromkeys(trades(fills))) == [f"T-{n}" for n in range(380)]


async def test_a_store_with_a_hole_is_not_called_complete(dial, token, stand, node):
    del node.log[100:105]
    async with dial() as wire:
        await wire.hello(token)
        snapshot = await wire.subscribe(**stand)
    assert not snapshot.resumed
    assert trades(snapshot.events)[-1] == "T-299"


async def test_more_than_can_be_replayed_is_not_called_complete(
    dial, token, stand, node, monkeypatch
):
    monkeypatch.setattr(_older, "MOST", 100)
    async with dial() as wire:
        await wire.hello(token)
        assert not (await wire.subscribe(**stand)).resumed


async def test_without_a_node_nothing_is_replayed_and_what_is_known_is_shown(
    dial, token, stand, node
):
    await node.stop()
    async with dial() as wire:
        await wire.hello(token)
        snapshot = await wire.subscribe(**stand)
    assert not snapshot.resumed
    assert trades(snapshot.events)[-1] == "T-299"


async def test_a_viewer_that_leaves_during_the_replay_leaves_nothing_behind(
    dial, token, stand, node, gateway, monkeypatch
):
    asking = asyncio.Event()

    async def never(request):
        asking.set()
        await asyncio.sleep(60)

    monkeypatch.setitem(node.server._handlers, "node.events", never)
    async with dial() as wire:
        await wire.hello(token)
        await wire.send_subscribe(**stand)
        await asking.wait()
    while gateway._gateway.viewers:
        await asyncio.sleep(0.01)
    assert gateway._gateway.feed(node.trader).audience.viewers == 0


async def test_what_was_replayed_is_kept_for_a_while_only(dial, token, stand, node, monkeypatch):
    monkeypatch.setattr(_older, "_KEPT_S", 0.05)
    before = len(asked(node))
    for _ in range(2):
        async with dial() as wire:
            await wire.hello(token)
            assert (await wire.subscribe(**stand)).resumed
        await asyncio.sleep(0.2)
    assert len(asked(node)) == before + 2


async def test_who_looks_before_the_node_is_known_is_not_sent_all_of_its_past(home, node, settings):
    for number in range(300):
        node.fill(number)
    engine = StreamingEngine(home, settings=settings)
    await engine.start()
    try:
        async with connect(engine.url, proxy=None) as socket:
            wire = Wire(socket)
            await wire.hello((home / "gateway.token").read_text())
            snapshot = await wire.subscribe()
    finally:
        await engine.stop()
    assert not snapshot.resumed
    assert "events after (0, 0)" not in node.asked


# --- parts ----------------------------------------------------------------------------------


async def test_a_snapshot_in_parts_reaches_a_slow_reader_whole(
    dial, token, node, gateway, monkeypatch
):
    monkeypatch.setattr(_picture, "_MOST_EVENTS", 5_000)
    async with dial() as wire:
        await wire.hello(token)
        first = await wire.subscribe()
    reason = "x" * 8_000
    for number in range(600):  # 5 MB in all
        node.fill(number)
        node.reject(number, reason)
    feed = gateway._gateway.feed(node.trader)
    while feed.picture.seq < node.seq:
        await asyncio.sleep(0.01)
    async with dial(max_queue=1) as slow:
        await slow.hello(token)
        await slow.send_subscribe(epoch=first.epoch, seq=first.seq)
        for number in range(600, 650):
            node.fill(number)
        await asyncio.sleep(0.3)  # it reads nothing, and is held back
        snapshot = await slow.next(SnapshotFrame)
        assert snapshot.resumed
        position, count = snapshot.seq, len(snapshot.events)
        assert position < node.seq
        while position < node.seq:
            delta = await slow.next(Delta)
            assert delta.after == position
            position, count = delta.upto, count + len(delta.events)
    assert count == node.seq - first.seq


async def test_what_works_is_shown_to_every_newcomer_however_much_it_is(
    dial, token, node, gateway, monkeypatch
):
    monkeypatch.setattr(_picture, "_MOST_ORDERS", 5)

    def tell(name: str, status: str) -> None:
        body = OrderUpdated(
            client_order_id=name,
            strategy="tilt",
            instrument="AAPL.PAPER",
            side="BUY",
            order_type="LIMIT",
            quantity=Decimal(10),
            status=status,
        )
        node.event(body, f"trading.order.{node.trader}.tilt")

    async def shown() -> list[str]:
        feed = gateway._gateway.feed(node.trader)
        while feed.picture.seq < node.seq:
            await asyncio.sleep(0.01)
        async with dial() as wire:
            await wire.hello(token)
            return [order.body.client_order_id for order in (await wire.subscribe()).orders]

    for number in range(8):
        tell(f"L-{number}", "ACCEPTED")
    assert await shown() == [f"L-{number}" for number in range(8)]
    for number in range(7):
        tell(f"L-{number}", "CANCELED")
    # Of those that are over the earliest go first.
    assert await shown() == ["L-3", "L-4", "L-5", "L-6", "L-7"]
