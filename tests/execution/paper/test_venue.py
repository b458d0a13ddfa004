"""The venue answers every request over a real socket, and keeps what it told."""

import asyncio
import time
from decimal import Decimal

import msgspec
import pandas as pd
import pytest
import zmq
import zmq.asyncio

from nautilus_lab.exceptions import DeadlineExceeded, NodeError, StoreError
from nautilus_lab.execution.paper import (
    Account,
    CancelAll,
    CancelOrder,
    CancelOrders,
    Disturb,
    Done,
    Fills,
    GetAccount,
    Hello,
    Instruments,
    ListFills,
    ListInstruments,
    ListOrders,
    ListPositions,
    ListSymbols,
    ModifyOrder,
    NewOrderList,
    Orders,
    Positions,
    Refused,
    Request,
    Symbols,
    VenueTerms,
    Welcome,
    pack,
    unpack_answer,
)
from tests.execution.paper.stage import Stage, market, resting, until


async def test_an_order_is_answered_pushed_and_kept(stage):
    events = []
    client = await stage.client(on_event=events.append)
    answer = await client.request(market("o1"), Orders)
    assert [(o.client_order_id, o.status) for o in answer.orders] == [("o1", "FILLED")]
    await until(lambda: len(events) == 2)
    assert [e.kind for e in events] == ["ACCEPTED", "FILLED"]
    account = (await client.request(GetAccount(), Account)).account
    fill = events[1].fill
    assert account.cash == Decimal(100_000) - fill.quantity * fill.price - fill.commission
    assert list(stage.ledger.events()) == events


async def test_quotes_move_and_carry_the_historical_time(stage):
    tapes = []
    await stage.client(on_tape=tapes.append)
    await until(lambda: len(tapes) > 10)
    assert len({t.quotes[0].bid for t in tapes}) > 3
    assert all(q.bid < q.ask for t in tapes for q in t.quotes)
    assert all(pd.Timestamp(t.source_ts).year == 2020 for t in tapes)
    assert all(q.bid_size == q.ask_size == 10_000 for t in tapes for q in t.quotes)
    assert all(q.volume > 0 and q.volume % 1 == 0 for t in tapes for q in t.quotes)


async def test_what_was_taken_is_not_shown_at_the_next_look_but_anew_at_the_next_quote(tmp_path):
    stage = Stage(tmp_path, terms=VenueTerms(depth=100, levels=1))
    await stage.open(seconds_per_day=50.0)  # a quote a second
    client = await stage.client()
    await client.request(resting("o1", price="200.00", quantity=80), Orders)
    other = await client.request(market("o2", quantity=50), Orders)
    assert (other.orders[0].filled, other.orders[0].status) == (20, "PARTIALLY_FILLED")
    await until(lambda: stage.venue._book.order(client_order_id="o2").status == "FILLED")
    await stage.strike()


async def test_a_list_is_answered_with_all_of_its_orders(stage):
    client = await stage.client()
    answer = await client.request(
        NewOrderList(orders=[resting("a", list_id="L"), resting("b", list_id="L")]), Orders
    )
    assert [(o.client_order_id, o.status) for o in answer.orders] == [
        ("a", "ACCEPTED"),
        ("b", "ACCEPTED"),
    ]


async def test_an_order_is_changed_and_cancelled(stage):
    client = await stage.client()
    await client.request(resting("o1"), Orders)
    change = ModifyOrder(client_order_id="o1", quantity=Decimal(4), limit_price=Decimal("2.00"))
    (changed,) = (await client.request(change, Orders)).orders
    assert (changed.quantity, changed.limit_price) == (4, Decimal("2.00"))
    (ended,) = (await client.request(CancelOrder(client_order_id="o1"), Orders)).orders
    assert ended.status == "CANCELED"
    (again,) = (await client.request(CancelOrder(client_order_id="o1"), Orders)).orders
    assert again == ended
    with pytest.raises(NodeError, match="only a working order"):
        await client.request(change, Orders)


async def test_of_several_cancels_those_that_cannot_be_done_say_why(stage):
    client = await stage.client()
    for order in (resting("a"), resting("b"), market("c")):
        await client.request(order, Orders)
    asked = CancelOrders(client_order_ids=["a", "b", "a", "c", "nobody"])
    answer = await client.request(asked, Orders)
    assert [(o.client_order_id, o.status) for o in answer.orders] == [
        ("a", "CANCELED"),
        ("b", "CANCELED"),
    ]
    assert answer.refused == {"c": "it is FILLED", "nobody": "the venue never saw it"}


