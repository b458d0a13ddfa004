"""The client hears of every event once and in order, whatever becomes of the venue."""

import asyncio
import contextlib
import shutil

import pytest

from nautilus_lab.exceptions import DeadlineExceeded, MessageError, NodeError, NotReachable
from nautilus_lab.execution.paper import (
    Account,
    Disturb,
    Done,
    Fills,
    GetAccount,
    ListOrders,
    ListPositions,
    ListSymbols,
    Orders,
    PaperVenueClient,
    Positions,
    Symbols,
)
from nautilus_lab.platform.connection import ConnectionState
from tests.execution.paper.stage import market, resting, until

CLIENT = "nautilus_lab.execution.paper._client"
SERVER = "nautilus_lab.execution.paper._server"


def numbers(events):
    return [event.seq for event in events]


async def test_a_venue_that_restarts_has_its_book_and_tells_what_was_missed(stage):
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(market("o1"), Orders)
    await until(lambda: len(events) == 2)
    await stage.close()
    await until(lambda: client.state is ConnectionState.RECONNECTING)
    await stage.open()
    await until(lambda: client.state is ConnectionState.CONNECTED)
    await client.request(market("o2"), Orders)
    await until(lambda: len(events) == 4)
    assert numbers(events) == [1, 2, 3, 4]
    (position,) = (await client.request(ListPositions(), Positions)).positions
    assert position.quantity == 20


async def test_what_happened_to_orders_while_nobody_listened_is_told_later(stage):
    events = []
    first = await stage.client(on_event=events.append)
    await first.request(resting("o1"), Orders)
    await until(lambda: len(events) == 1)
    seq = first.seq
    await first.close()
    other = await stage.client()
    await other.request(market("o2"), Orders)
    await stage.client(seq=seq, on_event=events.append)
    assert numbers(events) == [1, 2, 3]


async def test_a_client_that_comes_late_learns_what_it_missed_once(stage):
    first = await stage.client()
    await first.request(market("o1"), Orders)
    events = []
    late = await stage.client(seq=0, on_event=events.append)
    assert numbers(events) == [1, 2]
    heard = late._heard
    await until(lambda: late._heard > heard)  # two more hellos
    heard = late._heard
    await until(lambda: late._heard > heard)
    assert numbers(events) == [1, 2]


async def test_a_client_that_asks_for_nothing_is_told_only_what_happens_from_then_on(stage):
    first = await stage.client()
    await first.request(market("o1"), Orders)
    events = []
    second = await stage.client(on_event=events.append)
    assert (events, second.seq) == ([], 2)
    await first.request(market("o2"), Orders)
    await until(lambda: len(events) == 2)
    assert numbers(events) == [3, 4]


async def test_much_that_was_missed_comes_in_parts(stage, monkeypatch):
    monkeypatch.setattr(f"{SERVER}._MOST_MISSED", 7)
    first = await stage.client()
    for number in range(20):
        await first.request(market(f"o{number}", quantity=1), Orders)
    events = []
    await stage.client(seq=0, on_event=events.append)
    assert numbers(events) == list(range(1, 41))


async def test_a_lost_push_is_told_by_the_next_hello(stage):
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(Disturb(lose_pushes=1), Done)
    await client.request(resting("o1"), Orders)
    await until(lambda: len(events) == 1)
    assert numbers(events) == [1]


async def test_a_gap_is_healed_at_once_and_not_by_the_next_hello(stage, monkeypatch):
    monkeypatch.setattr(f"{CLIENT}._HELLO_EVERY_S", 60.0)
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(Disturb(lose_pushes=1), Done)
    await client.request(market("o1"), Orders)  # ACCEPTED is lost, FILLED is not
    await until(lambda: len(events) == 2, seconds=2)
    assert numbers(events) == [1, 2]


async def test_every_event_comes_once_and_in_order_through_any_fault(stage):
    events = []
    client = await stage.client(on_event=events.append)
    for number in range(60):
        lost = number % 14 == 7
        if number % 7 == 0:
            await client.request(Disturb(lose_pushes=3, lose_answers=int(lost)), Done)
        asking = client.request(
            market(f"o{number}", quantity=1), Orders, timeout_s=0.1 if lost else 5
        )
        with pytest.raises(DeadlineExceeded) if lost else contextlib.nullcontext():
            await asking
        if number == 30:
            await stage.close()
            await stage.open()
    await until(lambda: len(events) == 120)
    assert numbers(events) == list(range(1, 121))
    assert list(stage.ledger.events()) == events


