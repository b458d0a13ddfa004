"""What stands between a strategy and the node that runs it: what raises ends the strategy alone."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

from nautilus_trader.common.events import TimeEvent
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.events import OrderDenied
from nautilus_trader.model.orders import Order
from nautilus_trader.trading.strategy import Strategy

log = logging.getLogger(__name__)

_GUARD = "_lab_guard"


class Guard:
    """What one strategy may do now, and who is told when it raises.

    Parameters
    ----------
    on_fall : callable
        Called once, on the guard's thread, with where the strategy raised and what.
    hand_over : callable, optional
        Takes a function and its arguments and calls it on the node's thread; a timer of the
        strategy that fires on another thread is given to it.

    Attributes
    ----------
    muted : bool
        Nothing of the strategy is called any more.
    closed : str
        Why its orders are denied; empty when they are not.
    error : Exception or None
        What it raised.
    """

    def __init__(
        self,
        on_fall: Callable[[str, Exception], None],
        hand_over: Callable[..., object] | None = None,
    ) -> None:
        self.muted = False
        self.closed = ""
        self.error: Exception | None = None
        self._on_fall = on_fall
        self._hand_over = hand_over
        self._thread = threading.get_ident()
        self._within = False

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
        try:
            return method(*args, **kwargs)
        except Exception as error:
            self._fall(name, error)
            return None
        finally:
            self._within = False

    def _fall(self, name: str, error: Exception) -> None:
        self.muted = True
        self.closed = "STRATEGY_FAILED"
        self.error = error
        self._on_fall(name, error)

    def deny(self, strategy: Strategy, order: Order) -> None:
        """Deny an order of a strategy that may send none, as if the gate had."""
        bus, cache = strategy.msgbus, strategy.cache
        bus.publish(f"events.order.{order.strategy_id.value}", order.init_event)
        if not cache.order_exists(order.client_order_id):
            cache.add_order(order)
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
        bus.send("ExecEngine.process", denied)


def put_on(strategy: Strategy, guard: Guard) -> None:
    """Give `strategy`, of a guarded class, its guard."""
    setattr(strategy, _GUARD, guard)


@functools.cache
def guarded(kind: type[Strategy]) -> type[Strategy]:
    """Return a class that is `kind` with every way into it guarded.

    Ways in are the methods of `kind`, which Nautilus, its timers and its bus call, and Nautilus'
    own handlers, which keep indicators. What one method of a strategy calls of another passes.
    """
    space: dict[str, Any] = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "submit_order": _submit_order,
        "submit_order_list": _submit_order_list,
        "modify_order": _modify_order,
    }
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


def _way_in(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Strategy, *args: Any, **kwargs: Any) -> Any:
        guard = getattr(self, _GUARD, None)
        if guard is None:  # it is being made
            return method(self, *args, **kwargs)
        return guard.run(name, method, (self, *args), kwargs)

    return call


def _closed(strategy: Strategy) -> Guard | None:
    guard: Guard | None = getattr(strategy, _GUARD, None)
    return guard if guard is not None and guard.closed else None


def _submit_order(self: Strategy, order: Order, *args: Any, **kwargs: Any) -> None:
    if (guard := _closed(self)) is not None:
        guard.deny(self, order)
    else:
        Strategy.submit_order(self, order, *args, **kwargs)


def _submit_order_list(self: Strategy, order_list: Any, *args: Any, **kwargs: Any) -> None:
    if (guard := _closed(self)) is not None:
        for order in order_list.orders:
            guard.deny(self, order)
    else:
        Strategy.submit_order_list(self, order_list, *args, **kwargs)


def _modify_order(self: Strategy, order: Order, *args: Any, **kwargs: Any) -> None:
    if (guard := _closed(self)) is not None:
        log.warning("%s may not change %s: %s", self.id, order.client_order_id, guard.closed)
    else:
        Strategy.modify_order(self, order, *args, **kwargs)