async def test_a_pair_that_is_cancelled_in_one_request_is_cancelled_and_not_refused(stage):
    client = await stage.client()
    pair = {"contingency": "OCO", "list_id": "L"}
    orders = [resting("a", linked=("b",), **pair), resting("b", linked=("a",), **pair)]
    await client.request(NewOrderList(orders=orders), Orders)
    answer = await client.request(CancelOrders(client_order_ids=["a", "b"]), Orders)
    assert ([o.status for o in answer.orders], answer.refused) == (["CANCELED", "CANCELED"], {})


async def test_everything_of_a_symbol_or_a_side_is_cancelled(stage):
    client = await stage.client()
    for name, symbol in (("a", "A"), ("b", "B"), ("c", "B")):
        await client.request(resting(name, symbol=symbol), Orders)
    assert (await client.request(CancelAll(side="SELL"), Orders)).orders == []
    by_symbol = await client.request(CancelAll(symbol="B"), Orders)
    assert [o.client_order_id for o in by_symbol.orders] == ["b", "c"]
    rest = await client.request(CancelAll(), Orders)
    assert [o.client_order_id for o in rest.orders] == ["a"]
    with pytest.raises(NodeError, match="must trade at this venue"):
        await client.request(CancelAll(symbol="ZZZ"), Orders)


async def test_orders_are_listed_by_what_is_asked_for(stage):
    client = await stage.client()
    for order in (market("a"), resting("b")):
        await client.request(order, Orders)

    async def names(**asked):
        answer = await client.request(ListOrders(**asked), Orders)
        return [o.client_order_id for o in answer.orders]

    (b,) = (await client.request(ListOrders(client_order_id="b"), Orders)).orders
    assert await names() == ["a", "b"]
    assert await names(working_only=True) == ["b"]
    assert await names(client_order_id="a", working_only=True) == []
    assert await names(venue_order_id=b.venue_order_id) == ["b"]
    assert await names(client_order_id="a", venue_order_id=b.venue_order_id) == []
    assert await names(since_ns=b.ts_last) == ["b"]
    assert await names(since_ns=time.time_ns()) == []
    assert await names(since_ns=2**62) == []
    for nobody in ("V-0", "V-3", "V--1", "V-9" * 30, "x", "V-²"):
        assert await names(venue_order_id=nobody) == []


async def test_fills_are_listed_by_what_is_asked_for(stage):
    client = await stage.client()
    for order in (market("a"), market("b"), resting("c")):
        await client.request(order, Orders)

    async def names(**asked):
        answer = await client.request(ListFills(**asked), Fills)
        return [f.client_order_id for f in answer.fills]

    (b,) = (await client.request(ListFills(client_order_id="b"), Fills)).fills
    assert await names() == ["a", "b"]
    assert await names(client_order_id="c") == []
    assert await names(venue_order_id=b.venue_order_id) == ["b"]
    assert await names(client_order_id="a", since_ns=b.ts) == []
    assert await names(since_ns=b.ts) == ["b"]
    assert await names(since_ns=-(2**63)) == ["a", "b"]


async def test_positions_and_what_can_be_traded_are_listed(tmp_path):
    terms = VenueTerms(leverage=4, maker_fee_bps=1, taker_fee_bps=5)
    stage = Stage(tmp_path, terms=terms)
    await stage.open()
    client = await stage.client()
    await client.request(market("a", "SELL", 30), Orders)
    (position,) = (await client.request(ListPositions(), Positions)).positions
    assert (position.symbol, position.quantity) == ("A", -30)
    assert (await client.request(ListSymbols(), Symbols)).symbols == ["A", "B"]
    first, _ = (await client.request(ListInstruments(), Instruments)).instruments
    assert (first.symbol, first.price_increment, first.lot_size) == ("A", Decimal("0.01"), 1)
    assert (first.maker_fee, first.taker_fee) == (Decimal("0.0001"), Decimal("0.0005"))
    assert (first.initial_margin, first.maintenance_margin) == (Decimal("0.25"), Decimal("0.125"))
    await stage.strike()


async def test_a_refused_order_says_why_and_leaves_no_trace(stage):
    client = await stage.client()
    with pytest.raises(NodeError, match="refused"):
        await client.request(market("o1", symbol="ZZZ"), Orders)
    with pytest.raises(NodeError, match="whole number"):
        await client.request(market("o2", quantity=-5), Orders)
    assert (await client.request(ListOrders(), Orders)).orders == []


async def test_the_same_order_twice_is_answered_as_one_and_another_one_is_refused(stage):
    client = await stage.client()
    first = await client.request(market("o1"), Orders)
    assert (await client.request(market("o1"), Orders)) == first
    with pytest.raises(NodeError, match="one order for ever"):
        await client.request(market("o1", quantity=11), Orders)