async def test_no_venue_is_one_clear_error_and_nothing_left_open(tmp_path):
    client = PaperVenueClient(
        orders_address=f"ipc://{tmp_path}/o.sock", quotes_address=f"ipc://{tmp_path}/q.sock"
    )
    with pytest.raises(NotReachable, match="must be running"):
        await client.connect(timeout_s=0.2)
    assert client.state is ConnectionState.DISCONNECTED
    with pytest.raises(NotReachable, match="connected first"):
        await client.request(GetAccount(), Account)


async def test_a_client_notices_that_the_venue_is_gone_and_back(stage):
    states = []
    client = await stage.client(on_state=states.append)
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


async def test_an_order_given_up_while_the_venue_was_away_is_never_done(stage):
    client = await stage.client()
    await stage.close()
    with pytest.raises(DeadlineExceeded):
        await client.request(market("late"), Orders, timeout_s=0.2)
    await stage.open()
    await until(lambda: client.state is ConnectionState.CONNECTED)
    (asked,) = (await client.request(market("next"), Orders)).orders
    assert asked.venue_order_id == "V-1"
    names = [o.client_order_id for o in (await client.request(ListOrders(), Orders)).orders]
    assert names == ["next"]


async def test_an_order_that_waits_for_a_venue_that_comes_back_in_time_is_done(stage):
    client = await stage.client()
    await stage.close()
    asking = asyncio.create_task(client.request(market("o1"), Orders, timeout_s=8))
    await until(lambda: client.state is ConnectionState.RECONNECTING)
    await stage.open()
    assert (await asking).orders[0].status == "FILLED"


async def test_requests_that_wait_when_the_client_closes_fail_with_their_outcome_unknown(stage):
    client = await stage.client()
    await client.request(Disturb(silent_s=5), Done)
    asking = asyncio.create_task(client.request(market("o1"), Orders))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(NotReachable, match="stay open"):
        await asking


async def test_a_client_that_was_closed_can_connect_again(stage):
    events = []
    client = await stage.client(on_event=events.append)
    await client.request(market("o1"), Orders)
    await until(lambda: len(events) == 2)
    await client.close()
    await client.connect()
    await client.request(market("o2"), Orders)
    await until(lambda: len(events) == 4)
    assert numbers(events) == [1, 2, 3, 4]


async def test_a_new_book_in_place_of_the_old_one_is_refused(stage):
    events, states = [], []
    client = await stage.client(on_event=events.append, on_state=states.append)
    await client.request(resting("o1"), Orders)
    await stage.close()
    for file in stage.folder.glob("venue.db*"):
        file.unlink()
    await stage.open()
    await until(lambda: client.state is ConnectionState.ERROR)
    with pytest.raises(NodeError, match="must keep the book"):
        await client.request(resting("o2"), Orders)
    other = await stage.client()
    await other.request(resting("o3"), Orders)
    assert numbers(events) == [1]
    assert states[-1] is ConnectionState.ERROR


async def test_an_older_copy_of_the_book_is_refused_also_at_a_new_connect(stage):
    client = await stage.client()
    await client.request(resting("o1"), Orders)
    await stage.close()
    shutil.copy(stage.folder / "venue.db", stage.folder / "copy.db")
    await stage.open()
    await until(lambda: client.state is ConnectionState.CONNECTED)
    await client.request(resting("o2"), Orders)
    await until(lambda: client.seq == 2)
    await client.close()
    await stage.close()
    shutil.copy(stage.folder / "copy.db", stage.folder / "venue.db")
    await stage.open()
    with pytest.raises(NodeError, match="must keep the book"):
        await client.connect()
    assert client.state is ConnectionState.DISCONNECTED


async def test_a_handler_that_fails_hears_of_the_next_event_all_the_same(stage, caplog):
    heard = []

    def handler(event):
        heard.append(event.seq)
        raise ValueError("of the handler")

    client = await stage.client(on_event=handler)
    await client.request(market("o1"), Orders)
    await until(lambda: len(heard) == 2)
    assert "failed on event 1" in caplog.text


async def test_an_answer_of_another_kind_is_an_error_and_not_an_answer(stage):
    client = await stage.client()
    with pytest.raises(MessageError, match="must answer ListSymbols with Fills"):
        await client.request(ListSymbols(), Fills)
    assert (await client.request(ListSymbols(), Symbols)).symbols == ["A", "B"]


async def test_many_requests_at_once_get_each_its_own_answer(stage):
    client = await stage.client()
    names = [f"o{number}" for number in range(200)]
    answers = await asyncio.gather(*(client.request(resting(name), Orders) for name in names))
    assert [a.orders[0].client_order_id for a in answers] == names
