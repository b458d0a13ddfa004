"""What all of ours adds to an order of a live Nautilus node, from its strategy to the answer."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import zmq
from nautilus_trader.adapters.sandbox.config import SandboxExecutionClientConfig
from nautilus_trader.adapters.sandbox.factory import SandboxLiveExecClientFactory
from nautilus_trader.common import Environment
from nautilus_trader.config import LoggingConfig, StrategyConfig, TradingNodeConfig
from nautilus_trader.live.config import LiveExecEngineConfig, LiveRiskEngineConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.gate import CASH, SIZE, STOCKS, at, limits, ready, row
from nautilus_lab.execution.gate import Gate
from nautilus_lab.platform.audit import AuditQueue, AuditTrail
from nautilus_lab.platform.bus import IpcBus
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.recording import FlightRecorder
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._audited import OrdersAudited, fill_note
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._guard import Guard, guarded, put_on
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._tap import Tap

ROUNDS = 5
ORDERS = 400
WARM_UP = 40
KINDS = ("accepted", "filled")  # of limit orders far from the market, of market orders
PAUSE_S = 0.002


class Sender(Strategy):
    """Sends an order at each quote, by turns one that rests and one that fills at once."""

    def __init__(self, config: StrategyConfig) -> None:
        super().__init__(config)
        self.began: list[int] = []
        self.heard: list[int] = []
        self.orders: list = []
        self.answered = asyncio.Event()

    def on_start(self) -> None:
        for stock in STOCKS:
            self.subscribe_quote_ticks(stock.id)

    def on_quote_tick(self, tick) -> None:
        count = len(self.orders)
        side = OrderSide.BUY if count % 4 < 2 else OrderSide.SELL
        size = Quantity.from_int(100)
        if count % 2:
            order = self.order_factory.market(tick.instrument_id, side, size)
        else:
            price = Price.from_str("90.00" if side == OrderSide.BUY else "110.00")
            order = self.order_factory.limit(tick.instrument_id, side, size, price)
        self.orders.append(order)
        self.began.append(time.perf_counter_ns())
        self.submit_order(order)

    def on_order_accepted(self, event) -> None:
        if len(self.orders) % 2:
            self._hear()

    def on_order_filled(self, event) -> None:
        self._hear()

    def _hear(self) -> None:
        self.heard.append(time.perf_counter_ns())
        self.answered.set()


class Live:
    """A node with Nautilus' sandbox for a venue; with a folder, all of ours around it.

    Attributes
    ----------
    arrived : list of int
        When the venue's client was handed each order, ns.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.arrived: list[int] = []

    async def run(self) -> None:
        """Send all orders, each once the one before it was answered."""
        with ExitStack() as stack:
            node = self._node()
            config = StrategyConfig(strategy_id="S", order_id_tag="001")
            if self._folder is None:
                self.sender = Sender(config)
            else:
                self.sender = guarded(Sender)(config)
                put_on(self.sender, Guard(self._fall))
                self._attach(node.kernel, self._folder, stack)
            node.trader.add_strategy(self.sender)
            running = asyncio.ensure_future(node.run_async())
            while not node.trader.is_running:
                await asyncio.sleep(0.01)
            for stock in STOCKS:
                node.cache.add_quote_tick(self._quote(node, stock))
            for number in range(ORDERS + WARM_UP):
                self.sender.answered.clear()
                node.kernel.data_engine.process(self._quote(node, STOCKS[number // 4 % 20]))
                async with asyncio.timeout(5):
                    await self.sender.answered.wait()
                await asyncio.sleep(PAUSE_S)
                order = self.sender.orders[-1]
                if not order.is_closed:
                    self.sender.cancel_order(order)
                    await asyncio.sleep(PAUSE_S)
            await node.stop_async()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _node(self) -> TradingNode:
        sandbox = SandboxExecutionClientConfig(
            venue="PAPER", starting_balances=[f"{CASH:.0f} USD"], account_type="MARGIN"
        )
        node = TradingNode(
            TradingNodeConfig(
                environment=Environment.SANDBOX,
                trader_id=TraderId("T-1"),
                logging=LoggingConfig(bypass_logging=True),
                exec_engine=LiveExecEngineConfig(reconciliation=False),
                risk_engine=LiveRiskEngineConfig(max_order_submit_rate="100000/00:00:01"),
                exec_clients={"PAPER": sandbox},
                timeout_connection=5.0,
                timeout_disconnection=2.0,
                timeout_post_stop=0.1,
            ),
            loop=asyncio.get_running_loop(),
        )
        node.add_exec_client_factory("PAPER", SandboxLiveExecClientFactory)
        for stock in STOCKS:
            node.cache.add_instrument(stock)
        node.build()
        client = node.kernel.exec_engine._clients[ClientId("PAPER")]
        submit = client.submit_order

        def arrive(command) -> None:
            self.arrived.append(time.perf_counter_ns())
            submit(command)

        client.submit_order = arrive
        return node

    @staticmethod
    def _quote(node: TradingNode, stock) -> QuoteTick:
        now = node.kernel.clock.timestamp_ns()
        return QuoteTick(
            stock.id, Price.from_str("99.98"), Price.from_str("100.00"), SIZE, SIZE, now, now
        )

    @staticmethod
    def _attach(kernel, folder: Path, stack: ExitStack) -> None:
        """Put everything of a node's order path around `kernel`, as a node does."""
        folder.mkdir(mode=0o700)
        store = stack.enter_context(TradingStore.open(folder / "trading.db"))
        address = f"ipc://{folder}/bus"
        bus = IpcBus.serve(address)
        stack.callback(bus.close)
        context = zmq.Context()
        stack.callback(context.destroy, linger=0)
        reader = context.socket(zmq.SUB)  # somebody who listens, and takes no time of ours
        reader.subscribe("")
        reader.connect(address)
        epoch = store.begin_epoch("node")
        recorder = stack.enter_context(
            FlightRecorder(folder / "recording", trader="T-1", epoch=epoch, simulated=True)
        )
        tap = Tap(recorder)
        trail = AuditTrail(store)
        journal = StoreJournal(trail, store)
        stack.callback(journal.flush)
        queue = AuditQueue(trail)
        stack.callback(queue.close)
        desk = Desk(
            trader="T-1",
            writer="node",
            epoch=epoch,
            accounts=Accounts({"PAPER": CASH}),
            outbox=Outbox(
                store,
                bus,
                trader="T-1",
                writer="node",
                epoch=epoch,
                simulated=True,
                record=lambda events: trail.record_many(events, fill_note),
            ),
            publish=bus.publish,
            cache=kernel.cache,
            record=recorder.envelope,
            soon=asyncio.get_running_loop().call_soon,
        )
        stack.callback(desk.flush)
        desk.reconciling = False

        def on_checked(findings) -> None:
            tap.on_checked(findings)
            desk.on_checked(findings)

        def settle(event) -> None:
            order = kernel.cache.order(event.client_order_id)
            if order is not None and (order.is_closed or order.venue_order_id is not None):
                journal.settle(order.client_order_id.value, order.status_string())

        gate = Gate(
            kernel,
            checks=limits(),
            journal=journal,
            on_checked=on_checked,
            on_denied=desk.on_denied,
            on_cancel=OrdersAudited(queue).on_cancel,
        )
        ready(gate)
        msgbus = kernel.msgbus
        # Functions: the bus calls a method twice once the repr of its object changes.
        msgbus.subscribe("events.order.*", lambda event: desk.on_order_event(event))
        msgbus.subscribe("events.order.*", settle)
        msgbus.subscribe("data.quotes.*", lambda quote: desk.on_quote(quote))
        tap.listen(msgbus)

    @staticmethod
    def _fall(where: str, error: BaseException) -> None:
        raise AssertionError(f"{where} failed") from error

    def took(self, kind: str) -> dict[str, list[float]]:
        """Return what each order took until it was sent, and until it was answered, us."""
        ours = slice(WARM_UP + KINDS.index(kind), None, len(KINDS))
        began = self.sender.began[ours]
        return {
            way: [(after - before) / 1e3 for before, after in zip(began, ends, strict=True)]
            for way, ends in (("sent", self.arrived[ours]), (kind, self.sender.heard[ours]))
        }

    def became(self) -> list[tuple]:
        """Return what became of each order, and what was told of it on the way."""
        return [
            (
                order.instrument_id.value,
                order.side,
                order.filled_qty,
                order.avg_px,
                [type(event).__name__ for event in order.events],
            )
            for order in self.sender.orders
        ]


def check(raw: Live, ours: Live, store: Path) -> None:
    """Require that both did the same, and that all of it is in the store."""
    if raw.became() != ours.became():
        raise AssertionError("the same must become of the same orders")
    with TradingStore.open(store, read_only=True) as told:
        stored = {one.body.client_order_id: one.body.status for one in told.orders()}
        orders = ours.sender.orders
        if stored != {o.client_order_id.value: o.status_string() for o in orders}:
            raise AssertionError("the store must have every order as it stands")
        steps = sum(len(order.events) - 1 for order in orders)
        filled = sum(order.filled_qty > 0 for order in orders)
        events = len(told.outbox_after("node", 0, 0, 100_000))
        intents = told.journal()
        if events != steps + filled or len(told.fills()) != filled:
            raise AssertionError("every step of every order must be told of once")
        if [intent.state for intent in intents] != ["ACKNOWLEDGED"] * len(orders):
            raise AssertionError("every order must have its intent and its outcome")


def rows() -> list[dict]:
    """Measure without and with ours in turn; the best round of each counts."""
    medians: dict[tuple[str, str, bool], list[float]] = {}
    lasts: dict[tuple[str, str, bool], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="nl-", dir="/tmp") as folder:
        for number in range(ROUNDS):
            gc.collect()
            raw, ours = Live(None), Live(Path(folder) / str(number))
            for live in (raw, ours):
                asyncio.run(live.run())
            check(raw, ours, Path(folder) / str(number) / "trading.db")
            for live in (raw, ours):
                for kind in KINDS:
                    for way, took in live.took(kind).items():
                        key = kind, way, live is ours
                        medians.setdefault(key, []).append(at(0.5, took))
                        lasts.setdefault(key, []).append(at(0.99, took))

    def added(found: dict[tuple[str, str, bool], list[float]], kind: str, way: str) -> float:
        return min(found[kind, way, True]) - min(found[kind, way, False])

    def said(way: str | None) -> str:
        return ", ".join(
            f"{name} order {added(medians, kind, way or kind):.0f} us to "
            f"{min(medians[kind, way or kind, False]):.0f} us "
            f"(p99: {added(lasts, kind, way or kind):.0f} us to "
            f"{min(lasts[kind, way or kind, False]):.0f} us)"
            for kind, name in zip(KINDS, ("a limit", "a market"), strict=True)
        )

    how = (
        f"the best p50 of {ROUNDS} rounds of {ORDERS} orders with ours less the best without, the "
        "same orders one at a time in turn; all that a node puts around them: gate with 20 limits, "
        "intent and audit, guard, desk, outbox, recorder, a file for a store, a socket for a bus"
    )
    return [
        row(
            "02-order-added-p50",
            300,
            max(added(medians, kind, kind) for kind in KINDS),
            "from submit_order in a strategy of a live node until it hears that Nautilus' sandbox "
            f"accepted or filled the order: ours adds to {said(None)}; the larger counts; {how}",
        ),
        row(
            "02-order-added-to-send-p50",
            300,
            max(added(medians, kind, "sent") for kind in KINDS),
            "from submit_order in a strategy of a live node until the venue's client has the "
            f"command: ours adds to {said('sent')}; the larger counts; {how}",
        ),
    ]


if __name__ == "__main__":
    for line in rows():
        print(line)
