"""What every trading store promises."""

from __future__ import annotations

import logging
import threading
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.audit import AuditTrail, next_row
from nautilus_lab.platform.messages import AlertRaised, NodeStateChanged, QuoteUpdated
from nautilus_lab.platform.store import OrderIntent, TradingStore, _projection, _tables
from tests.platform.store.conftest import an_order


def a_node_state(epoch: int = 1, writer: str = "node"):
    body = NodeStateChanged(component="node", state="running")
    return messages.envelope(body, "system.node.T-1", trader="T-1", writer=writer, epoch=epoch)


# --- events -------------------------------------------------------------------------------


def test_epochs_count_up_per_writer(store):
    assert [store.begin_epoch("node") for _ in range(3)] == [1, 2, 3]
    assert store.begin_epoch("supervisor") == 1
    assert (store.latest_epoch("node"), store.latest_epoch("nobody")) == (3, 0)


def test_events_get_numbers_from_one_without_gaps(store, order, fill):
    store.begin_epoch("node")
    events = (order(), fill(), a_node_state())
    assert [store.record(event).seq for event in events] == [1, 2, 3]
    assert store.latest_seq("node", 1) == 3
    assert store.latest_seq("node", 2) == 0


def test_a_new_epoch_starts_its_numbers_at_one(store, order):
    store.begin_epoch("node")
    store.record(order())
    store.begin_epoch("node")
    assert store.record(order(epoch=2)).seq == 1


def test_the_stored_event_is_the_published_one_with_its_number(store, order):
    store.begin_epoch("node")
    event = order()
    recorded = store.record(event)
    assert recorded == msgspec.structs.replace(event, seq=1)
    assert store.outbox_after("node", 0, 0) == (recorded,)


def test_the_outbox_is_read_from_any_point_across_epochs(store, order):
    events = []
    for epoch in (1, 2):
        store.begin_epoch("node")
        events += store.record_many([order(f"O-{n}", epoch=epoch) for n in range(3)])
    assert store.outbox_after("node", 1, 2) == tuple(events[2:])
    assert store.outbox_after("node", 1, 3) == tuple(events[3:])
    assert store.outbox_after("node", 2, 3) == ()
    assert store.outbox_after("node", 0, 0, limit=4) == tuple(events[:4])
    assert store.outbox_after("supervisor", 0, 0) == ()


def an_alert(writer: str, ts: int, epoch: int = 1):
    body = AlertRaised(severity="critical", component=writer, rule=f"rule {ts}")
    event = messages.envelope(
        body, "system.alert.T-1", trader="T-1", writer=writer, epoch=epoch, seq=None
    )
    return msgspec.structs.replace(event, ts=ts)


def test_the_alerts_of_every_writer_and_epoch_are_read_the_latest_first(store, order):
    for writer in ("node", "venue"):
        store.begin_epoch(writer)
    told = [store.record(an_alert("node", 3)), store.record(an_alert("venue", 1))]
    store.record_many([order(), a_node_state()])
    store.begin_epoch("node")
    told.append(store.record(an_alert("node", 2, epoch=2)))
    assert store.alerts() == (told[0], told[2], told[1])
    assert store.alerts(limit=1) == (told[0],)
    with pytest.raises(InputError, match="limit must be positive"):
        store.alerts(limit=0)


def test_an_event_of_an_epoch_that_is_over_is_refused(store, order):
    store.begin_epoch("node")
    store.begin_epoch("node")
    with pytest.raises(StoreError, match="present epoch of node, which is 2") as refusal:
        store.record(order(epoch=1))
    assert refusal.value.value == "epoch 1"
    assert store.outbox_after("node", 0, 0) == store.orders() == ()


def test_an_event_of_a_writer_without_epoch_is_refused(store, order):
    with pytest.raises(StoreError, match="which is 0"):
        store.record(order(epoch=1))


def test_writers_number_their_events_apart(store):
    for writer in ("node", "supervisor"):
        store.begin_epoch(writer)
        assert store.record(a_node_state(writer=writer)).seq == 1


def test_a_state_is_no_event_and_is_not_stored(store):
    store.begin_epoch("node")
    quote = QuoteUpdated(instrument="AAPL.PAPER", bid=99.5, ask=100.0)
    state = messages.envelope(quote, "market.quote.PAPER.AAPL", trader="T", writer="node", epoch=1)
    with pytest.raises(InputError, match="must be an event") as refusal:
        store.record(state)
    assert "QuoteUpdated" in refusal.value.value


def test_an_event_that_has_a_number_is_not_numbered_again(store, order):
    store.begin_epoch("node")
    with pytest.raises(InputError, match="without a number"):
        store.record(msgspec.structs.replace(order(), seq=7))


