"""Follows one trader's node: a picture that stays true, and who wants to see it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import msgspec

from nautilus_lab.client.protocol import NodeFrame
from nautilus_lab.exceptions import LabError, NodeError, NotReachable, StoreError
from nautilus_lab.platform.bus import ProcessBus, SequenceTracker, bus_of, open_bus
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import Envelope, Snapshot
from nautilus_lab.platform.rundir import ProcessRecord, RunDirectory
from nautilus_lab.streaming._audience import Audience, Viewer
from nautilus_lab.streaming._history import StateHistory
from nautilus_lab.streaming._older import OlderEvents
from nautilus_lab.streaming._picture import Picture
from nautilus_lab.streaming._relay import CommandRelay

_log = logging.getLogger(__name__)

_WRITER = "node"
_LOOK_EVERY_S = 0.5
_ASK_S = 5.0  # how long a node may take to answer
_SILENT_S = 4.0  # after so long without a message a node is asked itself
_MOST_WAITING = 20_000  # events that wait for a gap to be filled


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a node's answer to `node.status`."""

    state: str
    detail: str = ""


class Feed:
    """The messages of one node, in order and without a gap, for its audience.

    A gap on the bus is filled from the node's store before anything later is shown.

    Parameters
    ----------
    run : RunDirectory
        Whose node.
    conflate_ms : int
        See `Audience`.
    history : StateHistory
        Remembers states.
    """

    def __init__(self, run: RunDirectory, *, conflate_ms: int, history: StateHistory) -> None:
        self.trader = run.trader_id
        self.picture = Picture(trader=run.trader_id)
        self.audience = Audience(self.picture, conflate_ms=conflate_ms)
        self.history = history
        self.older = OlderEvents(self.picture, self._ask_for_older)
        self.relay = CommandRelay(run)
        self._run = run
        self._state = "attaching"
        self._detail = ""
        self._attached = False
        self._tracker = SequenceTracker()
        self._waiting: list[Envelope] = []  # came while attaching or filling a gap
        self._anew = False  # whether a snapshot must be taken again
        self._filling: asyncio.Task[None] | None = None
        self._heard_at = 0.0  # time.monotonic() of the last message
        self._changed = asyncio.Event()  # wakes the attendant before its time
        self._attendant: asyncio.Task[None] | None = None

    def snapshot(self, viewer: Viewer, after: tuple[int, int] | None) -> list[bytes]:
        """Return the present as `viewer` asked to see it, and all after a point it names."""
        older = None if after is None else self.older.after(after)
        return self.audience.snapshot(viewer, after, older)

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

    def look(self) -> None:
        """Look at once for a node that was not there: somebody asks for it."""
        if self._state == "unreachable" and self._absent() is None:
            self._enter("attaching", "")
            self._changed.set()

    # --- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for the node."""
        self._attendant = asyncio.create_task(self._attend(), name=f"feed {self.trader}")

    async def stop(self) -> None:
        """Let go of the node."""
        tasks = [task for task in (self._attendant, self._filling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.relay.close()
        self.older.forget()
        self.audience.clear()

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
            await self._wait()

    def _absent(self) -> str | None:
        """Why the node cannot be there, or None."""
        try:
            return _why_absent(ProcessRecord.read(self._run.node))
        except LabError as error:
            return str(error)

    def _gone(self) -> str | None:
        """Why the node that is followed is there no more, or None."""
        try:
            return _why_absent(ProcessRecord.read(self._run.node))
        except StoreError:
            return None  # not to be told from here, out of files say: the bus and `_poll` tell

    async def _follow(self) -> None:
        """Attach, and stay until the node is gone; raises the `LabError` of what went wrong."""
        bus = self._open()
        commands = CommandClient(self._run.commands)
        try:
            await self._attach(bus, commands)
            while (gone := self._gone()) is None:
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
                silent = time.monotonic() - self._heard_at > _SILENT_S
                if (silent or bus.state is not ConnectionState.CONNECTED) and not self._filling:
                    await self._poll(commands)
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
        self.audience.flush(everything=True)
        self.picture.begin(snapshot, events)
        self.audience.begin_anew()
        for state in snapshot.states:
            self.history.note(state)
        self.picture.node_state = status.state
        self._tracker.note(self.trader, _WRITER, *self.picture.position)
        self._attached, self._heard_at = True, time.monotonic()
        self._enter(status.state, status.detail)
        _log.info("trader %s: attached at epoch %d, seq %d", self.trader, *self.picture.position)
        self.audience.start_over()
        waiting, self._waiting = self._waiting, []
        for envelope in waiting:
            self._arrive(envelope)

    async def _poll(self, commands: CommandClient) -> None:
        """Ask the node for what its bus does not carry at present, and how it is."""
        if not self._attached:
            return
        heard = False
        for event in await self._events_after(commands, self.picture.position):
            if not self._tracker.holds(event) and event.epoch == self.picture.epoch:
                self._tracker.note(self.trader, _WRITER, event.epoch, event.seq or 0)
                self._take_event(event)
                heard = True
        snapshot = await commands.call("node.snapshot", timeout_s=_ASK_S, answer=Snapshot)
        for state in snapshot.states:
            if state != self.picture.states.get(state.topic):
                self._take_state(state)
                heard = True
        self.audience.stale()
        status = await commands.call("node.status", timeout_s=_ASK_S, answer=_Status)
        if not heard:
            self._heard_at = time.monotonic()  # there was nothing that the bus might have told
        if self._attached:
            self._enter(status.state, status.detail)

    async def _events_after(
        self, commands: CommandClient, after: tuple[int, int]
    ) -> list[Envelope]:
        """Return every stored event after a point; a node hands them out in pages."""
        events: list[Envelope] = []
        while page := await self._page(commands, after):
            events += page
            if (last := (page[-1].epoch, page[-1].seq or 0)) <= after:
                break
            after = last
        return events

    async def _page(self, commands: CommandClient, after: tuple[int, int]) -> list[Envelope]:
        body = {"epoch": after[0], "seq": after[1]}
        return await commands.call("node.events", body, timeout_s=_ASK_S, answer=list[Envelope])

    async def _ask_for_older(self, after: tuple[int, int]) -> list[Envelope]:
        if not self._attached:
            raise NotReachable("a node must be followed to be asked", value=self._detail)
        return await self._page(CommandClient(self._run.commands), after)

    # --- messages ----------------------------------------------------------------------------

    def _arrive(self, envelope: Envelope) -> None:
        self._heard_at = time.monotonic()
        self.audience.stale()
        if not self._attached:
            self._hold(envelope)
        elif envelope.writer == _WRITER and envelope.epoch > self.picture.epoch:
            self._anew = True  # the node has restarted
            self._hold(envelope)
            self._changed.set()
        elif envelope.seq is None:
            self._take_state(envelope)
        elif envelope.writer != _WRITER:
            self.audience.take_foreign(envelope)
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
        self.audience.take_state(envelope)

    def _take_event(self, envelope: Envelope) -> None:
        said = self.picture.node_state
        self.picture.take_event(envelope)
        self.audience.take_event(envelope)
        if self.picture.node_state != said:
            self._enter(self.picture.node_state, "")

    def _enter(self, state: str, detail: str) -> None:
        if (state, detail) == (self._state, self._detail):
            return
        self._state, self._detail = state, detail
        self.audience.tell(self.node_frame())


def _why_absent(record: ProcessRecord | None) -> str | None:
    if record is None:
        return "no node of this trader runs"
    return None if record.alive else f"its process {record.pid} has ended"
