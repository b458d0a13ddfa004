"""What stands between a strategy and its node: nothing a strategy raises gets through."""

import asyncio
import threading
from datetime import timedelta

import pytest
from nautilus_trader.common.component import TestClock
from nautilus_trader.config import StrategyConfig
from nautilus_trader.indicators import Indicator
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.objects import Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.trading.node._call_watch import CallWatch
from nautilus_lab.trading.node._guard import Guard, GuardedClock, guarded, put_on
from tests.trading.node.conftest import Node


class Careless(Strategy):
    """Does what it is told, and tells of it."""

    def __init__(self, config=None):
        super().__init__(config or StrategyConfig(strategy_id="Careless", order_id_tag="009"))
        self.did = []

    def on_start(self):
        self.did.append("start")

    def helper(self, what):
        self.did.append(what)
        if isinstance(what, BaseException):
            raise what
        return what

    def on_quote_tick(self, tick):
        self.helper("quote")

    def caught(self, what):
        try:
            self.helper(what)
        except ValueError:
            self.did.append("mended")

    async def later(self, what):
        raise what


@pytest.fixture
def fallen():
    return []


@pytest.fixture
def careless(fallen):
    """A strategy in its guard, on no stage."""
    made = guarded(Careless)()
    put_on(made, Guard(lambda where, error: fallen.append((where, error))))
    return made


def guard_of(strategy):
    return strategy._lab_guard


class Odd(BaseException):
    """What nobody expects."""


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), SystemExit(1), KeyboardInterrupt(), Odd(), RecursionError(), MemoryError()],
)
def test_what_a_strategy_raises_goes_no_further_and_is_told_once(careless, fallen, error):
    assert careless.helper(error) is None
    assert careless.helper("more") is None
    assert fallen == [("helper", error)]
    assert careless.did == [error]
    assert guard_of(careless).error is error


def test_what_it_catches_itself_is_its_own_affair(careless, fallen):
    careless.caught(ValueError("x"))
    assert careless.did[-1] == "mended"
    assert fallen == []
    assert careless.helper("more") == "more"


def test_a_guarded_class_is_still_what_it_was():
    kind = guarded(Careless)
    assert issubclass(kind, Careless)
    assert (kind.__name__, kind.__doc__) == ("Careless", Careless.__doc__)
    assert guarded(Careless) is kind
    assert kind.helper.__name__ == "helper"


def test_while_it_is_made_it_has_no_guard_and_its_errors_are_its_makers():
    with pytest.raises(TypeError, match="config"):
        guarded(Careless)("no configuration")


def test_coroutines_of_a_strategy_are_left_alone(careless, fallen):
    with pytest.raises(ValueError, match="x"):
        asyncio.run(careless.later(ValueError("x")))
    assert fallen == []


def test_a_timer_on_another_thread_is_handed_over_to_the_nodes(fallen):
    handed = []
    made = guarded(Careless)()
    put_on(
        made,
        Guard(
            lambda where, error: fallen.append((where, error)),
            lambda function, *args: handed.append((function, args)),
        ),
    )
    clock = TestClock()
    heard = []
    clock.set_time_alert_ns("once", 1, heard.append)
    (event,) = [handler.event for handler in clock.advance_time(2)]
    thread = threading.Thread(target=made.helper, args=(event,))
    thread.start()
    thread.join()
    assert made.did == []
    ((function, args),) = handed
    function(*args)
    assert made.did == [event]


def test_its_own_work_on_its_own_thread_is_not_the_nodes(careless, fallen):
    raised = []

    def work():
        try:
            careless.helper(ValueError("x"))
        except ValueError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(raised) == 1
    assert fallen == []


# --- what it asks for -------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path, fallen):
    """A strategy in its guard, in an engine that runs."""
    node = Node(tmp_path)
    made = guarded(Careless)()
    put_on(made, Guard(lambda where, error: fallen.append((where, error))))
    node.engine.add_strategy(made)
    node.quote()
    yield node, made
    node.end()


def an_order(strategy, node, units=10):
    return strategy.order_factory.market(node.aapl.id, OrderSide.BUY, Quantity.from_int(units))


def statuses(node):
    return [order.status_string() for order in node.engine.cache.orders()]


def test_orders_of_a_closed_strategy_are_denied_with_the_reason(stage):
    node, strategy = stage
    guard_of(strategy).close("STRATEGY_PAUSED")
    order = an_order(strategy, node)
    strategy.submit_order(order)
    legs = strategy.order_factory.bracket(
        node.aapl.id,
        OrderSide.BUY,
        Quantity.from_int(1),
        sl_trigger_price=node.aapl.make_price(90),
        tp_price=node.aapl.make_price(110),
    )
    strategy.submit_order_list(legs)
    node.quote()
    assert statuses(node) == ["DENIED"] * 4
    assert order.last_event.reason == "STRATEGY_PAUSED"


def test_a_closed_strategy_may_cancel_but_not_change(stage):
    node, strategy = stage
    order = strategy.order_factory.limit(
        node.aapl.id, OrderSide.BUY, Quantity.from_int(5), node.aapl.make_price(90)
    )
    strategy.submit_order(order)
    node.quote()
    guard_of(strategy).close("STRATEGY_PAUSED")
    strategy.modify_order(order, quantity=Quantity.from_int(9))
    node.quote()
    assert int(order.quantity) == 5
    strategy.cancel_order(order)
    node.quote()
    assert statuses(node) == ["CANCELED"]


