"""Store first, then publish; publish again what the bus did not take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from nautilus_lab.exceptions import BusError, InputError
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.messages import Envelope, Event, envelope
from nautilus_lab.platform.store import TradingStore

_log = logging.getLogger(__name__)

# So many stored events at most are sent after each other before the caller's loop is free again.
_BATCH = 256


class Publisher(Protocol):
    """The half of a bus that an outbox needs."""

    def publish(self, envelope: Envelope) -> None:
        """Hand `envelope` to the bus, or raise `BusError`."""
        ...


class Outbox:
    """The events of one writer: numbered and stored, then published, in that order.

    At least once: an event that the bus refused stays stored and is published by the next call
    of `publish` or `relay`, before any that came later. What a process stored and did not
    publish before it died is not published by its successor: readers see the new epoch and fetch
    what they lack from the store.

    Parameters
    ----------
    store : TradingStore
        Where the events go first.
    bus : Publisher
        Where they go then.
    trader, writer : str
        Whose events they are, and which process writes them.
    epoch : int
        What ``store.begin_epoch(writer)`` returned.
    simulated : bool, default=False
        Whether the events come from a simulator or a replay and not from a market.
    record : callable, optional
        Stores events: ``store.record_many``, or what calls it and adds audit rows.

    Examples
    --------
    >>> from nautilus_lab.platform.bus import LocalBus
    >>> from nautilus_lab.platform.messages import NodeStateChanged
    >>> from nautilus_lab.platform.store import TradingStore
    >>> bus = LocalBus()
    >>> end = bus.subscribe("system.>", lambda event: print(event.seq, event.body.state))
    >>> with TradingStore.open(":memory:") as store:
    ...     epoch = store.begin_epoch("node")
    ...     outbox = Outbox(store, bus, trader="T-1", writer="node", epoch=epoch)
    ...     body = NodeStateChanged(component="node", state="running")
    ...     event = outbox.publish(body, "system.node.T-1")
    1 running
    """

    def __init__(
        self,
        store: TradingStore,
        bus: Publisher,
        *,
        trader: str,
        writer: str,
        epoch: int,
        simulated: bool = False,
        record: Callable[[Sequence[Envelope]], tuple[Envelope | None, ...]] | None = None,
    ) -> None:
        self._store = store
        self._record = record
        self._bus = bus
        self._trader = trader
        self._writer = writer
        self._epoch = epoch
        self._simulated = simulated
        self._stored = self._published = store.latest_seq(writer, epoch)
        self._relaying = False
        self._refused = False  # whether the bus refused the last event; said once

    def __repr__(self) -> str:
        return (
            f"Outbox({self._trader}/{self._writer}, epoch {self._epoch}, seq {self._stored}, "
            f"{self.pending} pending)"
        )

    @property
    def seq(self) -> int:
        """The number of the last event stored; 0 before the first."""
        return self._stored

    @property
    def pending(self) -> int:
        """How many events are stored and not yet published."""
        return self._stored - self._published

    def publish(
        self,
        body: Event,
        topic: str,
        *,
        source_ts: int | None = None,
        simulated: bool | None = None,
    ) -> Envelope | None:
        """Store an event, then publish it.

        Parameters
        ----------
        body : Event
            What happened.
        topic : str
            Dotted, general to particular, without wildcards.
        source_ts : int, optional
            When its cause happened at the source, UNIX nanoseconds UTC.
        simulated : bool, optional
            As the outbox was told when not given.

        Returns
        -------
        Envelope or None
            The event as stored, whether or not the bus took it already; None for a fill that is
            stored already: then nothing happened.

        Raises
        ------
        InputError
            When `body` is a state or `topic` is no topic; nothing was stored.
        StoreError
            When the store cannot write; nothing was published.
        """
        event = self.event(body, topic, source_ts=source_ts, simulated=simulated)
        return self.publish_many((event,))[0]

    def event(
        self,
        body: Event,
        topic: str,
        *,
        source_ts: int | None = None,
        simulated: bool | None = None,
    ) -> Envelope:
        """Return an event as it is now, for `publish_many`; see `publish`."""
        # A topic that no bus takes would stand before all later events for ever.
        if not all(topic.split(".")) or not topic.isprintable() or "*" in topic or ">" in topic:
            raise InputError(
                "a topic must be dotted, non-empty parts without wildcards",
                value=topic,
                remedy='write it like "trading.fill.PAPER-001.tilt"',
            )
        return envelope(
            body,
            topic,
            trader=self._trader,
            writer=self._writer,
            epoch=self._epoch,
            source_ts=source_ts,
            simulated=self._simulated if simulated is None else simulated,
        )

    def publish_many(self, events: Sequence[Envelope]) -> tuple[Envelope | None, ...]:
        """Store what `event` returned, in one transaction, all or none; then publish it."""
        reach("outbox.before_store")
        told = (self._record or self._store.record_many)(events)
        stored = [event for event in told if event is not None]
        if not stored:
            return told
        self._stored = stored[-1].seq or 0
        reach("outbox.after_store")
        if self.pending > len(stored) or self._relaying:
            self.relay()
        elif self._send(stored) == len(stored) and self.pending:
            self.relay()  # its handlers published more
        return told

    def relay(self, limit: int = _BATCH) -> int:
        """Publish what the bus has not taken yet, oldest first; return how many it took.

        Stops at the first that the bus refuses; `pending` says how many remain. Inside of a
        handler that a publication called, it does nothing: the outer call goes on.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        taken = 0
        while self.pending and taken < limit and not self._relaying:
            stored = self._store.outbox_after(
                self._writer, self._epoch, self._published, min(_BATCH, limit - taken)
            )
            # of our epoch alone: a successor may have begun the next one
            batch = [event for event in stored if event.epoch == self._epoch]
            sent = self._send(batch)
            taken += sent
            if sent < len(batch) or not batch:
                break
        return taken

    def _send(self, events: Sequence[Envelope]) -> int:
        self._relaying = True
        try:
            for count, event in enumerate(events):
                reach("outbox.before_publish")
                try:
                    self._bus.publish(event)
                except BusError as error:
                    if not self._refused:
                        _log.warning("the bus refuses events, they wait in the store: %s", error)
                    self._refused = True
                    return count
                self._published = event.seq or 0
                self._refused = False
            return len(events)
        finally:
            self._relaying = False