# --- time -----------------------------------------------------------------------------------


async def test_an_order_takes_its_time_to_the_book(tmp_path):
    stage = Stage(tmp_path, terms=VenueTerms(latency_ms=150))
    await stage.open(seconds_per_day=500.0)  # no quote comes meanwhile
    events = []
    client = await stage.client(on_event=events.append)
    asked = time.monotonic()
    answer = await client.request(market("o1"), Orders)
    assert answer.orders[0].status == "PENDING"
    await until(lambda: len(events) == 3)
    assert 0.15 <= time.monotonic() - asked < 1.0
    assert [e.kind for e in events] == ["PENDING", "ACCEPTED", "FILLED"]
    pending, accepted, _ = events
    assert accepted.order.ts_last - pending.order.ts_last >= 150_000_000
    await stage.strike()


async def test_an_order_expires_at_its_time_and_not_at_the_next_quote(tmp_path):
    stage = Stage(tmp_path)
    await stage.open(seconds_per_day=500.0)
    events = []
    client = await stage.client(on_event=events.append)
    expires = time.time_ns() + 200_000_000
    await client.request(resting("o1", time_in_force="GTD", expire_ns=expires), Orders)
    await until(lambda: len(events) == 2)
    assert events[1].kind == "EXPIRED"
    assert 0 <= events[1].order.ts_last - expires < 500_000_000
    await stage.strike()


@pytest.mark.parametrize(
    "ask",
    [
        market("o1"),
        NewOrderList(orders=[market("o1")]),
        ModifyOrder(client_order_id="there", quantity=Decimal(5)),
        CancelOrder(client_order_id="there"),
        CancelOrders(client_order_ids=["there"]),
        CancelAll(),
    ],
    ids=lambda ask: type(ask).__name__,
)
async def test_what_comes_after_its_deadline_is_refused_and_changes_nothing(stage, ask):
    client = await stage.client()
    await client.request(resting("there"), Orders)
    raw = Raw(stage)
    late = Request(id=7, ask=ask, deadline_ns=time.time_ns() - 50_000_000)
    answer = await raw.ask(pack(late))
    assert answer.id == 7
    assert isinstance(answer.say, Refused)
    assert "after its deadline" in answer.say.reason
    orders = (await client.request(ListOrders(), Orders)).orders
    assert [(o.client_order_id, o.status, o.quantity) for o in orders] == [
        ("there", "ACCEPTED", 10)
    ]
    raw.close()


async def test_a_request_in_time_or_without_a_deadline_is_done(stage):
    raw = Raw(stage)
    for number, deadline in ((1, 0), (2, time.time_ns() + 5_000_000_000)):
        answer = await raw.ask(pack(Request(id=number, ask=GetAccount(), deadline_ns=deadline)))
        assert isinstance(answer.say, Account)
    raw.close()


async def test_a_day_order_ends_with_its_replayed_day(stage):
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(resting("o1", time_in_force="DAY"), Orders)
    await until(lambda: len(events) == 2)  # a day takes a second
    assert events[1].kind == "EXPIRED"


async def test_a_replay_goes_on_at_its_date_unless_another_start_is_asked_for(stage):
    async def play(**settings):
        """Open the venue, and return the first and the last day of what it plays in a moment."""
        await stage.strike()
        days = []
        await stage.open(seconds_per_day=0.2, **settings)
        await stage.client(on_tape=lambda tape: days.append(pd.Timestamp(tape.source_ts).date()))
        await until(lambda: len(set(days)) > 2)
        return str(days[0]), str(days[-1])

    begun, left = await play(steps_per_day=10)
    # Fewer days stand before it and the speed is another: its date is what counts.
    stage.closes = stage.closes.iloc[5:]
    later, _ = await play(start=begun, steps_per_day=20)
    assert later >= left > begun
    assert (await play(start=begun, steps_per_day=20))[0] > later
    assert (await play(start="2020-03-10", steps_per_day=20))[0] == "2020-03-10"


async def test_a_replay_goes_on_at_the_very_step_it_was_at(stage):
    tapes = []
    await stage.client(on_tape=tapes.append)
    await until(lambda: len(tapes) > 5)
    await stage.strike()
    last, seen = tapes[-1], len(tapes)
    await stage.open()
    await stage.client(on_tape=tapes.append)
    await until(lambda: len(tapes) > seen)
    # Its last step may have been played to nobody, and comes again: never one before it.
    step = 6.5 * 3600 * 1e9 / 49
    assert 0 <= tapes[seen].source_ts - last.source_ts < 40 * step