def test_what_is_held_back_is_done_in_its_order_when_it_is_released(stage):
    node, strategy = stage
    guard = guard_of(strategy)
    guard.hold()
    order = an_order(strategy, node)
    strategy.submit_order(order)
    strategy.close_all_positions(node.aapl.id)
    strategy.cancel_all_orders(node.aapl.id)
    node.quote()
    assert statuses(node) == []
    guard.release()
    node.quote()
    assert statuses(node) == ["FILLED"]
    strategy.close_all_positions(node.aapl.id)
    node.quote()
    assert statuses(node) == ["FILLED", "FILLED"]


def test_closing_positions_passes_the_guard_too(stage):
    """It is Nautilus' own code that sends these orders."""
    node, strategy = stage
    strategy.submit_order(an_order(strategy, node))
    node.quote()
    guard_of(strategy).close("STRATEGY_PAUSED")
    strategy.close_all_positions(node.aapl.id)
    node.quote()
    assert statuses(node) == ["FILLED", "DENIED"]


def test_a_closed_strategy_that_goes_on_sending_fills_neither_store_nor_memory(stage):
    node, strategy = stage
    guard = guard_of(strategy)
    guard.close("STRATEGY_PAUSED")
    heard = []
    strategy.did = heard
    made = [an_order(strategy, node) for _ in range(200)]
    for order in made:
        strategy.submit_order(order)
    node.quote()
    assert len(statuses(node)) == 20
    assert {order.status_string() for order in made} == {"DENIED"}
    assert guard.denied == 200
    guard.open()
    strategy.submit_order(an_order(strategy, node))
    node.quote()
    assert statuses(node)[-1] == "FILLED"


def test_a_function_that_it_gives_to_the_bus_raises_no_further_either(stage, fallen):
    node, strategy = stage
    heard = []

    def raising(message):
        heard.append(message)
        raise ValueError(message)

    strategy.msgbus.subscribe("any.topic", raising)
    assert strategy.msgbus.is_subscribed("any.topic", raising)
    for message in ("one", "two"):
        node.engine.kernel.msgbus.publish("any.topic", message)
    assert heard == ["one"]
    ((where, error),) = fallen
    assert (where, str(error)) == ("raising", "one")
    strategy.msgbus.unsubscribe("any.topic", raising)
    assert not node.engine.kernel.msgbus.has_subscribers("any.topic")


def test_an_endpoint_of_its_own_is_guarded_and_given_back(stage, fallen):
    node, strategy = stage
    bus, answer = strategy.msgbus, lambda message: [][1]
    bus.register("Careless.ask", answer)
    node.engine.kernel.msgbus.send("Careless.ask", "x")
    assert isinstance(fallen[0][1], IndexError)
    bus.deregister("Careless.ask", answer)
    assert "Careless.ask" not in node.engine.kernel.msgbus.endpoints()


class Broken(Indicator):
    """An indicator that cannot take in a quote."""

    def __init__(self):
        super().__init__([])

    def handle_quote_tick(self, tick):
        raise ZeroDivisionError


def test_an_indicator_that_raises_ends_its_strategy_alone(stage, fallen):
    node, strategy = stage
    strategy.register_indicator_for_quote_ticks(node.aapl.id, Broken())
    strategy.subscribe_quote_ticks(node.aapl.id)
    node.quote(2)
    ((where, error),) = fallen
    assert (where, type(error)) == ("handle_quote_tick", ZeroDivisionError)
    assert "quote" not in strategy.did


@pytest.mark.parametrize("way", ["set_timer", "set_time_alert", "register_default_handler"])
def test_a_function_that_is_no_method_is_guarded_when_a_timer_calls_it(careless, fallen, way):
    error, clock = ValueError("late"), TestClock()
    seen = GuardedClock(careless, clock)

    def strikes(event):
        raise error

    if way == "set_timer":
        seen.set_timer("t", timedelta(seconds=1), callback=strikes)
    elif way == "set_time_alert":
        seen.set_time_alert("t", seen.utc_now() + timedelta(seconds=1), strikes)
    else:
        seen.register_default_handler(strikes)
        seen.set_timer("t", timedelta(seconds=1))
    assert seen.timer_names == ["t"]
    for event in clock.advance_time(seen.timestamp_ns() + 3_000_000_000):
        event.handle()
    assert fallen == [("strikes", error)]


def test_a_method_that_a_timer_calls_is_guarded_once(careless, fallen):
    clock = TestClock()
    seen = GuardedClock(careless, clock)
    seen.set_timer("t", timedelta(seconds=1), callback=careless.helper)
    (event,) = clock.advance_time(1_000_000_000)
    event.handle()
    assert [told.name for told in careless.did] == ["t"]
    assert fallen == []
    seen.cancel_timer("t")
    assert (clock.timer_count, seen.timer_count) == (0, 0)


def test_the_watch_knows_whose_code_is_called_also_inside_of_another_s(careless, fallen):
    watch = CallWatch()
    inner = guarded(Careless)()
    put_on(inner, Guard(lambda *_: None, strategy="inner", watch=watch))
    outer = guarded(Careless)()
    put_on(outer, Guard(lambda *_: None, strategy="outer", watch=watch))
    seen = []

    def look():
        seen.append(watch.now[:2])

    guard_of(inner).run("within", look, (), {})
    guard_of(outer).run(
        "around", lambda: (guard_of(inner).run("within", look, (), {}), look()), (), {}
    )
    assert seen == [("inner", "within"), ("inner", "within"), ("outer", "around")]
    assert watch.now is None
