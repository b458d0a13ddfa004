"""One trader as seen from outside: its last states, its orders, its recent events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nautilus_lab.client.protocol import SnapshotFrame
from nautilus_lab.platform.messages import (
    Envelope,
    NodeStateChanged,
    OrderFilled,
    OrderUpdated,
    Snapshot,
    topic_matches,
)

_MOST_EVENTS = 5_000
_MOST_ORDERS = 2_000  # more only where more are working
_RECENT = 500  # events that a first snapshot carries
_OVER = frozenset({"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"})


@dataclass(kw_only=True)
class Picture:
    """What a snapshot is made from; kept true by every message of the node.

    (`epoch`, `seq`) is the last event that is in it; `since` is the event after which `events`
    has them all.
    """

    trader: str
    epoch: int = 0
    seq: int = 0
    simulated: bool = False
    data_ts: int = 0  # when the newest message was made, UNIX ns
    node_state: str = ""  # the node's own word
    states: dict[str, Envelope] = field(default_factory=dict)  # topic -> latest
    orders: dict[str, Envelope] = field(default_factory=dict)  # client order id -> latest
    ended: dict[str, None] = field(default_factory=dict)  # those of them that are over, in order
    events: deque[Envelope] = field(default_factory=deque)  # oldest first
    earlier_fills: tuple[Envelope, ...] = ()  # from before `events` begins, oldest first
    since: tuple[int, int] | None = None

    @property
    def begun(self) -> bool:
        """Whether a snapshot was ever taken in."""
        return self.since is not None

    @property
    def position(self) -> tuple[int, int]:
        """The (epoch, seq) of the last event in the picture."""
        return (self.epoch, self.seq)

    def asks_after(self, snapshot: Snapshot) -> tuple[int, int]:
        """Return after which (epoch, seq) events are wanted beside `snapshot`."""
        known = self.begun and self.position <= (snapshot.epoch, snapshot.seq)
        return self.position if known else (snapshot.epoch, max(0, snapshot.seq - _RECENT))

    def begin(self, snapshot: Snapshot, events: Sequence[Envelope]) -> None:
        """Take in the node's own snapshot and the events that `asks_after` named."""
        after, stamp = self.asks_after(snapshot), (snapshot.epoch, snapshot.seq)
        if self.begun and stamp < self.position:
            self.events.clear()  # the trader's store was begun anew
            self.since = None
        self.states = {state.topic: state for state in snapshot.states}
        self.orders, self.ended = {}, {}
        for order in snapshot.orders:
            self._keep_order(order)
        first = self.since or after
        self.earlier_fills = tuple(f for f in snapshot.fills if (f.epoch, f.seq or 0) <= first)
        self.epoch, self.seq = stamp
        self.simulated = snapshot.simulated
        newest = max((e.ts for e in (*snapshot.states, *snapshot.orders)), default=0)
        self.data_ts = max(self.data_ts, newest)
        for event in events:
            if (event.epoch, event.seq or 0) <= stamp:
                self._keep(event)
            else:
                self.take_event(event)
        if self.since is None:
            self.since = after

    def take_state(self, envelope: Envelope) -> None:
        """Replace the latest state of its topic."""
        self.states[envelope.topic] = envelope
        self.data_ts = max(self.data_ts, envelope.ts)

    def take_event(self, envelope: Envelope) -> None:
        """Add the event that follows."""
        assert envelope.seq is not None
        self.epoch, self.seq = envelope.epoch, envelope.seq
        self.data_ts = max(self.data_ts, envelope.ts)
        self._keep_order(envelope)
        self._keep(envelope)

    def has_all_after(self, position: tuple[int, int]) -> bool:
        """Whether every event after `position` is still here."""
        return self.since is not None and self.since <= position <= self.position

    def events_after(self, position: tuple[int, int]) -> list[Envelope]:
        """Return the events after `position` that are here, oldest first."""
        return [e for e in self.events if (e.epoch, e.seq or 0) > position]

    def snapshot(
        self,
        patterns: Sequence[str],
        *,
        after: tuple[int, int] | None = None,
        older: Sequence[Envelope] | None = None,
    ) -> SnapshotFrame:
        """Return what falls under `patterns`; with `after`, every later event if all are here.

        `older` are those between `after` and `since`, where they were fetched.
        """
        resumed = after is not None and (older is not None or self.has_all_after(after))
        if after is not None and resumed:
            events = [*(older or ()), *self.events_after(after)]
        else:
            kept = list(self.events)
            fills = (e for e in kept[:-_RECENT] if isinstance(e.body, OrderFilled))
            events = [*self.earlier_fills, *fills][-_RECENT:] + kept[-_RECENT:]
        return SnapshotFrame(
            trader=self.trader,
            epoch=self.epoch,
            seq=self.seq,
            ts=time.time_ns(),
            simulated=self.simulated,
            resumed=resumed,
            orders=_under(patterns, self.orders.values()),
            states=_under(patterns, self.states.values()),
            events=_under(patterns, events),
        )

    def _keep(self, event: Envelope) -> None:
        body = event.body
        if isinstance(body, NodeStateChanged) and body.component == "node":
            self.node_state = body.state
        self.events.append(event)
        while len(self.events) > _MOST_EVENTS:
            gone = self.events.popleft()
            self.since = (gone.epoch, gone.seq or 0)

    def _keep_order(self, envelope: Envelope) -> None:
        if not isinstance(envelope.body, OrderUpdated):
            return
        name = envelope.body.client_order_id
        self.orders[name] = envelope
        if envelope.body.status in _OVER:
            self.ended[name] = None
        else:
            self.ended.pop(name, None)
        # What works is never forgotten; how much of it there may be is for the gate to say.
        while len(self.orders) > _MOST_ORDERS and self.ended:
            oldest = next(iter(self.ended))
            del self.ended[oldest], self.orders[oldest]


def _under(patterns: Sequence[str], envelopes: Iterable[Envelope]) -> tuple[Envelope, ...]:
    if ">" in patterns:
        return tuple(envelopes)
    return tuple(e for e in envelopes if any(topic_matches(p, e.topic) for p in patterns))