async def test_history_ends_with_its_last_close_standing(tmp_path):
    stage = Stage(tmp_path)
    await stage.open(start="2020-03-20", steps_per_day=4, seconds_per_day=0.1)
    tapes = []
    await stage.client(on_tape=tapes.append)
    await until(lambda: tapes and tapes[-1].ended)
    count = len(tapes)
    await until(lambda: len(tapes) > count + 3)
    assert len({t.quotes[0].bid for t in tapes[count:]}) == 1
    assert all(q.volume == 0 for q in tapes[-1].quotes)
    await stage.strike()


# --- bad input ------------------------------------------------------------------------------


class Raw:
    """A socket that sends whatever it is given."""

    def __init__(self, stage):
        self.context = zmq.asyncio.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.connect(stage.orders)

    async def ask(self, data):
        await self.socket.send(data)
        async with asyncio.timeout(5):
            return unpack_answer(await self.socket.recv())

    def close(self):
        self.context.destroy(linger=0)


async def test_garbage_on_the_socket_disturbs_nobody(stage):
    vandal = Raw(stage)
    for junk in (b"", b"\x00" * 100, b"{}", b"\xff" * 10_000, b"\x81\xa2id\x01"):
        await vandal.socket.send(junk)
    await vandal.socket.send_multipart([b"", b"", b"more", b"frames"])
    client = await stage.client()
    assert (await client.request(ListFills(), Fills)).fills == []
    vandal.close()