def test_many_events_are_recorded_together_or_not_at_all(store, order):
    store.begin_epoch("node")
    with pytest.raises(StoreError):
        store.record_many([order("O-1"), order("O-2"), order("O-3", epoch=9)])
    assert store.outbox_after("node", 0, 0) == store.orders() == ()
    assert store.latest_seq("node", 1) == 0


def test_recording_no_events_is_harmless(store):
    assert store.record_many(()) == ()


# --- orders and fills ---------------------------------------------------------------------


def test_an_order_is_as_its_last_event_says(store, order):
    store.begin_epoch("node")
    store.record(order(status="SUBMITTED"))
    last = store.record(
        order(
            status="PARTIALLY_FILLED",
            venue_order_id="V-9",
            filled=Decimal("40"),
            limit_price=Decimal("101.50"),
            average_price=Decimal("101.250"),
            reason="half",
        )
    )
    assert store.orders() == (last,)
    assert str(store.orders()[0].body.limit_price) == "101.50"  # digits are kept


def test_all_that_an_order_tells_comes_back(store, order):
    store.begin_epoch("node")
    last = store.record(
        order(
            trigger_price=Decimal("99.00"),
            time_in_force="GTD",
            parent="O-0",
            list_id="OL-1",
            linked=("O-2", "O-3"),
            algorithm="VWAP",
            arrival_price=Decimal("101.2550"),
            by="ana",
        )
    )
    assert store.orders() == (last,)
    assert str(store.orders()[0].body.arrival_price) == "101.2550"  # digits are kept


def test_a_field_that_orders_get_later_needs_no_new_column(store, order):
    told = order()
    known = {field.name for field in msgspec.structs.fields(type(told.body))}
    columns = {column.name for column in _tables.orders.columns}
    assert known - columns == set(_projection._DETAILS)
    assert all(default is not msgspec.NODEFAULT for default in _projection._DETAILS.values())


prices = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4)
names = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    trigger_price=prices,
    arrival_price=prices,
    time_in_force=st.text(st.characters(codec="utf-8"), max_size=5),
    parent=names,
    list_id=names,
    algorithm=names,
    linked=st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3).map(tuple),
)
def test_whatever_an_order_tells_comes_back(**told):
    with TradingStore.open(":memory:") as store:
        store.begin_epoch("node")
        last = store.record(an_order(**told))
        assert store.orders() == (last,)
        assert messages.encode(store.orders()[0]) == messages.encode(last)


def test_orders_come_latest_first_and_the_closed_can_be_left_out(store, order):
    store.begin_epoch("node")
    for n, status in enumerate(
        ["FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED", "ACCEPTED", "PENDING_CANCEL"]
    ):
        store.record(order(f"O-{n}", status=status))
    assert [event.body.client_order_id for event in store.orders()] == [
        f"O-{n}" for n in (6, 5, 4, 3, 2, 1, 0)
    ]
    working = [event.body.client_order_id for event in store.orders(working_only=True)]
    assert working == ["O-6", "O-5"]
    assert len(store.orders(limit=3)) == 3
    assert len(store.orders(working_only=True, limit=1)) == 1


def test_a_fill_comes_back_with_every_digit(store, fill):
    store.begin_epoch("node")
    recorded = store.record(fill())
    assert store.fills() == (recorded,)
    assert str(store.fills()[0].body.price) == "101.250"


def test_fills_come_as_they_happened_and_by_order(store, fill):
    store.begin_epoch("node")
    for n in range(4):
        store.record(fill(f"T-{n}", client_order_id=f"O-{n % 2}"))
    assert [event.body.trade_id for event in store.fills()] == ["T-0", "T-1", "T-2", "T-3"]
    assert [e.body.trade_id for e in store.fills(client_order_id="O-1")] == ["T-1", "T-3"]


def test_a_fill_reported_twice_is_stored_once_and_takes_no_number(store, fill, caplog):
    store.begin_epoch("node")
    first = store.record(fill())
    with caplog.at_level(logging.WARNING):
        assert store.record(fill()) is None
    assert caplog.records == []
    assert store.fills() == store.outbox_after("node", 0, 0) == (first,)
    assert store.record(fill("T-2")).seq == 2


def test_a_fill_reported_again_with_other_facts_is_dropped_and_said(store, fill, caplog):
    store.begin_epoch("node")
    first = store.record(fill())
    with caplog.at_level(logging.WARNING):
        assert store.record(fill(price=Decimal("999"))) is None
    assert "trade T-1 of PAPER" in caplog.text
    assert "101.250" in caplog.text
    assert "999" in caplog.text
    assert store.fills() == (first,)


