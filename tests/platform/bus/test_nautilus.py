"""Nautilus' own external stream, written by a real kernel of it, is decoded once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import BusError, MessageError
from nautilus_lab.platform.bus import NautilusBalance, NautilusPosition, NautilusStream
from nautilus_lab.platform.bus._redis._foreign import NautilusDecoder
from nautilus_lab.platform.messages import (
    BarUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderUpdated,
    QuoteUpdated,
)

NODE = Path(__file__).with_name("nautilus_node.py")
KEY = "trader-PAPER-001:lab"


@pytest.fixture(scope="module", params=["json", "msgpack"])
def published(request, redis_server):
    """What a kernel of Nautilus put on the stream, and what it says happened."""
    with redis_server.client() as client:
        client.delete(KEY)
    done = subprocess.run(
        [sys.executable, str(NODE), str(redis_server.port), request.param],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
async def read(redis_server, until):
    """Read the stream to its end; return the messages and the stream."""
    opened: list[NautilusStream] = []

    async def make(after="0-0"):
        settings = BusSettings(url=redis_server.url)
        messages = []
        stream = NautilusStream(
            settings, messages.append, trader="PAPER-001", prefix="lab", after=after
        )
        opened.append(stream)
        with redis_server.client(encoding_errors="replace") as client:
            last = client.xinfo_stream(KEY)["last-generated-id"]
        await until(lambda: stream.last_id == last)
        return messages, stream

    yield make
    for stream in opened:
        stream.close()


def bodies(messages, kind):
    return [body for message in messages for body in message.bodies if isinstance(body, kind)]


real = [
    pytest.mark.redis,
    pytest.mark.processes,
    pytest.mark.asyncio(loop_factories=["uvloop"]),
]


class TestARealKernel:
    pytestmark = real

    async def test_every_fill_comes_once_and_exact(self, published, read, redis_server):
        messages, stream = await read()
        fills = bodies(messages, OrderFilled)
        assert (
            sorted([f.trade_id, str(f.quantity), str(f.price)] for f in fills)
            == (published["fills"])
        )
        with redis_server.client(encoding_errors="replace") as client:
            topics = Counter(fields["topic"] for _, fields in client.xrange(KEY))
        doubled = sum(n for t, n in topics.items() if t.startswith(("events.fills", "events.canc")))
        assert doubled > 1
        assert stream.repeated == doubled
        assert stream.refused == 0

    async def test_orders_end_as_the_kernel_says(self, published, read):
        messages, _ = await read()
        last = {order.client_order_id: order for order in bodies(messages, OrderUpdated)}
        assert last.keys() == published["orders"].keys()
        for name, truth in published["orders"].items():
            order = last[name]
            assert order.status == truth["status"]
            assert str(order.quantity) == truth["quantity"]
            assert str(order.filled) == truth["filled"]
            if truth["average"]:
                assert float(order.average_price) == pytest.approx(truth["average"], rel=1e-12)
        assert {order.status for order in last.values()} == {"FILLED", "CANCELED", "DENIED"}
        denied = next(order for order in last.values() if order.status == "DENIED")
        assert denied.reason

    async def test_a_change_of_an_order_is_seen(self, published, read):
        messages, _ = await read()
        limits = [o for o in bodies(messages, OrderUpdated) if o.order_type == "LIMIT"]
        seen = [(o.status, str(o.quantity), str(o.limit_price)) for o in limits]
        assert seen == [
            ("INITIALIZED", "10", "90.00"),
            ("SUBMITTED", "10", "90.00"),
            ("ACCEPTED", "10", "90.00"),
            ("PENDING_UPDATE", "10", "90.00"),
            ("ACCEPTED", "20", "91.00"),
            ("PENDING_CANCEL", "20", "91.00"),
            ("CANCELED", "20", "91.00"),
        ]

    async def test_money_positions_quotes_bars_and_states_are_told(self, published, read):
        messages, _ = await read()
        balance = bodies(messages, NautilusBalance)[-1]
        assert balance.total == Decimal(published["cash"])
        assert balance.currency == "USD"
        position = bodies(messages, NautilusPosition)[-1]
        assert position.quantity == Decimal(published["position"])
        assert position.is_open
        quotes = bodies(messages, QuoteUpdated)
        assert [quote.bid for quote in quotes] == [100 + i / 100 for i in range(8)]
        bars = bodies(messages, BarUpdated)
        assert bars
        assert {(bar.instrument, bar.spec) for bar in bars} == {("AAPL.SIM", "1-SECOND-MID")}
        states = bodies(messages, NodeStateChanged)
        assert ("DataEngine", "running") in {(s.component, s.state) for s in states}
        assert all(m.ts >= 1_600_000_000 * 10**9 for m in messages if m.kind == "QuoteTick")

    async def test_a_reader_goes_on_where_it_was(self, published, read):
        everything, _ = await read()
        middle = len(everything) // 2
        later, _ = await read(after=everything[middle].id)
        # An event whose first telling was before the middle may be told again after it.
        told_again = {m.event_id for m in everything[: middle + 1] if m.event_id}
        fresh = [m.id for m in later if m.event_id not in told_again]
        assert fresh == [m.id for m in everything[middle + 1 :]]

    async def test_what_is_none_of_nautilus_is_refused_and_counted(
        self, published, read, redis_server
    ):
        with redis_server.client() as client:
            client.xadd(KEY, {"hello": "world"})
            client.xadd(KEY, {"topic": "t", "payload": b"\xc1"})
            client.xadd(KEY, {"topic": "t", "payload": b"[" * 100_000})
            client.xadd(KEY, {"topic": "t", "payload": b"{" + b'"a":{' * 100_000})
            client.xadd(KEY, {"topic": "t", "payload": b'{"type": "QuoteTick"}'})
        messages, stream = await read()
        assert stream.refused == 5
        assert bodies(messages, OrderFilled)
        with redis_server.client() as client:
            client.delete(KEY)


async def test_a_stream_without_a_loop_is_refused():
    with pytest.raises(BusError, match="event loop"):
        await asyncio.to_thread(
            NautilusStream, BusSettings(url="redis://127.0.0.1:1"), print, trader="T-1"
        )


# --- decoding by itself -------------------------------------------------------------------------


def entry_of(facts) -> dict[bytes, bytes]:
    return {b"topic": b"events.order.x", b"payload": msgspec.json.encode(facts)}


AN_ORDER = {
    "type": "OrderInitialized", "trader_id": "T-1", "strategy_id": "s", "instrument_id": "A.SIM",
    "client_order_id": "O-1", "order_side": "BUY", "order_type": "MARKET", "quantity": "10",
    "time_in_force": "GTC", "options": {}, "event_id": "e1", "ts_event": "5",
}  # fmt: skip
A_FILL = {
    "type": "OrderFilled", "trader_id": "T-1", "strategy_id": "s", "instrument_id": "A.SIM",
    "client_order_id": "O-1", "trade_id": "1", "order_side": "BUY", "last_qty": "4",
    "last_px": "1.10", "currency": "USD", "commission": "0.01 USD", "event_id": "e2",
}  # fmt: skip


def test_fills_in_parts_add_up_exactly():
    decoder = NautilusDecoder()
    decoder.decode("1-0", entry_of(AN_ORDER))
    first = decoder.decode("2-0", entry_of(A_FILL)).bodies[1]
    second = decoder.decode(
        "3-0",
        entry_of(A_FILL | {"event_id": "e3", "trade_id": "2", "last_qty": "6", "last_px": "1.20"}),
    ).bodies[1]
    assert (first.status, first.filled, first.average_price) == (
        "PARTIALLY_FILLED", Decimal(4), Decimal("1.10"),
    )  # fmt: skip
    assert (second.status, second.filled) == ("FILLED", Decimal(10))
    assert second.average_price == Decimal("1.16")


def test_a_fill_of_an_order_whose_beginning_was_not_read_is_a_fill_all_the_same():
    (fill,) = NautilusDecoder().decode("1-0", entry_of(A_FILL)).bodies
    assert isinstance(fill, OrderFilled)
    accepted = A_FILL | {"type": "OrderAccepted", "event_id": "e9"}
    message = NautilusDecoder().decode("1-0", entry_of(accepted))
    assert message.bodies == ()
    assert message.facts["client_order_id"] == "O-1"


def test_a_cancel_that_is_refused_leaves_the_order_as_it_was():
    decoder = NautilusDecoder()
    statuses = []
    for number, kind in enumerate(
        ("OrderInitialized", "OrderAccepted", "OrderPendingCancel", "OrderCancelRejected")
    ):
        facts = AN_ORDER | {"type": kind, "event_id": f"x{number}"}
        statuses += [body.status for body in decoder.decode("1-0", entry_of(facts)).bodies]
    assert statuses == ["INITIALIZED", "ACCEPTED", "PENDING_CANCEL", "ACCEPTED"]


def test_what_has_no_message_of_ours_is_told_as_it_is():
    message = NautilusDecoder().decode("1-0", entry_of({"type": "TradeTick", "price": "1.5"}))
    assert (message.kind, message.bodies, message.facts["price"]) == ("TradeTick", (), "1.5")


@pytest.mark.parametrize(
    "changed",
    [
        {"last_qty": "NaN"},
        {"last_qty": "many"},
        {"last_px": "Infinity"},
        {"order_side": "NO_ORDER_SIDE"},
        {"trade_id": None, "last_px": None},
        {"commission": "free"},
    ],
)
def test_a_number_that_is_none_is_refused(changed):
    with pytest.raises(MessageError):
        NautilusDecoder().decode("1-0", entry_of(A_FILL | changed))


def test_a_flood_of_orders_and_events_is_not_remembered_without_end():
    decoder = NautilusDecoder()
    for number in range(10_500):
        facts = AN_ORDER | {"client_order_id": f"O-{number}", "event_id": f"e{number}"}
        decoder.decode("1-0", entry_of(facts))
    assert len(decoder._orders) == len(decoder._seen) == 10_000
