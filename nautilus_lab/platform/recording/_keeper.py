"""The present, kept row by row: by the recorder to write it down, by a reader to find it again."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any

import msgspec

from nautilus_lab.platform.messages import (
    Envelope,
    OrderFilled,
    OrderUpdated,
    QuoteUpdated,
    Snapshot,
)
from nautilus_lab.platform.recording._marks import Present, QuoteSeen

# as many as a node's own snapshot has
_MOST_CLOSED = 500
_MOST_FILLS = 500
_MOST_OF_A_KIND = 200
_CLOSED = frozenset({"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"})


class PresentKeeper:
    """What a desk would show, after every row that was taken in.

    Parameters
    ----------
    trader : str
        Whose desk.
    simulated : bool, default=False
        Whether its venue is a simulator.
    """

    def __init__(self, trader: str, *, simulated: bool = False) -> None:
        self._trader = trader
        self._simulated = simulated
        self._epoch = self._seq = self._ts = 0
        self._states: dict[str, Envelope] = {}  # topic -> its last
        self._quotes: dict[str, tuple[Any, ...]] = {}  # instrument -> the row of its last
        self._working: dict[str, Envelope] = {}  # client order id -> its last
        self._closed: OrderedDict[str, Envelope] = OrderedDict()  # likewise, the latest few
        self._fills: deque[Envelope] = deque(maxlen=_MOST_FILLS)
        self._events: dict[type, deque[Envelope]] = {}  # class of the body -> the latest few

    def begin_session(self) -> None:
        """Forget what a node forgets that starts anew: quotes and states, not orders or fills."""
        self._states.clear()
        self._quotes.clear()

    def quote(self, row: tuple[Any, ...]) -> None:
        """Take in a row of the quotes, without its `n`."""
        self._quotes[row[2]] = row

    def envelope(self, told: Envelope) -> None:
        """Take in an event or a state."""
        self._ts = told.ts
        body = told.body
        if told.seq is None:
            if not isinstance(body, QuoteUpdated):  # these come as rows of their own
                self._states[told.topic] = told
            return
        self._epoch, self._seq = told.epoch, told.seq
        if isinstance(body, OrderUpdated):
            self._order(told, body)
        elif isinstance(body, OrderFilled):
            self._fills.append(told)
        else:
            kept = self._events.setdefault(type(body), deque(maxlen=_MOST_OF_A_KIND))
            kept.append(told)

    def take(self, snapshot: Snapshot) -> None:
        """Go on from what the node itself says; other events than orders and fills are kept."""
        self.begin_session()
        for kept in (self._working, self._closed, self._fills):
            kept.clear()
        for told in (*snapshot.orders, *snapshot.fills, *snapshot.states):
            if isinstance(body := told.body, QuoteUpdated):
                sides = body.bid, body.ask, body.bid_size, body.ask_size
                self.quote((told.ts, told.source_ts, body.instrument, *sides))
            else:
                self.envelope(told)
        self._epoch, self._seq, self._ts = snapshot.epoch, snapshot.seq, snapshot.ts

    def restore(self, present: Present) -> None:
        """Go on from what a recorder wrote down; what was known before is forgotten."""
        self._events.clear()
        for told in present.events:
            self.envelope(told)
        self.take(present.snapshot)
        for seen in present.quotes:
            self.quote(msgspec.structs.astuple(seen))

    def present(self) -> Present:
        """Return the present as it is written down."""
        return Present(
            snapshot=self._snapshot(self._states.values()),
            quotes=tuple([QuoteSeen(*row) for row in self._quotes.values()]),
            events=self.events(),
        )

    def snapshot(self) -> Snapshot:
        """Return the present as a node answers it, quotes among the states."""
        quotes = [self._quoted(row) for row in self._quotes.values() if _is_sound(row)]
        return self._snapshot((*self._states.values(), *quotes))

    def events(self) -> tuple[Envelope, ...]:
        """Return the latest events that are neither orders nor fills, oldest first."""
        every = [told for kept in self._events.values() for told in kept]
        return tuple(sorted(every, key=lambda told: (told.epoch, told.seq or 0)))

    def _order(self, told: Envelope, body: OrderUpdated) -> None:
        name = body.client_order_id
        if body.status not in _CLOSED:
            self._working[name] = told
            return
        self._working.pop(name, None)
        self._closed[name] = told
        self._closed.move_to_end(name)
        if len(self._closed) > _MOST_CLOSED:
            self._closed.popitem(last=False)

    def _snapshot(self, states: Iterable[Envelope]) -> Snapshot:
        return Snapshot(
            trader=self._trader,
            epoch=self._epoch,
            seq=self._seq,
            ts=self._ts,
            simulated=self._simulated,
            orders=(*self._closed.values(), *self._working.values()),
            states=tuple(states),
            fills=tuple(self._fills),
        )

    def _quoted(self, row: tuple[Any, ...]) -> Envelope:
        seen = QuoteSeen(*row)
        symbol, _, venue = seen.instrument.rpartition(".")
        return Envelope(
            id="",
            topic=f"market.quote.{venue}.{symbol}",
            ts=seen.ts,
            source_ts=seen.source_ts,
            trader=self._trader,
            writer="node",
            epoch=self._epoch,
            simulated=self._simulated,
            body=QuoteUpdated(
                instrument=seen.instrument,
                bid=seen.bid,
                ask=seen.ask,
                bid_size=seen.bid_size,
                ask_size=seen.ask_size,
            ),
        )


def _is_sound(row: tuple[Any, ...]) -> bool:
    # What is no number is recorded as it came, but no message can tell it.
    return all(math.isfinite(value) for value in row[3:])