@pytest.mark.parametrize(
    "body",
    [
        {"id": 5, "ask": {"kind": "neworder"}},
        {"id": 5, "ask": {"kind": "unknown"}},
        {"id": 5, "ask": {"kind": "cancelorder", "client_order_id": 7}},
        {"id": 5, "ask": {"kind": "modifyorder", "client_order_id": "a", "quantity": "many"}},
        {"id": 5, "ask": {"kind": "listorders", "since_ns": 1.5}},
        {"id": 5, "ask": None, "deadline_ns": "soon"},
        {"id": 5},
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_by_its_number(stage, body):
    raw = Raw(stage)
    answer = await raw.ask(msgspec.msgpack.encode(body))
    assert (answer.id, type(answer.say)) == (5, Refused)
    raw.close()


@pytest.mark.parametrize("seq", [-1, -(2**63)])
async def test_events_before_the_first_are_refused(stage, seq):
    client = await stage.client()
    with pytest.raises(NodeError, match="numbered from 1"):
        await client.request(Hello(after_seq=seq), Welcome)
    assert (await client.request(ListSymbols(), Symbols)).symbols


async def test_a_request_too_large_cuts_its_sender_off_and_nobody_else(stage):
    vandal = Raw(stage)
    await vandal.socket.send(b"x" * (2 << 20))
    client = await stage.client()
    assert (await client.request(GetAccount(), Account)).account.cash == 100_000
    vandal.close()


async def test_more_orders_in_a_list_than_belong_together_are_refused(stage):
    client = await stage.client()
    orders = [resting(f"o{number}") for number in range(101)]
    with pytest.raises(NodeError, match="100 orders at most"):
        await client.request(NewOrderList(orders=orders), Orders)
    names = [str(number) for number in range(10_001)]
    with pytest.raises(NodeError, match="10000 orders at most"):
        await client.request(CancelOrders(client_order_ids=names), Orders)


async def test_a_flood_of_requests_does_not_stop_the_market(stage):
    vandal = Raw(stage)
    tapes = []
    client = await stage.client(on_tape=tapes.append)
    await until(lambda: tapes)
    flood = pack(Request(id=1, ask=ListSymbols()))
    begun = len(tapes)
    for _ in range(2_000):
        await vandal.socket.send(flood)
    assert (await client.request(GetAccount(), Account)).account.cash == 100_000
    await until(lambda: len(tapes) > begun + 3)
    vandal.close()


async def test_clients_that_come_and_go_leave_nothing_behind(stage):
    for _ in range(80):
        raw = Raw(stage)
        answer = await raw.ask(pack(Request(id=1, ask=Hello())))
        assert isinstance(answer.say, Welcome)
        raw.close()
    assert len(stage.venue._clients) <= 64


# --- faults ---------------------------------------------------------------------------------


async def test_orders_are_rejected_on_command(stage):
    client = await stage.client()
    await client.request(Disturb(reject_orders=2, reason="closed for lunch"), Done)
    for name in ("a", "b"):
        (order,) = (await client.request(market(name), Orders)).orders
        assert (order.status, order.reason) == ("REJECTED", "closed for lunch")
    (order,) = (await client.request(market("c"), Orders)).orders
    assert order.status == "FILLED"


async def test_a_lost_request_was_never_looked_at(stage):
    client = await stage.client()
    await client.request(Disturb(lose_requests=1), Done)
    with pytest.raises(DeadlineExceeded, match="must answer"):
        await client.request(market("a"), Orders, timeout_s=0.2)
    assert (await client.request(ListOrders(), Orders)).orders == []


async def test_a_lost_answer_was_done(stage):
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(Disturb(lose_answers=1), Done)
    with pytest.raises(DeadlineExceeded, match="outcome is unknown"):
        await client.request(market("a"), Orders, timeout_s=0.2)
    (order,) = (await client.request(ListOrders(client_order_id="a"), Orders)).orders
    assert order.status == "FILLED"
    assert [e.kind for e in events] == ["ACCEPTED", "FILLED"]


async def test_a_silent_venue_trades_on_and_refuses_what_is_too_late_then(stage):
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(Disturb(silent_s=0.5), Done)
    with pytest.raises(DeadlineExceeded):
        await client.request(market("late"), Orders, timeout_s=0.2)
    (order,) = (await client.request(market("in-time"), Orders, timeout_s=5)).orders
    assert order.status == "FILLED"
    names = [o.client_order_id for o in (await client.request(ListOrders(), Orders)).orders]
    assert names == ["in-time"]


async def test_a_venue_tells_wrong_prices_for_some_instants_and_fills_at_the_right_ones(stage):
    seen = []
    client = await stage.client(on_tape=lambda tape: seen.append(tape.quotes[0].ask))
    await until(lambda: seen)
    await client.request(Disturb(wrong_ticks=2, wrong_by=10.0), Done)
    seen.clear()
    await until(lambda: len(seen) >= 12)
    assert sum(price > 500 for price in seen) == 2
    await client.request(Disturb(wrong_ticks=1_000, wrong_by=10.0), Done)
    (order,) = (await client.request(market("a"), Orders)).orders
    assert order.average_price < 500


async def test_a_venue_repeats_its_tape_while_it_storms(stage):
    seen = []
    client = await stage.client(on_tape=lambda tape: seen.append(tape.ts))
    await client.request(Disturb(storm_per_s=4_000.0, storm_s=1.0), Done)
    seen.clear()
    await until(lambda: len(seen) > 500)  # fifty instants a second are its own
    await client.request(Disturb(), Done)
    await asyncio.sleep(0.1)
    calm = len(seen)
    await asyncio.sleep(0.2)
    assert len(seen) - calm < 50


@pytest.mark.parametrize(
    "disturb",
    [
        Disturb(reject_orders=-1),
        Disturb(wrong_ticks=-1),
        Disturb(wrong_by=0.0),
        Disturb(wrong_by=float("nan")),
        Disturb(storm_per_s=1e6),
        Disturb(storm_per_s=float("nan"), storm_s=1.0),
        Disturb(storm_s=float("inf")),
        Disturb(lose_answers=10**9),
        Disturb(silent_s=float("nan")),
        Disturb(silent_s=-1.0),
        Disturb(silent_s=float("inf")),
    ],
)
async def test_a_disturbance_out_of_bounds_is_refused(stage, disturb):
    client = await stage.client()
    with pytest.raises(NodeError, match="refused"):
        await client.request(disturb, Done)


async def test_a_venue_without_faults_cannot_be_disturbed(tmp_path):
    stage = Stage(tmp_path)
    await stage.open()
    client = await stage.client()
    with pytest.raises(NodeError, match="started with faults"):
        await client.request(Disturb(reject_orders=1), Done)
    assert (await client.request(market("a"), Orders)).orders[0].status == "FILLED"
    await stage.strike()


# --- memory ---------------------------------------------------------------------------------


async def test_a_venue_whose_ledger_cannot_be_written_ends_and_never_answers(stage):
    client = await stage.client()
    await client.request(market("a"), Orders)
    stage.ledger._db.execute("PRAGMA query_only = 1")
    with pytest.raises(DeadlineExceeded):
        await client.request(market("b"), Orders, timeout_s=0.5)
    with pytest.raises(ExceptionGroup) as ended:
        await stage.task
    assert ended.group_contains(StoreError, match="readable and writable")


async def test_a_request_that_the_venue_fails_at_is_refused_and_does_not_end_it(stage, monkeypatch):
    client = await stage.client()
    with monkeypatch.context() as patch:
        patch.setattr(stage.venue._clerk, "do", lambda ask, ts: 1 / 0)
        with pytest.raises(NodeError, match="see its log"):
            await client.request(market("a"), Orders)
    assert (await client.request(market("a"), Orders)).orders[0].status == "FILLED"