def test_a_fill_of_an_earlier_epoch_is_known_after_a_restart(store, fill):
    store.begin_epoch("node")
    store.record(fill())
    store.begin_epoch("node")
    assert store.record(fill(epoch=2)) is None


def test_two_venues_may_use_the_same_trade_id(store, fill):
    store.begin_epoch("node")
    assert store.record(fill(instrument="AAPL.PAPER")).seq == 1
    assert store.record(fill(instrument="AAPL.NASDAQ")).seq == 2


def test_a_fill_twice_in_one_batch_is_stored_once(store, fill, order):
    store.begin_epoch("node")
    recorded = store.record_many([fill(), order(), fill()])
    assert [event and event.seq for event in recorded] == [1, 2, None]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_is_none_is_refused(store, limit):
    with pytest.raises(InputError, match="limit must be positive"):
        store.outbox_after("node", 0, 0, limit=limit)
    with pytest.raises(InputError, match="limit must be positive"):
        store.orders(limit=limit)


# --- intents ------------------------------------------------------------------------------


def audit_row(last=None, body=None):
    return next_row(
        last, chain="node", ts_ns=1_700_000_000_000_000_000, actor="ana", kind="t", body=body or {}
    )


def test_an_intent_and_its_audit_row_are_stored_together(store):
    told = audit_row(body={"client_order_id": "O-1"})
    facts = {"quantity": Decimal("100"), "price": Decimal("101.50"), "side": "BUY"}
    assert store.intend("O-1", "submit", facts, told) == 1
    (intent,) = store.journal()
    assert (intent.id, intent.client_order_id, intent.command) == (1, "O-1", "submit")
    assert intent.body == {"quantity": "100", "price": "101.50", "side": "BUY"}
    assert (intent.ts_ns, intent.state) == (told.ts_ns, "INTENDED")
    assert store.audit_head() == told
    assert list(store.audit_rows()) == [told]


def test_without_its_audit_row_there_is_no_intent(store):
    first = audit_row()
    store.append_audit([first])
    with pytest.raises(StoreError, match="must follow the last one"):
        store.intend("O-1", "submit", {}, first)  # the chain's end has moved on
    assert store.journal() == ()
    assert list(store.audit_rows()) == [first]


@pytest.mark.parametrize("number", [1.5, float("nan"), Decimal("NaN"), Decimal("Infinity")])
def test_an_intent_with_a_float_or_no_number_is_refused_whole(store, number):
    with pytest.raises(InputError, match=r"value\.price"):
        store.intend("O-1", "submit", {"price": number}, audit_row())
    assert store.journal() == ()
    assert store.audit_head() is None


def test_many_intents_are_stored_together_or_not_at_all(store):
    intents = [
        OrderIntent(client_order_id=f"O-{n}", command="submit", body={"n": n}) for n in range(3)
    ]
    rows = [audit_row()]
    for _ in range(2):
        rows.append(audit_row(rows[-1]))
    with pytest.raises(StoreError):
        store.intend_many(intents, [rows[0], rows[2], rows[1]])
    assert store.journal() == ()
    assert store.intend_many(intents, rows) == (1, 2, 3)
    assert list(store.audit_rows()) == rows


def test_intents_without_as_many_audit_rows_are_refused(store):
    intent = OrderIntent(client_order_id="O-1", command="submit", body={})
    with pytest.raises(InputError, match="with its audit row"):
        store.intend_many([intent], [])


def test_an_intent_is_open_until_its_outcome_is_known(store):
    last = None
    for n in range(3):
        last = audit_row(last)
        store.intend(f"O-{n}", "submit", {}, last)
    store.mark(1, "SENT")
    store.mark(1, "ACKNOWLEDGED")
    store.mark(2, "UNKNOWN")
    assert [(row.id, row.state) for row in store.journal()] == [
        (1, "ACKNOWLEDGED"),
        (2, "UNKNOWN"),
        (3, "INTENDED"),
    ]
    assert [row.id for row in store.journal(open_only=True)] == [2, 3]
    assert [row.id for row in store.journal(client_order_id="O-2")] == [3]


def test_an_intent_whose_outcome_is_known_keeps_it(store):
    store.intend("O-1", "submit", {}, audit_row())
    store.mark(1, "REJECTED")
    with pytest.raises(StoreError, match="must be there") as refusal:
        store.mark(1, "SENT")
    assert refusal.value.value == 1
    assert store.journal()[0].state == "REJECTED"


def test_an_intent_that_is_not_there_cannot_be_marked(store):
    with pytest.raises(StoreError, match="must be there"):
        store.mark(404, "SENT")


