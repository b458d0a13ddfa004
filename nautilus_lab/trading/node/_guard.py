"""What stands between a strategy and the node that runs it: what raises ends the strategy alone."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
import time
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

from nautilus_trader.common.component import Clock
from nautilus_trader.common.events import TimeEvent
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.events import OrderDenied
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.trading.node._call_watch import CallWatch

log = logging.getLogger(__name__)

_GUARD = "_lab_guard"
_BUS = "_lab_bus"
_CLOCK = "_lab_clock"
# Of the orders that a closed strategy goes on sending so many are told of, then one a minute: a
# night at four quotes a second would fill store and memory with what was never meant to be.
_TOLD_DENIALS = 20
_TELL_EVERY_S = 60.0


class Guard:
    """What one strategy may do now, and who is told when it raises.

    Parameters
    ----------
    on_fall : callable
        Called once, on the guard's thread, with where the strategy raised and what; must not raise.
    hand_over : callable, optional
        Takes a function and its arguments and calls it on the node's thread; a timer of the
        strategy that fires on another thread is given to it.
    strategy : str, optional
        Its id.
    watch : CallWatch, optional
        Knows when the node is in the strategy's code.
    on_denied : callable, optional
        Called with each order that is denied, and why.

    Attributes
    ----------
    muted : bool
        Nothing of the strategy is called any more.
    closed : str
        Why its orders are denied; empty when they are not.
    denied : int
        How many were since it was closed.
    error : BaseException or None
        What it raised.
    """

    def __init__(
        self,
        on_fall: Callable[[str, BaseException], None],
        hand_over: Callable[..., object] | None = None,
        *,
        strategy: str = "",
        watch: CallWatch | None = None,
        on_denied: Callable[[Order, str], None] = lambda order, reason: None,
    ) -> None:
        self.muted = False
        self.closed = ""
        self.denied = 0
        self.error: BaseException | None = None
        self._on_fall = on_fall
        self._on_denied = on_denied
        self._hand_over = hand_over
        self._strategy = strategy
        self._watch = watch if watch is not None else CallWatch()
        self._thread = threading.get_ident()
        self._within = False
        self._tell_after = 0.0  # time.monotonic() until which a denial is told to its strategy only
        # what the strategy asked for while it was held, each to be called; None when it is not
        self._held: list[Callable[[], None]] | None = None

    def run(self, name: str, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call `method` unless the strategy is muted; what it raises goes no further."""
        if threading.get_ident() != self._thread:
            if self._hand_over is not None and args and isinstance(args[-1], TimeEvent):
                self._hand_over(self.run, name, method, args, kwargs)
                return None
            return method(*args, **kwargs)  # the strategy's own work on its own thread
        if self.muted:
            return None
        if self._within:
            return method(*args, **kwargs)
        self._within = True
        watch = self._watch
        before, watch.now = watch.now, (self._strategy, name, time.monotonic())
        try:
            return method(*args, **kwargs)
        except BaseException as error:
            # Also SystemExit and its like: a strategy that calls exit() ends itself, not the node.
            self._fall(name, error)
            return None
        finally:
            self._within = False
            watch.now = before

    def close(self, reason: str) -> None:
        """Deny the strategy's orders from now on."""
        self.closed, self.denied, self._tell_after = reason, 0, 0.0

    def open(self) -> None:
        """Deny them no more."""
        self.closed, self.denied = "", 0

    def hold(self) -> None:
        """Keep back what the strategy asks for from now on, orders and cancels alike."""
        self._held = []

    def release(self) -> None:
        """Have done what was kept back, in its order; nothing is kept back any more."""
        held, self._held = self._held or (), None
        for ask in held:
            ask()

    def keeps(self, ask: Callable[[], None]) -> bool:
        """Whether `ask` was kept back."""
        if self._held is None:
            return False
        self._held.append(ask)
        return True

    def _fall(self, name: str, error: BaseException) -> None:
        self.muted = True
        self.close("STRATEGY_FAILED")
        self.error = error
        self._on_fall(name, error)

    def deny(self, strategy: Strategy, order: Order) -> None:
        """Deny an order of a strategy that may send none, as if the gate had."""
        bus, cache = strategy.msgbus, strategy.cache
        now = strategy.clock.timestamp_ns()
        denied = OrderDenied(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            self.closed,
            UUID4(),
            now,
        )
        self.denied += 1
        self._on_denied(order, self.closed)
        if self.denied > _TOLD_DENIALS and time.monotonic() < self._tell_after:
            order.apply(denied)
            strategy.handle_event(denied)
            return
        self._tell_after = time.monotonic() + _TELL_EVERY_S
        bus.publish(f"events.order.{order.strategy_id.value}", order.init_event)
        if not cache.order_exists(order.client_order_id):
            cache.add_order(order)
        bus.send("ExecEngine.process", denied)


