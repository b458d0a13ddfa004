"""The life of one trading node: build, reconcile, trade, stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from nautilus_trader.live.node import TradingNode

from nautilus_lab.config import Settings
from nautilus_lab.engine import State
from nautilus_lab.exceptions import LabError, NodeError, StoreError
from nautilus_lab.execution.gate import TradingSwitch
from nautilus_lab.execution.paper import VenueAccount, VenueOrder
from nautilus_lab.platform.audit import AuditFiles, AuditQueue, AuditTrail, Spool, origin
from nautilus_lab.platform.bus import ProcessBus, RedisBus, open_bus
from nautilus_lab.platform.commands import Handler
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import AlertRaised, Envelope, NodeStateChanged
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.recording import FlightRecorder, Retention
from nautilus_lab.platform.rundir import Failure, Home, Latch, ProcessRecord, RunDirectory
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.platform.telemetry import LoopLag
from nautilus_lab.risk.limits import Finding, Holdings, LimitBook
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._audited import (
    LIMITS,
    OrdersAudited,
    fill_note,
    limits_note,
    settings_note,
)
from nautilus_lab.trading.node._checkpoints import Checkpointing
from nautilus_lab.trading.node._comparison import Comparison
from nautilus_lab.trading.node._condition import NodeCondition
from nautilus_lab.trading.node._controls import install_controls
from nautilus_lab.trading.node._data import PaperDataClient, data_factory
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._earlier_life import EarlierLife
from nautilus_lab.trading.node._execution import PaperExecutionClient, execution_factory
from nautilus_lab.trading.node._health import HealthWatch
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._listening import listen
from nautilus_lab.trading.node._nautilus import node_config
from nautilus_lab.trading.node._node_commands import NodeCommands
from nautilus_lab.trading.node._reaching import pull_if_latched, reach_venues
from nautilus_lab.trading.node._reconciliation import Reconciliation
from nautilus_lab.trading.node._serving import serve
from nautilus_lab.trading.node._starting import until_quoted, until_trading
from nautilus_lab.trading.node._strategies import add_strategies
from nautilus_lab.trading.node._tap import Tap

log = logging.getLogger(__name__)

_WRITER = "node"
_STATES_EVERY_S = 0.25
_RECONCILE_EVERY_S = 5.0
_REST_S = 2.0
_BUS_AWAY = "the message bus does not answer; events wait in the store"


class NodeHost:
    """Builds a Nautilus node from settings, runs it, and ends it within a deadline.

    Parameters
    ----------
    settings : Settings
        The workspace's settings as they were when the node was asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = Home(settings.home_path).make()
        self.rundir: RunDirectory = self.home.trader(settings.trading.trader_id).make()
        self.condition = NodeCondition(f"node {settings.trading.trader_id}")
        self._stop = asyncio.Event()
        self._bus_state: ConnectionState | None = None  # None: a bus of sockets has no states
        self._alerts: list[AlertRaised] = []  # raised before there was anybody to tell them
        self._data: list[PaperDataClient] = []
        self._executions: list[PaperExecutionClient] = []
        self._trail: AuditTrail | None = None
        self._differing: frozenset[str] = frozenset()  # what a venue has another amount of

    async def run(self) -> int:
        """Run until asked to stop; returns the process' exit code."""
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            # Signals are ours: Nautilus' own handlers would stop half of the node.
            handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGABRT)}
            self.condition.move(State.STARTING)
            try:
                stack.enter_context(self.rundir.node_lock)
                stack.callback(self.rundir.node.unlink, missing_ok=True)
                node = await self._start(stack)
            except Exception as error:
                log.exception("the node could not start")
                self._fail(error)
                return 2
            loop.add_signal_handler(signal.SIGTERM, self._stop.set)
            loop.remove_signal_handler(signal.SIGINT)
            for number, handler in handlers.items():
                if handler is not None:  # one that was not set from Python cannot be set again
                    signal.signal(number, handler)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            failed = await self._until_asked()
            if failed is not None:
                log.error("the node cannot go on", exc_info=failed)
                self._fail(failed)
            else:
                self.rundir.heartbeat.end()
            await self._end(node)
        return 0 if failed is None else 2

    def audit(self, kind: str, facts: Mapping[str, object], *, actor: str) -> None:
        """Write down what somebody did in the node's process.

        Raises
        ------
        NodeError
            When the node has no store yet.
        StoreError
            When it cannot be written.
        """
        if self._trail is None:
            raise NodeError("a node audits once it has its store", value=self.condition.state.value)
        self._trail.append(kind, facts, actor=actor)

    async def _until_asked(self) -> Exception | None:
        """Wait until asked to stop; returns what ended the node before that."""
        asked = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((asked, *self._work), return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return None
        asked.cancel()
        # Each of them works until it is cancelled: one that is done has failed.
        ended = next(work for work in self._work if work.done())
        error = ended.exception()
        if isinstance(error, Exception):
            return error
        return NodeError("the Nautilus node must run until it is stopped", value="it ended")

    # --- start ----------------------------------------------------------------------------

    async def _start(self, stack: AsyncExitStack) -> TradingNode:
        # Before the store, whose presence says that there must be a latch.
        latch = Latch(self.rundir.latch, witness=self.rundir.store)
        latch.begin()
        bus = self._open_books(stack)
        reached = await reach_venues(
            stack, self.settings.trading, self.rundir, self._store, self._on_venue_state
        )
        self._venues, self._instruments = reached.venues, reached.instruments
        await pull_if_latched(self._venues, latch)
        node = self._build(bus, stack, reached.statements)
        self._install_gate(node, TradingSwitch(latch))
        await self._earlier.bring_back(node)
        self._add_strategies(node, stack)
        self._cache, self._clock = node.cache, node.kernel.clock
        listen(node, self._desk, self._limits, self._journal, self._tap)
        self._running = asyncio.ensure_future(node.run_async())
        stack.push_async_callback(self._cancel, self._running)
        await until_trading(
            node,
            self._running,
            timeout_s=self.settings.trading.start_timeout_s,
            logs=self.rundir.logs,
        )
        await self._earlier.settle(node, self._gate.book, self._on_closed_out)
        await self._require_agreement()
        await until_quoted(self._cache, [i.id for told in self._instruments.values() for i in told])
        stack.callback(self._leases.close)
        await self._leases.renew(self._held_now)
        # Before anybody can ask: the first snapshot has an account already.
        self._states.begin(**self._begun)
        self._limits.begin()
        self._deployments.begin()
        self._desk.publish_book()
        self._recorder.begin(self._desk.snapshot())
        self._commands = NodeCommands(
            self._desk,
            self.condition,
            self._store,
            self._notes,
            self._deployments,
            source_ts=lambda: self._source_ts,
            stop=self._stop.set,
        )
        await serve(
            stack,
            self._handlers(),
            address=self.rundir.commands,
            home=self.home,
            store=self._store,
            desk=self._desk,
            notes=self._notes,
        )
        self._begin_work(stack)
        self.condition.move(State.RUNNING)
        self._tell_alerts()
        ProcessRecord.of_this_process(
            "node",
            address=self.rundir.commands,
            detail={"trader": self._desk.trader, "epoch": str(self._desk.epoch)},
        ).write(self.rundir.node)
        return node

    def _open_books(self, stack: AsyncExitStack) -> ProcessBus:
        """Open the store and the bus that is told what the store has."""
        store = TradingStore.open(
            self.rundir.store, busy_timeout_ms=self.settings.store.busy_timeout_ms
        )
        stack.callback(store.close)
        bus = open_bus(
            self.settings.bus,
            self.rundir,
            "publish",
            source=lambda: TradingStore.open(self.rundir.store, read_only=True),
            on_state=self._on_bus_state,
            on_alert=self._on_alert,
        )
        stack.callback(bus.close)
        self._store, self._bus = store, bus
        self._open_trail(stack)
        return bus

    def _open_trail(self, stack: AsyncExitStack) -> None:
        """Open the audit trail, take in what an earlier life spooled, and have it checkpointed."""
        files, store = AuditFiles.of(self.settings).make(), self._store
        spool = Spool(files.spool)
        stack.callback(spool.close)
        self._trail = trail = AuditTrail(store, spool=spool)
        self._notes = AuditQueue(trail)
        self._journal = StoreJournal(trail, store)
        trail.fold()
        self._checkpointing = Checkpointing(
            self.settings.audit,
            files,
            trail,
            self._notes,
            rundir=self.rundir,
            condition=self.condition,
            on_alert=self._on_alert,
        )
        self._checkpointing.begin(stack)

    def _audit_beginning(self, limits: LimitBook) -> dict[str, object]:
        """Write down settings and limits; returns what the row of the beginning says of both."""
        assert self._trail is not None
        notes = (settings_note(self.settings), limits_note(limits, self._store))
        self._trail.append_many(notes)
        hashes = {note.kind: note.body["sha256"] for note in notes}
        return origin() | {"epoch": self._desk.epoch, "book": hashes[LIMITS]}

    def _on_differing(self, differing: frozenset[str], when: str = "while it trades") -> None:
        """Write down what a venue has another amount of than we do, or that all agrees again."""
        if differing == self._differing:
            return
        self._differing = differing
        kind = "book.differs" if differing else "book.agrees"
        facts = {"differing": sorted(differing), "when": when}
        self._notes.repeated(kind, facts, actor="node", key=differing)

    def _build(
        self, bus: ProcessBus, stack: AsyncExitStack, statements: Mapping[str, VenueAccount]
    ) -> TradingNode:
        """Build the node and the desk that tells of it."""
        trader = self.settings.trading.trader_id
        node = TradingNode(
            node_config(
                trader_id=trader,
                venues=self._venues.clients,
                logs=self.rundir.logs,
                log_level=self.settings.log_level,
            ),
            loop=asyncio.get_running_loop(),
        )
        epoch = self._store.begin_epoch(_WRITER)
        self._start_recorder(stack, epoch)
        self._desk = Desk(
            trader=trader,
            writer=_WRITER,
            epoch=epoch,
            accounts=Accounts({v: float(a.deposited) for v, a in statements.items()}),
            outbox=Outbox(
                self._store,
                bus,
                trader=trader,
                writer=_WRITER,
                epoch=epoch,
                simulated=True,
                record=self._record,
            ),
            publish=bus.publish,
            cache=node.cache,
            source_ts=lambda: self._source_ts,
            record=self._recorder.envelope,
            soon=asyncio.get_running_loop().call_soon,
            give_up=self._end_at_once,
        )
        stack.callback(self._desk.flush_if_can)
        self._earlier = EarlierLife(self._store, self._journal, self._desk, self._venues)
        history = self._earlier.remember()
        self.condition.tell = self._tell_state
        self._tell_state("starting")
        for venue, paper in self._venues.clients.items():
            node.add_data_client_factory(
                venue, data_factory(paper, self._instruments[venue], self._data)
            )
            node.add_exec_client_factory(
                venue,
                execution_factory(
                    paper,
                    lends=statements[venue].leverage > 1,
                    history=history,
                    on_closed_out=self._on_closed_out,
                    made=self._executions,
                ),
            )
        node.build()
        return node

    def _record(self, events: Sequence[Envelope]) -> tuple[Envelope | None, ...]:
        """Store what happened, each fill with its row of the audit trail."""
        assert self._trail is not None
        return self._trail.record_many(events, fill_note)

    def _start_recorder(self, stack: AsyncExitStack, epoch: int) -> None:
        recording = self.settings.recording
        self._recorder = FlightRecorder(
            self.rundir.recording,
            trader=self.settings.trading.trader_id,
            writer=_WRITER,
            epoch=epoch,
            simulated=True,
            retention=Retention(days=recording.days, gib=recording.gib),
        )
        self._tap = Tap(self._recorder, lambda: self._source_ts)
        try:
            self._recorder.start()
        except StoreError as error:
            log.error("nothing is recorded: %s", error)  # the node trades all the same
        stack.callback(self._recorder.stop)

    def _on_checked(self, findings: Sequence[Finding]) -> None:
        self._tap.on_checked(findings)
        self._desk.on_checked(findings)
        self._limits.on_checked(findings)

    def _install_gate(self, node: TradingNode, switch: TradingSwitch) -> None:
        assert self._trail is not None
        self._comparison = Comparison(self._venues, self._desk.accounts, node.cache)
        self._orders_audited = OrdersAudited(self._notes)
        controls = install_controls(
            node.kernel,
            switch,
            settings=self.settings,
            home=self.home,
            rundir=self.rundir,
            store=self._store,
            trail=self._trail,
            journal=self._journal,
            desk=self._desk,
            executions=self._executions,
            on_checked=self._on_checked,
            on_cancel=self._orders_audited.on_cancel,
            check=self._comparison.check,
            owners=lambda: self._deployments.owners,
        )
        self._leases, self._gate, self._states = controls.leases, controls.gate, controls.states
        self._mass_cancels, self._resuming = controls.mass_cancels, controls.resuming
        self._limits, self._interest = controls.limits, controls.interest
        self._equity = controls.equity
        self._begun = self._audit_beginning(self._leases.limits)  # before the first order

    def _held_now(self) -> Holdings:
        return self._gate.book.holdings(self._clock.timestamp_ns())

    def _on_closed_out(self, venue: str, told: VenueOrder) -> None:
        """Let a trader whose positions a venue closed do no more than reduce what is left."""
        what = f"{told.side} {told.quantity:f} {told.symbol}"
        why = f"the venue {venue} closed out what the account could not keep: {what}"
        self._states.tighten("REDUCE_ONLY", reason=why, by=f"venue:{venue}", automatic=True)
        self._on_alert(
            AlertRaised(
                severity="critical",
                component="node",
                rule="an account must keep its maintenance margin",
                detail=f"{why} ({told.client_order_id})",
                remedy="look at the positions of each strategy, then resume trading",
            )
        )

    def _add_strategies(self, node: TradingNode, stack: AsyncExitStack) -> None:
        self._deployments, self._order_desk = add_strategies(
            node,
            stack,
            settings=self.settings,
            home=self.home,
            rundir=self.rundir,
            store=self._store,
            desk=self._desk,
            venues=self._venues,
            instruments=self._instruments,
            audit=self.audit,
            on_denied=self._orders_audited.on_closed,
        )

    # --- while it runs --------------------------------------------------------------------

    def _begin_work(self, stack: AsyncExitStack) -> None:
        lag = LoopLag()
        lag.start()
        stack.callback(lag.stop)
        self._work = [self._running]
        leases = self._leases.keep(self._held_now)
        health = HealthWatch(
            self.condition,
            self.rundir,
            every_s=self.settings.trading.heartbeat_s,
            desk=self._desk,
            recorder=self._recorder,
            store=self._store,
            journal=self._journal,
            states=self._states,
            checkpointing=self._checkpointing,
            data=self._data,
            bus_state=lambda: self._bus_state,
        )
        for work in (self._publish_states(), health.beat(lag), self._reconcile(), leases):
            self._work.append(asyncio.ensure_future(work))
            stack.push_async_callback(self._cancel, self._work[-1])

    async def _publish_states(self) -> None:
        while True:
            await asyncio.sleep(_STATES_EVERY_S)
            self._states.watch()  # first: what follows may wait for a disk
            self._desk.flush_if_can()
            self._desk.publish_book()
            self._limits.watch()
            self._equity.watch()
            self._leases.watch()
            self._interest.watch()
            self._deployments.publish()
            self._notes.tick()

    async def _reconcile(self) -> None:
        reconciliation = Reconciliation(
            {client.venue.value: client.catch_up for client in self._executions},
            self._comparison.differences,
            self.condition,
            on_found=self._on_differing,
        )
        while True:
            await asyncio.sleep(_RECONCILE_EVERY_S)
            await reconciliation.look()

    async def _require_agreement(self) -> None:
        """Halt a trader whose book is not the venue's: what it would do could only be wrong."""
        differing = await self._comparison.lasting()
        if not differing:
            return
        what = ", ".join(sorted(differing))
        why = f"after the start the book is not as the venue has it: {what}"
        self._states.tighten("HALTED", reason=why, by="node", automatic=True)
        self.condition.amiss("book", why)
        self._on_differing(frozenset(differing), "after the start")

    def _on_venue_state(self, venue: str, state: ConnectionState) -> None:
        if state is ConnectionState.RECONNECTING:
            self.condition.amiss(venue, f"the paper venue {venue} does not answer")
        elif state is ConnectionState.CONNECTED:
            self.condition.mended(venue)
            if self.condition.state is not State.STARTING:
                self._mass_cancels.again(venue)  # asked only while all that works is cancelled
        elif state is ConnectionState.ERROR:
            # Its book is another than the one that our orders are in.
            why = f"the paper venue {venue} has another book than before"
            self.condition.amiss(venue, why)
            if self.condition.state is not State.STARTING:
                self._states.tighten("HALTED", reason=why, by="node", automatic=True)

    def _on_bus_state(self, state: ConnectionState) -> None:
        """Trade on without a bus; say so where it can still be seen."""
        self._bus_state = state
        if state is ConnectionState.CONNECTED:
            self.condition.mended("bus")
        elif state is not ConnectionState.DISCONNECTED:  # that is our own closing
            trouble = self._bus.trouble if isinstance(self._bus, RedisBus) else ""
            self.condition.amiss("bus", ": ".join(filter(None, (_BUS_AWAY, trouble))))

    def _on_alert(self, alert: AlertRaised) -> None:
        self._alerts.append(alert)
        if self.condition.state is not State.STARTING:
            self._tell_alerts()

    def _tell_alerts(self) -> None:
        alerts, self._alerts = self._alerts, []
        for alert in alerts:
            self._desk.tell(alert, f"system.alert.{self._desk.trader}")

    def _tell_state(self, state: str, reason: str = "") -> None:
        try:
            self._desk.tell(
                NodeStateChanged(component="node", state=state, reason=reason),
                f"system.node.{self._desk.trader}",
            )
        except StoreError:
            # A node that cannot tell how it is must still be able to stop.
            log.exception("the node is %s and could not tell", state)

    @property
    def _source_ts(self) -> int | None:
        return self._data[0].source_ts if self._data else None

    # --- commands -------------------------------------------------------------------------

    def _handlers(self) -> dict[str, Handler]:
        return {
            **self._commands.handlers(),
            **self._states.handlers(),
            **self._resuming.handlers(),
            **self._limits.handlers(),
            **self._deployments.handlers(),
            **self._order_desk.handlers(),
        }

    # --- the end --------------------------------------------------------------------------

    async def _end(self, node: TradingNode) -> None:
        self.condition.move(State.STOPPING)
        self._deployments.rest()
        try:
            await asyncio.wait_for(node.stop_async(), self.settings.trading.stop_timeout_s / 2)
        except TimeoutError:
            log.error("Nautilus did not stop in time; the process ends all the same")
        try:
            await asyncio.wait_for(self._leases.rest(self._held_now), _REST_S)
        except (TimeoutError, LabError):
            log.exception("the leases could not be given back; they stay counted in full")
        self._interest.watch()
        self._limits.end()
        self._equity.end()
        self._journal.flush()
        self._notes.close()
        self._notes.add("node.ended", {"epoch": self._desk.epoch}, actor="node")
        self.condition.move(State.STOPPED)

    def _end_at_once(self, error: Exception) -> None:
        """End the process, as Nautilus does when a handler of its events raises.

        Its successor asks the venue. What this one went on to tell would stand in the store
        without what it could not.
        """
        log.critical("what happened to orders cannot be stored", exc_info=error)
        self._fail(error)
        logging.shutdown()
        os._exit(1)

    def _fail(self, error: Exception) -> None:
        self.condition.move(State.FAULTED, str(error))
        try:
            Failure.of("node", error).write(self.rundir.failure)
        except StoreError:
            log.exception("why the node failed could not be written")

    @staticmethod
    async def _cancel(task: asyncio.Future[Any]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