def test_a_state_that_no_intent_has_is_refused(store):
    with pytest.raises(InputError, match="INTENDED, SENT, UNKNOWN, DENIED"):
        store.mark(1, "LOST")
    with pytest.raises(InputError, match="INTENDED, SENT, UNKNOWN, DENIED"):
        OrderIntent(client_order_id="O-1", command="submit", body={}, state="LOST")


# --- audit --------------------------------------------------------------------------------


def test_a_chain_of_any_length_is_read_in_pages(store):
    rows = [audit_row()]
    for _ in range(2_499):
        rows.append(audit_row(rows[-1]))
    store.append_audit(rows)
    assert list(store.audit_rows()) == rows
    assert list(store.audit_rows(from_seq=1_995)) == rows[1_994:]
    assert list(store.audit_rows(from_seq=2_501)) == []


def test_a_chain_of_exactly_one_page_ends(store):
    rows = [audit_row()]
    for _ in range(999):
        rows.append(audit_row(rows[-1]))
    store.append_audit(rows)
    assert list(store.audit_rows()) == rows


def test_a_store_may_be_written_while_its_chain_is_read(store):
    first = audit_row()
    store.append_audit([first])
    reading = store.audit_rows()
    assert next(reading) == first
    store.append_audit([audit_row(first)])
    assert store.audit_head().seq == 2


def test_chains_are_apart(store):
    AuditTrail(store, chain="node").append("note", {}, actor="a")
    AuditTrail(store, chain="desk").append("note", {}, actor="a")
    assert store.audit_chains() == ("desk", "node")
    assert [row.seq for row in store.audit_rows(chain="desk")] == [1]
    assert store.audit_head(chain="nobody") is None


# --- the store itself ---------------------------------------------------------------------


def test_everything_is_there_when_the_store_is_opened_again(stores, order, fill):
    store = stores.trading()
    store.begin_epoch("node")
    told = audit_row()
    store.intend("O-1", "submit", {"quantity": 1}, told)
    recorded = (store.record(order()), store.record(fill()))
    before = (store.orders(), store.fills(), store.journal(), store.audit_head())
    store.close()
    store = stores.trading()
    assert (store.orders(), store.fills(), store.journal(), store.audit_head()) == before
    assert store.outbox_after("node", 0, 0) == recorded
    assert store.begin_epoch("node") == 2


def test_a_reader_sees_what_the_writer_has_committed(stores, order):
    writer, reader = stores.trading(), stores.trading(read_only=True)
    writer.begin_epoch("node")
    recorded = writer.record(order())
    assert reader.outbox_after("node", 0, 0) == reader.orders() == (recorded,)


def test_a_reader_cannot_write(stores, order):
    stores.trading()
    reader = stores.trading(read_only=True)
    with pytest.raises(StoreError, match="opened to be read cannot be written"):
        reader.begin_epoch("node")
    with pytest.raises(StoreError, match="opened to be read cannot be written"):
        reader.append_audit([audit_row()])


def test_a_closed_store_says_so(store):
    store.close()
    store.close()
    assert "closed" in repr(store)
    with pytest.raises(StoreError, match="must be open"):
        store.orders()
    with pytest.raises(StoreError, match="must be open"):
        store.begin_epoch("node")


def test_another_thread_is_turned_away(store):
    refusals = []

    def use() -> None:
        for action in (store.orders, lambda: store.begin_epoch("node"), store.close):
            with pytest.raises(StoreError, match="thread that opened it") as refusal:
                action()
            refusals.append(refusal.value.value)

    thread = threading.Thread(target=use, name="elsewhere")
    thread.start()
    thread.join()
    assert refusals == ["elsewhere"] * 3
    assert store.begin_epoch("node") == 1


@pytest.mark.parametrize("text", ["lone \ud800 surrogate"])
def test_text_that_is_no_unicode_is_an_input_error(store, text):
    with pytest.raises(InputError, match="valid Unicode"):
        store.begin_epoch(text)
    with pytest.raises(InputError, match="valid Unicode"):
        store.intend("O-1", "submit", {"note": text}, audit_row())
    with pytest.raises(InputError, match="valid Unicode"):
        store.intend(text, "submit", {}, audit_row())
    assert store.journal() == ()


def test_an_integer_over_sixty_four_bits_is_an_input_error(store):
    with pytest.raises(InputError, match="64 bits"):
        store.latest_seq("node", 2**63)
    with pytest.raises(InputError, match="64 bits"):
        store.mark(2**80, "SENT")


def test_a_store_shows_where_it_is_and_that_it_is_open():
    with TradingStore.open(":memory:") as store:
        assert repr(store) == "TradingStore(':memory:', open)"