def put_on(strategy: Strategy, guard: Guard) -> None:
    """Give `strategy`, of a guarded class, its guard."""
    setattr(strategy, _GUARD, guard)


# What a strategy asks of the node. `close_position` and its like come by way of these.
_ORDERS = ("submit_order", "submit_order_list", "modify_order")
_CANCELS = ("cancel_order", "cancel_orders", "cancel_all_orders")


@functools.cache
def guarded(kind: type[Strategy]) -> type[Strategy]:
    """Return a class that is `kind` with every way into it and out of it guarded.

    Ways in are the methods of `kind`, which Nautilus, its timers and its bus call, Nautilus' own
    handlers, which keep indicators, and whatever function a strategy gives to the bus or to its
    clock. What one method of a strategy calls of another passes. Ways out are orders and cancels.
    """
    space: dict[str, Any] = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "msgbus": property(_bus_of),
        "clock": property(_clock_of),
    }
    space |= {name: _way_out(name, getattr(kind, name)) for name in (*_ORDERS, *_CANCELS)}
    names = {name for name in dir(Strategy) if name.startswith("handle_")}
    for base in kind.__mro__[: kind.__mro__.index(Strategy)]:
        names |= {
            name
            for name, member in vars(base).items()
            if isinstance(member, FunctionType)
            and not name.startswith("__")
            and not inspect.iscoroutinefunction(member)
            and not inspect.isgeneratorfunction(member)
        }
    for name in names - space.keys():
        space[name] = _way_in(name, getattr(kind, name))
    return type(kind.__name__, (kind,), space)


class GuardedBus:
    """The message bus as a strategy sees it: what it subscribes is called in its guard.

    A function that is no method of the strategy would otherwise raise into Nautilus' engine, which
    ends the process over it.
    """

    def __init__(self, strategy: Strategy, bus: Any) -> None:
        self._strategy = strategy
        self._bus = bus
        self._guarded: dict[Any, Any] = {}  # what was subscribed -> what is called instead

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def subscribe(self, topic: str, handler: Callable[..., Any], priority: int = 0) -> None:
        """Subscribe as Nautilus' own bus does."""
        self._bus.subscribe(topic, self._in_guard(handler), priority)

    def unsubscribe(self, topic: str, handler: Callable[..., Any]) -> None:
        """End a subscription."""
        self._bus.unsubscribe(topic, self._in_guard(handler))

    def is_subscribed(self, topic: str, handler: Callable[..., Any]) -> bool:
        """Whether `handler` is subscribed."""
        return bool(self._bus.is_subscribed(topic, self._in_guard(handler)))

    def register(self, endpoint: str, handler: Callable[..., Any]) -> None:
        """Answer at an endpoint, as at Nautilus' own bus."""
        self._bus.register(endpoint, self._in_guard(handler))

    def deregister(self, endpoint: str, handler: Callable[..., Any]) -> None:
        """Answer no more."""
        self._bus.deregister(endpoint, self._in_guard(handler))

    def _in_guard(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        if getattr(handler, "__self__", None) is self._strategy:
            return handler  # a method of its own, guarded already
        if handler not in self._guarded:

            def call(strategy: Strategy, *args: Any) -> Any:
                guard: Guard = getattr(strategy, _GUARD)
                return guard.run(getattr(handler, "__name__", "handler"), handler, args, {})

            # Bound, so that it is known by its strategy when that is taken off the stage.
            self._guarded[handler] = MethodType(call, self._strategy)
        return self._guarded[handler]  # type: ignore[no-any-return]


class GuardedClock(Clock):  # type: ignore[misc]
    """The clock as a strategy sees it: a function that it gives to a timer is called in its guard.

    Nautilus calls it on a thread of its own, and only logs what it raises.
    """

    def __init__(self, strategy: Strategy, clock: Clock) -> None:
        self._strategy = strategy
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)  # the clock of a backtest can do more

    @property
    def timer_names(self) -> list[str]:
        """The names of the timers that are set."""
        return self._clock.timer_names  # type: ignore[no-any-return]

    @property
    def timer_count(self) -> int:
        """How many are set."""
        return self._clock.timer_count  # type: ignore[no-any-return]

    def timestamp(self) -> float:
        """Return the time, UNIX seconds."""
        return self._clock.timestamp()  # type: ignore[no-any-return]

    def timestamp_ms(self) -> int:
        """Return the time, UNIX ms."""
        return self._clock.timestamp_ms()  # type: ignore[no-any-return]

    def timestamp_us(self) -> int:
        """Return the time, UNIX us."""
        return self._clock.timestamp_us()  # type: ignore[no-any-return]

    def timestamp_ns(self) -> int:
        """Return the time, UNIX ns."""
        return self._clock.timestamp_ns()  # type: ignore[no-any-return]

    def register_default_handler(self, handler: Callable[[TimeEvent], None]) -> None:
        """Have `handler` called for timers that have none."""
        self._clock.register_default_handler(self._in_guard(handler))

    def cancel_default_handler(self) -> None:
        """Have it called no more."""
        self._clock.cancel_default_handler()

    def cancel_callbacks(self) -> None:
        """Forget the functions of all timers."""
        self._clock.cancel_callbacks()

    def next_time_ns(self, name: str) -> int:
        """Return when a timer fires next, UNIX ns."""
        return self._clock.next_time_ns(name)  # type: ignore[no-any-return]

    def set_time_alert_ns(
        self,
        name: str,
        alert_time_ns: int,
        callback: Callable[[TimeEvent], None] | None = None,
        allow_past: bool = True,
    ) -> None:
        """Set a timer that fires once, as Nautilus' own clock does."""
        self._clock.set_time_alert_ns(name, alert_time_ns, self._in_guard(callback), allow_past)

    def set_timer_ns(
        self,
        name: str,
        interval_ns: int,
        start_time_ns: int,
        stop_time_ns: int,
        callback: Callable[[TimeEvent], None] | None = None,
        allow_past: bool = True,
        fire_immediately: bool = False,
    ) -> None:
        """Set a timer that fires again and again, as Nautilus' own clock does."""
        self._clock.set_timer_ns(
            name,
            interval_ns,
            start_time_ns,
            stop_time_ns,
            self._in_guard(callback),
            allow_past,
            fire_immediately,
        )

    def cancel_timer(self, name: str) -> None:
        """Cancel a timer."""
        self._clock.cancel_timer(name)

    def cancel_timers(self) -> None:
        """Cancel all of them."""
        self._clock.cancel_timers()

    def _in_guard(
        self, handler: Callable[[TimeEvent], None] | None
    ) -> Callable[[TimeEvent], None] | None:
        if handler is None or getattr(handler, "__self__", None) is self._strategy:
            return handler  # a method of its own, guarded already
        guard: Guard = getattr(self._strategy, _GUARD)
        name = getattr(handler, "__name__", "a timer")
        return lambda event: guard.run(name, handler, (event,), {})


