"""The life of one trading node: build, reconcile, trade, stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import TriggerType
from nautilus_trader.model.events import OrderInitialized

from nautilus_lab.config import Settings
from nautilus_lab.engine import State
from nautilus_lab.exceptions import AuditError, LabError, NodeError, StoreError
from nautilus_lab.execution.algorithms import build_algorithms
from nautilus_lab.execution.gate import (
    Gate,
    HighWater,
    StopLoss,
    StrategySwitch,
    TradingSwitch,
    build_limits,
)
from nautilus_lab.execution.paper import PaperVenueClient, VenueOrder
from nautilus_lab.platform.access import KeyFileVerifier, LocalOwner
from nautilus_lab.platform.audit import AuditFiles, AuditTrail, Checkpoint, Checkpointer, Spool
from nautilus_lab.platform.bus import ProcessBus, RedisBus, open_bus
from nautilus_lab.platform.commands import CommandServer, Handler, Request, StoreCommandLog
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import (
    AlertRaised,
    Envelope,
    HealthUpdated,
    NodeStateChanged,
    OrderRouted,
    OrderUpdated,
    Snapshot,
)
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.recording import FlightRecorder, Retention
from nautilus_lab.platform.rundir import (
    Failure,
    Home,
    Latch,
    ProcessRecord,
    RunDirectory,
    Standing,
)
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.platform.telemetry import LoopLag, resource_use
from nautilus_lab.risk.leases import Appetite, Leased
from nautilus_lab.risk.limits import DailyLoss, Finding, Holdings, LimitBook
from nautilus_lab.strategies.nautilus import ManualOrders, StrategyRegistry
from nautilus_lab.trading._leases import HomeLedger
from nautilus_lab.trading.commands import NODE_COMMANDS, EventsAfter, NodeStatus
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._call_watch import CallWatch
from nautilus_lab.trading.node._closing_out import who_is_closed
from nautilus_lab.trading.node._condition import NodeCondition
from nautilus_lab.trading.node._data import PaperDataClient, data_factory
from nautilus_lab.trading.node._deployments import Deployments
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._execution import PaperExecutionClient, execution_factory
from nautilus_lab.trading.node._history import History
from nautilus_lab.trading.node._instruments import instrument
from nautilus_lab.trading.node._interest import SharedInterest
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._leases import LeaseKeeper
from nautilus_lab.trading.node._limits import LimitDesk
from nautilus_lab.trading.node._nautilus import node_config
from nautilus_lab.trading.node._orders import OrderDesk
from nautilus_lab.trading.node._reconciliation import Reconciliation
from nautilus_lab.trading.node._recovery import Recovery
from nautilus_lab.trading.node._states import TradingStates
from nautilus_lab.trading.node._tables import Tables
from nautilus_lab.trading.node._tap import Tap
from nautilus_lab.trading.node._venues import Venues

log = logging.getLogger(__name__)

_WRITER = "node"
_STATES_EVERY_S = 0.25
_RECONCILE_EVERY_S = 5.0
_AGREE_S = 3.0
_FIRST_QUOTES_S = 2.0
_MOST_EVENTS = 1_000  # a page of them; who wants more asks again
# A router believes no older quote of a venue that still answers.
_MOST_QUOTE_AGE_S = 10.0
_CALL_S = 5.0  # what a call of a strategy may take
_REST_S = 2.0
_RECORDER = "recorder"
_STORE = "store"
_AUDIT = "audit"
_WRITE_AGAIN_S = 10.0
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
        self._stored: tuple[Envelope, ...] = ()  # orders, the latest first; while it starts
        self._closed_out: list[tuple[str, VenueOrder]] = []  # while no node listened
        self._trail: AuditTrail | None = None
        self._tampered = ""  # what of the audit trail is not as it was checkpointed
        self._write_after = 0.0  # time.monotonic() until which a failing store is left alone

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
        await self._reach_venues(stack)
        node = self._build(bus, stack)
        self._install_gate(node, TradingSwitch(latch))
        await self._bring_back(node)
        self._add_strategies(node, stack)
        self._listen(node)
        self._running = asyncio.ensure_future(node.run_async())
        stack.push_async_callback(self._cancel, self._running)
        await self._until_trading(node)
        await self._settle_earlier(node)
        await self._until_quoted()
        stack.callback(self._leases.close)
        await self._leases.renew(self._held_now)
        # Before anybody can ask: the first snapshot has an account already.
        self._states.begin()
        self._deployments.begin()
        self._desk.publish_book()
        self._recorder.begin(self._desk.snapshot())
        await self._serve(stack)
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
        files, store, audit = AuditFiles.of(self.settings).make(), self._store, self.settings.audit
        spool = Spool(files.spool)
        stack.callback(spool.close)
        self._trail = trail = AuditTrail(store, spool=spool)
        self._journal = StoreJournal(trail, store)
        trail.fold()
        key = None
        try:
            key = files.key(make=True)
        except StoreError:
            log.exception("no checkpoints are made")  # and `_on_checkpoints` hears of it
        loop = asyncio.get_running_loop()
        checkpointer = Checkpointer(
            lambda: TradingStore.open(self.rundir.store, read_only=True),
            files.checkpoint_file(key),
            rows=lambda: trail.seq,
            every=audit.checkpoint_rows,
            every_s=audit.checkpoint_s,
            on_trouble=lambda error: loop.call_soon_threadsafe(self._on_checkpoints, error),
            on_begun=lambda last: loop.call_soon_threadsafe(self._note_checkpoint, last),
        )
        checkpointer.start()
        stack.callback(checkpointer.stop)

    def _on_checkpoints(self, error: LabError | None) -> None:
        if error is None:
            return self.condition.mended(_AUDIT)
        why = f"the audit trail has no new checkpoints: {error}"
        log.error(why)
        self.condition.amiss(_AUDIT, why)
        self._on_alert(
            AlertRaised(
                severity="critical",
                component="node",
                rule="an audit trail must be checkpointed",
                detail=str(error),
                remedy=error.remedy or "nautilus-lab audit verify",
            )
        )
        if isinstance(error, AuditError):
            self._tampered = why

    def _note_checkpoint(self, last: Checkpoint) -> None:
        """Have the chain tell of the file of checkpoints: who removes it must forge the chain."""
        seen = {"number": last.number, "seal": last.seal}
        try:
            self.audit("audit.begun", {"checkpoint": seen}, actor="node")
        except StoreError:
            log.exception("that checkpoints are made could not be written down")

    async def _reach_venues(self, stack: AsyncExitStack) -> None:
        trading = self.settings.trading
        clients: dict[str, PaperVenueClient] = {}
        for venue in trading.venues:
            files = self.rundir.venue_of(venue.name)
            client = clients[venue.name] = PaperVenueClient(
                orders_address=files.orders,
                quotes_address=files.quotes,
                on_state=partial(self._on_venue_state, venue.name),
            )
            await client.connect(timeout_s=trading.start_timeout_s / 2)
            stack.push_async_callback(client.close)
        self._venues = Venues(clients)
        self._statements = await self._venues.accounts()
        self._instruments = {
            venue: [instrument(one, venue) for one in told]
            for venue, told in (await self._venues.instruments()).items()
        }
        await self._venues.require_same_books(self._store)

    def _build(self, bus: ProcessBus, stack: AsyncExitStack) -> TradingNode:
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
            accounts=Accounts({v: float(a.deposited) for v, a in self._statements.items()}),
            outbox=Outbox(
                self._store, bus, trader=trader, writer=_WRITER, epoch=epoch, simulated=True
            ),
            publish=bus.publish,
            cache=node.cache,
            source_ts=lambda: self._source_ts,
            record=self._recorder.envelope,
            soon=asyncio.get_running_loop().call_soon,
            give_up=self._end_at_once,
        )
        stack.callback(self._desk.flush_if_can)
        self._stored, fills = self._store.orders(), self._store.fills()
        waiting = self._store.journal(open_only=True)
        self._history = History.of(
            self._stored, fills, open_since_ns=min((i.ts_ns for i in waiting), default=0)
        )
        self._remember(fills)
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
                    lends=self._statements[venue].leverage > 1,
                    history=self._history,
                    on_closed_out=self._on_closed_out,
                    made=self._executions,
                ),
            )
        node.build()
        return node

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

    def _look_after_recorder(self) -> None:
        health = self._recorder.health()
        if health.ok:
            self.condition.mended(_RECORDER)
        else:
            self.condition.amiss(_RECORDER, f"the flight recorder: {health.detail}")

    def _look_after_store(self) -> None:
        """Say so when nothing can be written, although orders are denied then one by one."""
        trouble, now = self._store.trouble, time.monotonic()
        if not trouble and self._journal.fold():
            return self.condition.mended(_STORE)
        trouble = trouble or self._store.trouble
        self.condition.amiss(_STORE, f"the trader's store: {trouble}")
        if now > self._write_after and not self._desk.waiting:  # else their turn tells
            # Nobody else may write for hours, and a locked store holds up the loop with each try.
            self._write_after = now + _WRITE_AGAIN_S
            self._tell_state(self.condition.state.value, self.condition.detail)

    def _look_after_audit(self) -> None:
        """Let a trader whose audit trail was tampered with do no more than reduce."""
        why, self._tampered = self._tampered, ""
        if why:
            self._states.tighten("REDUCE_ONLY", reason=why[:500], by=_AUDIT, automatic=True)

    def _on_checked(self, findings: Sequence[Finding]) -> None:
        self._tap.on_checked(findings)
        self._desk.on_checked(findings)
        self._limits.on_checked(findings)

    def _remember(self, fills: Sequence[Envelope]) -> None:
        """Bring the desk to where the store left it."""
        for told in fills:
            self._desk.remember_fill(told)
        self._desk.remember_orders(self._stored)

    def _install_gate(self, node: TradingNode, switch: TradingSwitch) -> None:
        trading, desk = self.settings.trading, self._desk
        self._leases = self._lease(build_limits(trading))
        limits = self._leases.limits
        self._gate = Gate(
            node.kernel,
            checks=limits,
            strategies=StrategySwitch(self.rundir.disabled),
            journal=self._journal,
            state=switch,
            hand_over=asyncio.get_running_loop().call_soon_threadsafe,
            on_checked=self._on_checked,
            on_denied=desk.on_denied,
        )
        self._leases.standing = lambda: self._gate.checks
        self._gate.install()
        for at, deposit in desk.accounts.deposits.items():
            self._gate.book.set_cash(at, deposit)  # every fill is played again from here
        self._states = TradingStates(
            node.kernel,
            switch,
            trader=trading.trader_id,
            tell=desk.tell,
            publish=desk.state,
            trail=self._trail,
            book=self._gate.book,
            stop_loss=self._stop_loss(limits),
            stop_loss_state=_stop_loss_state(limits, trading.stop_loss_state),
        )

        self._limits = LimitDesk(
            node.kernel,
            self._gate,
            limits,
            trader=trading.trader_id,
            states=self._states,
            tell=desk.tell,
            publish=desk.state,
            trail=self._trail,
            measures=self.rundir.measures,
            high_water=HighWater(
                self.rundir.high_water, confirmations=trading.stop_loss_confirmations
            ),
        )
        self._interest = SharedInterest(self.home, self.rundir, self._gate.book)
        self._interest.hear()
        desk.monitored = frozenset(limit.name for limit in limits.monitored)

    def _lease(self, limits: LimitBook) -> LeaseKeeper:
        """Have what is shared out of the firm's limits leased from the home's ledger."""
        firm = self.settings.firm
        # A request that waits for longer would be answered when its lease is nearly over.
        patience_ms = min(self.settings.store.busy_timeout_ms, int(firm.lease_s * 250))
        return LeaseKeeper(
            limits,
            node=self.settings.trading.trader_id,
            open_ledger=lambda: HomeLedger.open(self.home.leases, busy_timeout_ms=patience_ms),
            tell=self._desk.tell,
            trail=self._trail,
            span_s=firm.lease_s,
            appetite=Appetite(step=firm.lease_step),
        )

    def _held_now(self) -> Holdings:
        return self._gate.book.holdings(self._clock.timestamp_ns())

    def _stop_loss(self, limits: LimitBook) -> StopLoss | None:
        day = limits.day_stop or _day_of_the_firm(self._leases.leased)
        if day is None:
            return None
        confirmations = self.settings.trading.stop_loss_confirmations
        return StopLoss(day, path=self.rundir.day, confirmations=confirmations)

    async def _bring_back(self, node: TradingNode) -> None:
        self._recovery = Recovery(node.cache, self._venues.clients, self._history)
        self._recovery.carry_on(self._desk.trader)
        self._recovery.restore(self._store.journal())
        closed_out = await self._venues.closed_out(self._history.since_ns)
        self._recovery.take_over(self._desk.trader, closed_out, self._whose)

    def _whose(self, venue: str, told: VenueOrder) -> str | None:
        """Return whose position a venue closed, by its order; what is news is noted."""
        known = self._store.order(told.client_order_id)
        if known is not None:
            assert isinstance(known.body, OrderUpdated)
            return known.body.strategy
        self._closed_out.append((venue, told))
        return who_is_closed(told, self._desk.accounts.shares(f"{told.symbol}.{venue}"))

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
        trading, desk = self.settings.trading, self._desk
        venue, instruments = next(iter(self._instruments.items()))
        # Before its supervisor takes the node for frozen: each missed beat takes a second at least.
        patience_s = min(_CALL_S, float(self.settings.supervisor.missed_beats))
        watch = CallWatch(self.rundir.held_up, patience_s=patience_s)
        self._deployments = Deployments(
            node.kernel,
            StrategyRegistry(self.home.strategies),
            self.rundir.deployed,
            tables=Tables(
                self.rundir.targets_of,
                {one.id.symbol.value: f"{one.id.symbol.value}.{venue}" for one in instruments},
                audit=self.audit,
                max_age_days=trading.targets_max_age_days,
            ),
            trader=trading.trader_id,
            tell=desk.tell,
            publish=desk.state,
            audit=self.audit,
            hand_over=asyncio.get_running_loop().call_soon_threadsafe,
            accounts=desk.accounts,
            defaults={
                "hold-targets": {
                    "interval_s": max(1.0, trading.seconds_per_day / 4),
                    "largest_order": trading.max_order_notional * 0.8,
                }
            },
            watch=watch,
        )
        watch.start()
        stack.callback(watch.stop)
        self._deployments.restore()
        manual = ManualOrders()
        node.trader.add_strategy(manual)
        for algorithm in self._algorithms():
            node.trader.add_exec_algorithm(algorithm)
        self._order_desk = OrderDesk(node.kernel, manual, told=self._store.order)

    def _algorithms(self) -> tuple[ExecAlgorithm, ...]:
        clients, trader = self._venues.clients, self.settings.trading.trader_id

        def on_routed(routed: OrderRouted) -> None:
            self._desk.tell(routed, f"trading.route.{trader}.{routed.instrument}")

        return build_algorithms(
            hand_over=asyncio.get_running_loop().call_soon_threadsafe,
            on_routed=on_routed,
            is_reachable=lambda venue: clients[venue].state is ConnectionState.CONNECTED,
            max_quote_age_s=self.settings.trading.max_quote_age_s or _MOST_QUOTE_AGE_S,
        )

    def _listen(self, node: TradingNode) -> None:
        bus, on_loop = node.kernel.msgbus, self._on_loop
        self._cache, self._clock = node.cache, node.kernel.clock
        bus.subscribe("events.order.*", on_loop(self._desk.on_order_event))
        bus.subscribe("events.order.*", on_loop(self._limits.on_order_event))
        bus.subscribe("events.order.*", on_loop(self._settle_intent))
        bus.subscribe("events.order.*", on_loop(self._notice_held))
        bus.subscribe("data.quotes.*", self._desk.on_quote)
        bus.subscribe("data.bars.*", self._desk.on_bar)
        self._tap.listen(bus)

    @staticmethod
    def _on_loop(handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return `handler`, called on this loop: what a live timer does comes on its own thread."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()

        def handle(event: Any) -> None:
            if threading.get_ident() == thread:
                handler(event)
            else:
                loop.call_soon_threadsafe(handler, event)

        return handle

    async def _until_trading(self, node: TradingNode) -> None:
        deadline = asyncio.get_running_loop().time() + self.settings.trading.start_timeout_s
        while not node.trader.is_running:
            if self._running.done():
                raise NodeError(
                    "the Nautilus node must start",
                    value=repr(self._running.exception()),
                    remedy=f"see {self.rundir.logs}",
                )
            if asyncio.get_running_loop().time() > deadline:
                raise NodeError(
                    "the Nautilus node must start in time",
                    value=f"{self.settings.trading.start_timeout_s:g} s",
                    remedy=f"see {self.rundir.logs}",
                )
            await asyncio.sleep(0.05)

    async def _until_quoted(self) -> None:
        """Wait for the first quotes: an order that nothing values would be denied."""
        names = [one.id for told in self._instruments.values() for one in told]
        deadline = time.monotonic() + _FIRST_QUOTES_S
        while not all(self._cache.quote_tick(name) for name in names):
            if time.monotonic() > deadline:
                log.warning("the node begins before every instrument has a quote")
                return
            await asyncio.sleep(0.02)

    async def _settle_earlier(self, node: TradingNode) -> None:
        """Give what an earlier life of this node left open the outcome the venue knows."""
        desk, process = self._desk, partial(node.kernel.msgbus.send, "ExecEngine.process")
        theirs = await self._venues.orders(self._history.since_ns)
        self._recovery.reject_unknown(process, theirs, time.time_ns())
        desk.catch_up(self._stored)
        self._stored = ()
        statuses = {name: order.status for name, order in theirs.items()}
        self._journal.settle_earlier(statuses)
        working = [told.body for told in self._store.orders(working_only=True)]
        desk.settle([b for b in working if isinstance(b, OrderUpdated)], statuses)
        book = self._gate.book
        book.rebuild(node.cache)
        for at in desk.accounts.deposits:
            book.set_cash(at, desk.accounts.cash_at(at))
        for venue, told in self._closed_out:
            self._on_closed_out(venue, told)
        await self._require_agreement()

    def _settle_intent(self, event: Any) -> None:
        order = self._cache.order(event.client_order_id)
        if order is not None and (order.is_closed or order.venue_order_id is not None):
            self._journal.settle(order.client_order_id.value, order.status_string())

    def _notice_held(self, event: Any) -> None:
        if isinstance(event, OrderInitialized) and (
            event.exec_algorithm_id is not None or event.emulation_trigger != TriggerType.NO_TRIGGER
        ):
            # When this event comes the order is not in the cache yet.
            asyncio.get_running_loop().call_soon(self._desk.tell_held, event)

    # --- while it runs --------------------------------------------------------------------

    async def _serve(self, stack: AsyncExitStack) -> None:
        # Its owner needs no token; a gateway brings those of its viewers.
        tokens = KeyFileVerifier(self.home.signing_key)
        server = CommandServer(
            self.rundir.commands,
            NODE_COMMANDS,
            LocalOwner(tokens).verify,
            {name: self._on_time(handler) for name, handler in self._handlers().items()},
            log=StoreCommandLog(self._store),
        )
        await server.start()
        stack.push_async_callback(server.stop)

    def _begin_work(self, stack: AsyncExitStack) -> None:
        lag = LoopLag()
        lag.start()
        stack.callback(lag.stop)
        self._work = [self._running]
        leases = self._leases.keep(self._held_now)
        for work in (self._publish_states(), self._beat(lag), self._reconcile(), leases):
            self._work.append(asyncio.ensure_future(work))
            stack.push_async_callback(self._cancel, self._work[-1])

    async def _publish_states(self) -> None:
        while True:
            await asyncio.sleep(_STATES_EVERY_S)
            self._desk.flush_if_can()
            self._desk.publish_book()
            self._states.watch()
            self._limits.watch()
            self._leases.watch()
            self._interest.watch()
            self._deployments.publish()

    async def _beat(self, lag: LoopLag) -> None:
        while True:
            self._look_after_recorder()
            self._look_after_store()
            self._look_after_audit()
            if all(client.replay_ended for client in self._data):
                self.condition.remark("the replay is over: the last close stands")
            if not self.rundir.node.exists() and self.condition.state is not State.STARTING:
                raise NodeError(
                    "a node needs its run directory",
                    value=str(self.rundir.path),
                    remedy="start it again; what was taken away is lost",
                )
            self._desk.state(
                HealthUpdated(
                    component="node",
                    state=self.condition.state.value,
                    detail=self.condition.detail,
                    pid=os.getpid(),
                    loop_lag_ms=round(lag.lag_ms, 1),
                    rss_mib=round(resource_use().rss_mib, 1),
                    bus=self._bus_state.value if self._bus_state is not None else "",
                ),
                f"system.health.{self._desk.trader}",
            )
            await asyncio.sleep(self.settings.trading.heartbeat_s)

    async def _reconcile(self) -> None:
        reconciliation = Reconciliation(
            {client.venue.value: client.catch_up for client in self._executions},
            self._differences,
            self.condition,
        )
        while True:
            await asyncio.sleep(_RECONCILE_EVERY_S)
            await reconciliation.look()

    async def _differences(self, venue: str) -> set[str]:
        return await self._venues.differences(venue, self._desk.accounts, self._held)

    def _held(self) -> dict[str, float]:
        held: dict[str, float] = {}
        for position in self._cache.positions_open():
            name = position.instrument_id.value
            held[name] = held.get(name, 0.0) + position.signed_qty
        return held

    async def _require_agreement(self) -> None:
        """Halt a trader whose book is not the venue's: what it would do could only be wrong."""
        deadline = time.monotonic() + _AGREE_S
        differing = await self._all_differences()
        while differing:
            if time.monotonic() > deadline:
                what = ", ".join(sorted(differing))
                why = f"after the start the book is not as the venue has it: {what}"
                self._states.tighten("HALTED", reason=why, by="node", automatic=True)
                self.condition.amiss("book", why)
                return
            await asyncio.sleep(0.1)  # a fill may be on its way
            differing &= await self._all_differences()

    async def _all_differences(self) -> set[str]:
        return set().union(*[await self._differences(venue) for venue in self._venues.clients])

    def _on_venue_state(self, venue: str, state: ConnectionState) -> None:
        if state is ConnectionState.RECONNECTING:
            self.condition.amiss(venue, f"the paper venue {venue} does not answer")
        elif state is ConnectionState.CONNECTED:
            self.condition.mended(venue)
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
        waiting = {
            n.name: self._status
            for n in NODE_COMMANDS
            if n.name.startswith(("strategy.", "targets."))
        }
        return {
            **waiting,
            "node.status": self._status,
            "node.snapshot": self._snapshot,
            "node.events": self._events,
            "node.stop": self._asked_to_stop,
            **self._states.handlers(),
            **self._limits.handlers(),
            **self._deployments.handlers(),
            **self._order_desk.handlers(),
        }

    def _on_time(self, handler: Handler) -> Handler:
        """Return `handler`, which finds told what happened, as who reads its answer will."""

        async def handle(request: Request) -> object:
            self._desk.flush_if_can()
            try:
                return await handler(request)
            finally:
                self._desk.flush_if_can()

        return handle

    async def _status(self, request: Request) -> NodeStatus:
        desk = self._desk
        return NodeStatus(
            trader=desk.trader,
            state=self.condition.state.value,
            detail=self.condition.detail,
            pid=os.getpid(),
            epoch=desk.epoch,
            orders=desk.order_count,
            fills=desk.fill_count,
            targets=self._deployments.targets,
            equity=desk.accounts.equity,
            rss_mib=round(resource_use().rss_mib, 1),
            source_ts=self._source_ts,
        )

    async def _snapshot(self, request: Request) -> Snapshot:
        return self._desk.snapshot()

    async def _events(self, request: Request) -> list[Envelope]:
        after: EventsAfter = request.body
        return list(self._store.outbox_after(_WRITER, after.epoch, after.seq, limit=_MOST_EVENTS))

    async def _asked_to_stop(self, request: Request) -> str:
        log.info("asked to stop by %s", request.principal.name)
        self._stop.set()
        return "stopping"

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
        self._journal.flush()
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


def _stop_loss_state(limits: LimitBook, to: Standing) -> Standing:
    """Return where the loss of the day moves the trader to; a limit that says halt has its way."""
    day = limits.day_stop
    return "HALTED" if day is not None and day.action == "halt" else to


def _day_of_the_firm(leased: Sequence[Leased]) -> DailyLoss | None:
    """Return the firm's loss of the day as the most that this account alone may lose."""
    for one in leased:
        if isinstance(one.limit, DailyLoss):
            return replace(one.limit, per="account")
    return None
