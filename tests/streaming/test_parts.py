"""A frame that is too large is sent in parts, and nobody can tell."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.client.protocol import Delta, SnapshotFrame, decode_gateway_frame, encode_frame
from nautilus_lab.platform.messages import Envelope, NodeStateChanged, OrderFilled
from nautilus_lab.streaming import _parts
from nautilus_lab.streaming._parts import in_parts


def fill(number, epoch=2, padding=0):
    body = OrderFilled(
        trade_id=f"T-{number}-{'x' * padding}",
        client_order_id="O-1",
        strategy="tilt",
        instrument="AAPL.PAPER",
        side="BUY",
        quantity=Decimal(1),
        price=Decimal(10),
    )
    return Envelope(
        id=str(number),
        topic="trading.fill.T-1.tilt",
        ts=number,
        trader="T-1",
        writer="node",
        epoch=epoch,
        seq=number,
        body=body,
    )


def state():
    return Envelope(
        id="s",
        topic="system.node.T-1",
        ts=1,
        trader="T-1",
        writer="node",
        body=NodeStateChanged(component="node", state="running"),
    )


def read(parts):
    return [decode_gateway_frame(part.decode() if part[:1] == b"{" else part) for part in parts]


def delta(events, after=10):
    upto = events[-1].seq if events else after
    return Delta(
        trader="T-1", epoch=2, after=after, upto=upto, ts=1, events=tuple(events), states=(state(),)
    )


def test_a_small_delta_is_one_frame():
    frame = delta([fill(11), fill(12)])
    assert in_parts(frame, "msgpack") == [encode_frame(frame, "msgpack")]


@given(
    seqs=st.lists(st.integers(11, 500), min_size=1, max_size=60, unique=True).map(sorted),
    largest=st.integers(300, 4_000),
)
def test_the_parts_of_a_delta_follow_each_other_without_a_gap(seqs, largest):
    frame = delta([fill(seq) for seq in seqs])
    found = read(in_parts(frame, "msgpack", largest=largest))
    assert [e.seq for part in found for e in part.events] == seqs
    assert [part.after for part in found] == [10, *(part.upto for part in found[:-1])]
    assert found[-1].upto == frame.upto
    # The states are as of the end, and are told once.
    assert [len(part.states) for part in found] == [0] * (len(found) - 1) + [1]


def test_every_part_of_a_delta_with_small_events_keeps_to_the_limit():
    frame = delta([fill(seq, padding=1_000) for seq in range(11, 511)])
    parts = in_parts(frame, "msgpack", largest=50_000)
    assert len(parts) > 10
    assert max(map(len, parts)) <= 50_000


@pytest.mark.parametrize("n_earlier", [0, 7, 30])
def test_a_snapshot_becomes_an_earlier_one_and_deltas(n_earlier):
    earlier = [fill(number, epoch=1) for number in range(1, n_earlier + 1)]
    present = [fill(number, padding=100) for number in range(1, 61)]
    frame = SnapshotFrame(
        trader="T-1",
        epoch=2,
        seq=60,
        ts=1,
        simulated=True,
        states=(state(),),
        events=(*earlier, *present),
    )
    head, *tail = read(in_parts(frame, "json", largest=8_000))
    assert isinstance(head, SnapshotFrame)
    assert all(isinstance(part, Delta) for part in tail)
    assert len(tail) >= 1
    assert [e.id for part in (head, *tail) for e in part.events] == [e.id for e in frame.events]
    assert head.events[: len(earlier)] == tuple(earlier)
    assert [part.after for part in tail] == [head.seq, *(part.upto for part in tail[:-1])]
    assert tail[-1].upto == 60
    assert head.states == frame.states
    assert head.upto == 60


def test_orders_that_fill_a_frame_are_encoded_few_times(monkeypatch):
    encoded = []

    def encode(frame, encoding):
        encoded.append(frame)
        return encode_frame(frame, encoding)

    monkeypatch.setattr(_parts, "encode_frame", encode)
    frame = SnapshotFrame(
        trader="T-1",
        epoch=2,
        seq=1_000,
        ts=1,
        simulated=True,
        orders=tuple(fill(number, padding=100) for number in range(1_000)),
        events=tuple(fill(number) for number in range(1, 1_001)),
    )
    head, *tail = read(in_parts(frame, "msgpack", largest=200_000))
    assert (head.seq, head.events, len(head.orders)) == (0, (), 1_000)
    assert [e.seq for part in tail for e in part.events] == list(range(1, 1_001))
    assert sum(isinstance(made, SnapshotFrame) for made in encoded) == 3


def test_one_event_that_is_too_large_by_itself_is_left_whole():
    frame = delta([fill(11, padding=5_000)])
    assert len(in_parts(frame, "msgpack", largest=1_000)) == 1