def _bus_of(strategy: Any) -> Any:
    bus = Strategy.msgbus.__get__(strategy)
    if bus is None or getattr(strategy, _GUARD, None) is None:
        return bus  # it is being made
    if (seen := strategy.__dict__.get(_BUS)) is None:
        seen = strategy.__dict__[_BUS] = GuardedBus(strategy, bus)
    return seen


def _clock_of(strategy: Any) -> Any:
    clock = real_clock(strategy)
    if clock is None or getattr(strategy, _GUARD, None) is None:
        return clock  # it is being made
    if (seen := strategy.__dict__.get(_CLOCK)) is None:
        seen = strategy.__dict__[_CLOCK] = GuardedClock(strategy, clock)
    return seen


def real_clock(strategy: Strategy) -> Any:
    """Return the clock that Nautilus gave to a strategy, guarded or not."""
    return Strategy.clock.__get__(strategy)


def _way_in(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Strategy, *args: Any, **kwargs: Any) -> Any:
        guard = getattr(self, _GUARD, None)
        if guard is None:  # it is being made
            return method(self, *args, **kwargs)
        return guard.run(name, method, (self, *args), kwargs)

    return call


def _way_out(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Strategy, *args: Any, **kwargs: Any) -> None:
        guard: Guard | None = getattr(self, _GUARD, None)
        if guard is not None and guard.keeps(lambda: call(self, *args, **kwargs)):
            return
        if guard is None or not guard.closed or name in _CANCELS:
            method(self, *args, **kwargs)
        else:
            _refuse(self, guard, name, args, kwargs)

    return call


def _refuse(
    strategy: Strategy, guard: Guard, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    what = args[0] if args else next(iter(kwargs.values()))
    if name == "modify_order":
        log.warning("%s may not change %s: %s", strategy.id, what.client_order_id, guard.closed)
    else:
        for order in (what,) if name == "submit_order" else what.orders:
            guard.deny(strategy, order)
