"""Follows one trader's node: a picture that stays true, and who wants to see it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from nautilus_lab.client.protocol import (
    MAX_GATEWAY_FRAME,
    Delta,
    Encoding,
    NodeFrame,
    encode_frame,
)
from nautilus_lab.exceptions import LabError, NodeError, NotReachable
from nautilus_lab.platform.bus import ProcessBus, SequenceTracker, bus_of, open_bus
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import Envelope, Snapshot
from nautilus_lab.platform.rundir import ProcessRecord, RunDirectory
from nautilus_lab.streaming._group import Group, Send
from nautilus_lab.streaming._history import StateHistory
from nautilus_lab.streaming._parts import in_parts
from nautilus_lab.streaming._picture import Picture
from nautilus_lab.streaming._relay import CommandRelay

_log = logging.getLogger(__name__)

_WRITER = "node"
_LOOK_EVERY_S = 0.5
_ASK_S = 5.0  # how long a node may take to answer
_SILENT_S = 4.0  # after so long without a message a node is asked whether it lives
_GATHER_S = 0.004  # states of one burst go out together
_MOST_WAITING = 20_000  # events that wait for a gap to be filled
_MOST_FOREIGN = 500  # events of other writers that are kept for viewers who do not read


class Viewer(Protocol):
    """Somebody who subscribed."""

    patterns: tuple[str, ...]
    encoding: Encoding
    send: Send
    operates: bool  # whether it may do more than look

    def missed(self, states: Iterable[Envelope], event_bytes: int) -> None:
        """Note what was sent to the others while this one does not read."""
        ...

    def offer_node(self, frame: NodeFrame, encoded: bytes) -> None:
        """Take news of the node."""
        ...

    def start_over(self) -> None:
        """Take a fresh snapshot: the node is another than before."""
        ...

    def too_large(self, size: int) -> None:
        """Learn that a frame of `size` bytes cannot be sent."""
        ...


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a node's answer to `node.status`."""

    state: str
    detail: str = ""


