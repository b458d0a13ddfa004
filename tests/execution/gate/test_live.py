"""The gate in a live kernel, whose engines take commands from queues: crossings come apart."""

import asyncio
import signal
import threading

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import Gate
from nautilus_lab.risk.limits import MaxPositionUnits
from tests.execution.gate.benches import sandbox_node
from tests.execution.gate.stand import AAPL, Hand

pytestmark = pytest.mark.timeout(60)


class Live:
    """A node with Nautilus' sandbox for a venue, on the loop of the test."""

    async def start(self, *checks):
        loop = asyncio.get_running_loop()
        self.node = node = sandbox_node(loop, AAPL)
        self.journal = MemoryJournal()
        self.denials = []
        self.gate = Gate(
            node.kernel,
            checks=checks,
            journal=self.journal,
            hand_over=loop.call_soon_threadsafe,
            on_denied=lambda order, over, reason: self.denials.append(reason),
        )
        self.gate.install()
        self.hand = Hand()
        node.trader.add_strategy(self.hand)
        self.running = asyncio.ensure_future(node.run_async())
        await self.until(lambda: node.trader.is_running)
        self.quote()
        await self.settle()
        return self

    def quote(self):
        size, now = Quantity.from_int(1_000_000), self.node.kernel.clock.timestamp_ns()
        bid, ask = Price.from_str("99.98"), Price.from_str("100.00")
        self.node.kernel.data_engine.process(QuoteTick(AAPL.id, bid, ask, size, size, now, now))

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0.005)

    async def until(self, true):
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.005)

    @property
    def held(self):
        return self.gate.book.line("AAPL.PAPER").filled / self.gate.book.UNIT

    @property
    def queued(self):
        line = self.gate.book.line("AAPL.PAPER")
        return line.buys / self.gate.book.UNIT, line.sells / self.gate.book.UNIT

    async def stop(self):
        await self.node.stop_async()
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


@pytest.fixture
async def live():
    # Nautilus takes the signals, and the pool in which the loop's calls are made.
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)}
    live = Live()
    yield live
    await live.stop()
    for number, handler in handlers.items():
        signal.signal(number, handler)


async def test_orders_are_counted_and_journaled_before_the_queues_and_once(live):
    await live.start(MaxPositionUnits(max_units=100))
    first, second = live.hand.market(60), live.hand.market(60)
    # Nothing has left yet, and the second is refused already.
    assert first.status_string() == "INITIALIZED"
    assert live.queued == (60, 0)
    assert [i.verdict for i in live.journal.intents] == ["forwarded", "denied"]
    await live.until(lambda: first.is_closed and second.is_closed)
    assert (first.status_string(), second.status_string()) == ("FILLED", "DENIED")
    assert (live.held, live.queued) == (60, (0, 0))
    assert len(live.journal.intents) == 2


async def test_a_trader_halted_while_orders_are_in_the_queues_sends_none_of_them(live):
    await live.start()
    orders = [live.hand.limit(10, "90.00") for _ in range(3)]
    live.gate.state.tighten("HALTED", reason="a fire", by="ana")
    await live.until(lambda: all(order.is_closed for order in orders))
    assert {order.status_string() for order in orders} == {"DENIED"}
    assert live.denials == ["HALTED: a fire"] * 3
    assert live.queued == (0, 0)


async def test_an_order_of_another_thread_passes_on_the_nodes(live):
    await live.start(MaxPositionUnits(max_units=15))
    on = []
    write = live.journal.write
    live.journal.write = lambda intents: on.append(threading.get_ident()) or write(intents)
    thread = threading.Thread(target=lambda: [live.hand.market(10), live.hand.market(10)])
    thread.start()
    thread.join()
    await live.until(lambda: live.held == 10 and live.denials)
    assert set(on) == {threading.get_ident()}
    assert live.queued == (0, 0)


async def test_the_same_order_again_while_it_is_in_the_queues_goes_nowhere(live):
    await live.start()
    order = live.hand.limit(10, "90.00", send=False)
    live.node.cache.add_order(order)
    for _ in range(2):
        again = SubmitOrder(order.trader_id, order.strategy_id, order, UUID4(), 0)
        live.node.kernel.msgbus.send("RiskEngine.execute", again)
    await live.until(lambda: order.status_string() == "ACCEPTED")
    await live.settle()
    assert order.status_string() == "ACCEPTED"
    assert [i.verdict for i in live.journal.intents] == ["forwarded", "denied"]
    assert live.queued == (10, 0)
    live.hand.cancel_order(order)
    await live.until(lambda: order.status_string() == "CANCELED")
    assert live.queued == (0, 0)