class Feed:
    """The messages of one node, conflated, to any number of viewers.

    Events go out at once and in order; a gap on the bus is filled from the node's store first.
    A state goes out at once too, unless its topic was sent less than `conflate_ms` ago: then the
    latest of it follows when that time is over.
    """

    def __init__(self, run: RunDirectory, *, conflate_ms: int, history: StateHistory) -> None:
        self.trader = run.trader_id
        self.picture = Picture(trader=run.trader_id)
        self.history = history
        self.relay = CommandRelay(run)
        self.frames = 0  # deltas that were handed to viewers, since the start
        self.left_at = (0, 0)  # the position that viewers had reached before the last snapshot
        self.attended_ns = 0  # when the last operator left, UNIX ns; 0 for never
        self._run = run
        self._conflate_s = conflate_ms / 1e3
        self._groups: dict[tuple[tuple[str, ...], Encoding], Group] = {}
        self._members: dict[Viewer, Group] = {}
        self._blocked: dict[Viewer, Group] = {}  # those that do not read what they are sent
        self._snapshots: dict[tuple[object, ...], list[bytes]] = {}  # until the next message
        self._foreign: deque[Envelope] = deque(maxlen=_MOST_FOREIGN)  # of other writers
        self._foreign_count = 0
        self._state = "attaching"
        self._detail = ""
        self._attached = False
        self._tracker = SequenceTracker()
        self._waiting: list[Envelope] = []  # came while attaching or filling a gap
        self._anew = False  # whether a snapshot must be taken again
        self._filling: asyncio.Task[None] | None = None
        self._heard_at = 0.0  # time.monotonic() of the last message
        self._changed = asyncio.Event()  # wakes the attendant before its time
        self._dirty: dict[str, Envelope] = {}  # topic -> state not sent yet
        self._sent_at: dict[str, float] = {}  # topic -> time.monotonic() of its last sending
        self._events: list[Envelope] = []  # not sent yet
        self._flushed = (0, 0)  # the position that every viewer was brought to
        self._flush_at = float("inf")
        self._flush_timer: asyncio.TimerHandle | None = None
        self._attendant: asyncio.Task[None] | None = None

    # --- viewers -----------------------------------------------------------------------------

    def add(self, viewer: Viewer) -> None:
        """Show the feed to `viewer` from now on; everything pending goes out first."""
        self.flush(everything=True)
        key = (viewer.patterns, viewer.encoding)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(*key)
        self._members[viewer] = group
        group.members += 1
        group.add(viewer, viewer.send)

    def remove(self, viewer: Viewer) -> None:
        """Forget `viewer`; harmless when it is not known."""
        group = self._members.pop(viewer, None)
        if group is None:
            return
        group.discard(viewer)
        self._blocked.pop(viewer, None)
        group.members -= 1
        if not group.members:
            del self._groups[(group.patterns, group.encoding)]
        if viewer.operates:
            self.attended_ns = time.time_ns()

    def block(self, viewer: Viewer) -> tuple[tuple[int, int], int]:
        """Send `viewer` nothing for now; return where it stands, for `catch_up`."""
        group = self._members.get(viewer)
        if group is not None:
            group.discard(viewer)
            self._blocked[viewer] = group
        return self._flushed, self._foreign_count

    def unblock(self, viewer: Viewer) -> None:
        """Send to `viewer` again; everything pending goes out before."""
        self.flush(everything=True)
        group = self._blocked.pop(viewer, None)
        if group is not None:
            group.add(viewer, viewer.send)

    def reaches_back_to(self, stand: tuple[tuple[int, int], int]) -> bool:
        """Whether every event after `stand` is still here."""
        position, foreign = stand
        return self.picture.has_all_after(position) and (
            self._foreign_count - foreign <= _MOST_FOREIGN
        )

    def catch_up(
        self, viewer: Viewer, stand: tuple[tuple[int, int], int], topics: Iterable[str]
    ) -> list[bytes]:
        """Return as one delta the events after `stand` and the latest states of `topics`."""
        position, foreign = stand
        group = self._members[viewer]
        seen = len(self._foreign) - (self._foreign_count - foreign)
        events = [*self.picture.events_after(position), *list(self._foreign)[seen:]]
        states = (self.picture.states.get(topic) for topic in topics)
        delta = Delta(
            trader=self.trader,
            epoch=self.picture.epoch,
            after=position[1],
            upto=self.picture.seq,
            ts=time.time_ns(),
            events=group.through(events),
            states=tuple(state for state in states if state is not None),
        )
        return in_parts(delta, viewer.encoding)

    def snapshot(self, viewer: Viewer, after: tuple[int, int] | None) -> list[bytes]:
        """Return the present as `viewer` asked to see it; made once for all who ask alike."""
        key = (viewer.patterns, viewer.encoding, after)
        made = self._snapshots.get(key)
        if made is None:
            frame = self.picture.snapshot(viewer.patterns, after=after)
            made = self._snapshots[key] = in_parts(frame, viewer.encoding)
        return made

    @property
    def position(self) -> tuple[int, int]:
        """The (epoch, seq) that every viewer who reads was brought to."""
        return self._flushed

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._members)

    @property
    def operators(self) -> int:
        """How many of them may do more than look."""
        return sum(viewer.operates for viewer in self._members)

    def node_frame(self) -> NodeFrame:
        """How the node is, as far as can be seen from here."""
        return NodeFrame(
            trader=self.trader,
            state=self._state,
            detail=self._detail,
            epoch=self.picture.epoch,
            simulated=self.picture.simulated,
            data_ts=self.picture.data_ts,
            ts=time.time_ns(),
        )

    # --- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for the node."""
        self._attendant = asyncio.create_task(self._attend(), name=f"feed {self.trader}")

    async def stop(self) -> None:
        """Let go of the node."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        tasks = [task for task in (self._attendant, self._filling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.relay.close()
        for kept in (self._members, self._blocked, self._groups):
            kept.clear()

    async def _attend(self) -> None:
        while True:
            why = self._absent()
            if why is None:
                try:
                    await self._follow()
                except LabError as error:
                    why = str(error)
                except Exception:
                    _log.exception("following trader %s failed", self.trader)
                    why = "following it failed; see the gateway's log"
            self._attached = False
            self._enter("unreachable", why or "its process ended")
            await asyncio.sleep(_LOOK_EVERY_S)

    def _absent(self) -> str | None:
        """Why the node cannot be there, or None."""
        try:
            record = ProcessRecord.read(self._run.node)
        except LabError as error:
            return str(error)
        if record is None:
            return "no node of this trader runs"
        return None if record.alive else f"its process {record.pid} has ended"

    async def _follow(self) -> None:
        """Attach, and stay until the node is gone; raises the `LabError` of what went wrong."""
        bus = self._open()
        commands = CommandClient(self._run.commands)
        try:
            await self._attach(bus, commands)
            while (gone := self._absent()) is None:
                await self._wait()
                if self._anew and bus.state is ConnectionState.CONNECTED:
                    await self._attach(bus, commands)
                elif self._filling is None and self._waiting:
                    self._filling = asyncio.create_task(self._fill(commands))
                if self._filling is not None and self._filling.done():
                    filled, self._filling = self._filling, None
                    filled.result()
                if bus.state is ConnectionState.ERROR:
                    bus.close()
                    bus = self._open()  # with fresh attempts
                    self._anew = True
                if bus.state is not ConnectionState.CONNECTED and self._filling is None:
                    await self._poll(commands)
                if time.monotonic() - self._heard_at > _SILENT_S:
                    await self._look(commands)
            raise NodeError("the node must run", value=gone)
        finally:
            if self._filling is not None:
                self._filling.cancel()
                self._filling = None
            bus.close()

    def _open(self) -> ProcessBus:
        bus = open_bus(bus_of(self._run), self._run, "follow", on_state=self._bus_is)
        bus.subscribe(">", self._arrive)
        return bus

    async def _wait(self) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._changed.wait()

    def _bus_is(self, state: ConnectionState) -> None:
        if state is ConnectionState.RECONNECTING:
            self._anew = True  # perhaps to another process than before
        self._changed.set()

    async def _attach(self, bus: ProcessBus, commands: CommandClient) -> None:
        """Take the node's snapshot; what comes meanwhile waits and is applied after it."""
        self._attached, self._anew = False, False
        self._tracker, self._waiting = SequenceTracker(), []
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        try:
            await bus.ready(_ASK_S)
        except NotReachable as error:
            # The node may trade on without its bus: until that is back it is asked by itself.
            _log.warning("trader %s: %s", self.trader, error)
            self._anew = True
        status = await commands.call("node.status", timeout_s=_ASK_S, answer=_Status)
        await self.relay.learn(commands, timeout_s=_ASK_S)
        snapshot = await commands.call("node.snapshot", timeout_s=_ASK_S, answer=Snapshot)
        events = await self._events_after(commands, self.picture.asks_after(snapshot))
        self.flush(everything=True)
        self._snapshots.clear()
        self.left_at = self._flushed
        self.picture.begin(snapshot, events)
        for state in snapshot.states:
            self.history.note(state)
        self.picture.node_state = status.state
        self._tracker.note(self.trader, _WRITER, *self.picture.position)
        self._flushed = self.picture.position
        self._attached, self._heard_at = True, time.monotonic()
        self._enter(status.state, status.detail)
        _log.info("trader %s: attached at epoch %d, seq %d", self.trader, *self._flushed)
        for viewer in tuple(self._members):
            viewer.start_over()
        waiting, self._waiting = self._waiting, []
        for envelope in waiting:
            self._arrive(envelope)

    async def _look(self, commands: CommandClient) -> None:
        """Ask a silent node how it is."""
        status = await commands.call("node.status", timeout_s=_ASK_S, answer=_Status)
        self._heard_at = time.monotonic()
        if self._attached:
            self._enter(status.state, status.detail)

    async def _poll(self, commands: CommandClient) -> None:
        """Ask the node for what its bus does not carry at present."""
        if not self._attached:
            return
        for event in await self._events_after(commands, self.picture.position):
            if not self._tracker.holds(event) and event.epoch == self.picture.epoch:
                self._tracker.note(self.trader, _WRITER, event.epoch, event.seq or 0)
                self._take_event(event)
        snapshot = await commands.call("node.snapshot", timeout_s=_ASK_S, answer=Snapshot)
        for state in snapshot.states:
            if state != self.picture.states.get(state.topic):
                self._take_state(state)
        self._snapshots.clear()
        await self._look(commands)

    async def _events_after(
        self, commands: CommandClient, after: tuple[int, int]
    ) -> list[Envelope]:
        """Return every stored event after a point; a node hands them out in pages."""
        events: list[Envelope] = []
        while True:
            body = {"epoch": after[0], "seq": after[1]}
            page = await commands.call("node.events", body, timeout_s=_ASK_S, answer=list[Envelope])
            events += page
            if not page or (last := (page[-1].epoch, page[-1].seq or 0)) <= after:
                return events
            after = last

    # --- messages ----------------------------------------------------------------------------

    def _arrive(self, envelope: Envelope) -> None:
        self._heard_at = time.monotonic()
        if self._snapshots:
            self._snapshots.clear()
        if not self._attached:
            self._hold(envelope)
        elif envelope.writer == _WRITER and envelope.epoch > self.picture.epoch:
            self._anew = True  # the node has restarted
            self._hold(envelope)
            self._changed.set()
        elif envelope.seq is None:
            self._take_state(envelope)
        elif envelope.writer != _WRITER:
            self._pass_on(envelope)
        elif self._tracker.holds(envelope):
            return
        elif self._filling is not None or self._tracker.observe(envelope) is not None:
            self._hold(envelope)
            self._changed.set()
        else:
            self._take_event(envelope)

    def _hold(self, envelope: Envelope) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._anew = True  # too much to replay: start over from a snapshot
            self._waiting.clear()
        self._waiting.append(envelope)

    async def _fill(self, commands: CommandClient) -> None:
        """Fetch the events that the bus lost, and go on with those that waited."""
        _log.warning("trader %s: events after %s were lost", self.trader, self.picture.position)
        for event in await self._events_after(commands, self.picture.position):
            if not self._tracker.holds(event):
                self._tracker.note(self.trader, _WRITER, event.epoch, event.seq or 0)
                self._take_event(event)
        waiting, self._waiting = self._waiting, []
        for envelope in waiting:
            if self._tracker.holds(envelope):
                continue
            if (gap := self._tracker.observe(envelope)) is not None:
                raise NodeError("the node's store must hold every event it published", value=gap)
            self._take_event(envelope)

    def _take_state(self, envelope: Envelope) -> None:
        self.picture.take_state(envelope)
        self.history.note(envelope)
        self._dirty[envelope.topic] = envelope
        now = time.monotonic()
        due = self._sent_at.get(envelope.topic, 0.0) + self._conflate_s
        self._flush_no_later_than(max(due, now + _GATHER_S))

    def _take_event(self, envelope: Envelope) -> None:
        said = self.picture.node_state
        self.picture.take_event(envelope)
        self._events.append(envelope)
        if self.picture.node_state != said:
            self._enter(self.picture.node_state, "")
        self._flush_no_later_than(time.monotonic())

    def _pass_on(self, envelope: Envelope) -> None:
        """Send an event of another writer: it has no place in the node's numbering."""
        self._events.append(envelope)
        self._foreign.append(envelope)
        self._foreign_count += 1
        self._flush_no_later_than(time.monotonic())

    # --- sending -----------------------------------------------------------------------------

    def _flush_no_later_than(self, due: float) -> None:
        if due >= self._flush_at:
            return
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._flush_at = due
        self._flush_timer = asyncio.get_running_loop().call_later(
            max(0.0, due - time.monotonic()), self.flush
        )

    def flush(self, *, everything: bool = False) -> None:
        """Send what is due; with `everything` also what could wait."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._flush_at = float("inf")
        now = time.monotonic()
        states, later = [], float("inf")
        for topic, envelope in self._dirty.items():
            due = self._sent_at.get(topic, 0.0) + self._conflate_s
            if everything or due <= now + _GATHER_S:
                states.append(envelope)
            else:
                later = min(later, due)
        for state in states:
            del self._dirty[state.topic]
            self._sent_at[state.topic] = now
        events, self._events = self._events, []
        if states or events:
            self._send(events, states)
        if self._dirty:
            self._flush_no_later_than(later)

    def _send(self, events: Sequence[Envelope], states: Sequence[Envelope]) -> None:
        (epoch, after), (_, upto) = self._flushed, self.picture.position
        self._flushed = self.picture.position
        ts = time.time_ns()
        # (encoding, what is in it) -> bytes: other patterns need not see anything else
        made: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[bytes]] = {}
        for group in tuple(self._groups.values()):
            seen, shown = group.through(events), group.through(states)
            if not (seen or shown) and upto == after:
                continue
            key = (group.encoding, tuple(map(id, seen)), tuple(map(id, shown)))
            if (frames := made.get(key)) is None:
                delta = Delta(
                    trader=self.trader,
                    epoch=epoch,
                    after=after,
                    upto=upto,
                    ts=ts,
                    events=seen,
                    states=shown,
                )
                frames = made[key] = in_parts(delta, group.encoding)
                if (size := max(map(len, frames))) > MAX_GATEWAY_FRAME:
                    self._too_large(group, size)
                    continue
            self.frames += len(frames) * group.send(frames)
            if self._blocked:
                size = sum(map(len, frames)) if seen else 0
                for viewer in [v for v, of in self._blocked.items() if of is group]:
                    viewer.missed(shown, size)

    def _too_large(self, group: Group, size: int) -> None:
        for viewer in [v for v, of in self._members.items() if of is group]:
            viewer.too_large(size)

    def _enter(self, state: str, detail: str) -> None:
        if (state, detail) == (self._state, self._detail):
            return
        self._state, self._detail = state, detail
        frame = self.node_frame()
        encoded: dict[Encoding, bytes] = {}
        for viewer in tuple(self._members):
            data = encoded.setdefault(viewer.encoding, encode_frame(frame, viewer.encoding))
            viewer.offer_node(frame, data)
