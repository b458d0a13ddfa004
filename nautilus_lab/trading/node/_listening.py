"""Who in a node hears what its bus carries."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import TriggerType
from nautilus_trader.model.events import OrderInitialized

from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._limits import LimitDesk
from nautilus_lab.trading.node._tap import Tap


def listen(
    node: TradingNode, desk: Desk, limits: LimitDesk, journal: StoreJournal, tap: Tap
) -> None:
    """Have each hear, on this loop, what concerns it; before the node runs.

    Parameters
    ----------
    node : TradingNode
        Whose bus carries it.
    desk : Desk
        Hears everything, and tells of it.
    limits : LimitDesk
        Counts orders.
    journal : StoreJournal
        Gives an intent its outcome.
    tap : Tap
        Records.
    """
    bus, on_loop = node.kernel.msgbus, _on_loop
    bus.subscribe("events.order.*", on_loop(desk.on_order_event))
    bus.subscribe("events.order.*", on_loop(limits.on_order_event))
    bus.subscribe("events.order.*", on_loop(partial(_settle_intent, node.cache, journal)))
    bus.subscribe("events.order.*", on_loop(partial(_notice_held, desk)))
    bus.subscribe("data.quotes.*", desk.on_quote)
    bus.subscribe("data.bars.*", desk.on_bar)
    tap.listen(bus)


def _on_loop(handler: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return `handler`, called on this loop: what a live timer does comes on its own thread."""
    loop, thread = asyncio.get_running_loop(), threading.get_ident()

    def handle(event: Any) -> None:
        if threading.get_ident() == thread:
            handler(event)
        else:
            loop.call_soon_threadsafe(handler, event)

    return handle


def _settle_intent(cache: Any, journal: StoreJournal, event: Any) -> None:
    order = cache.order(event.client_order_id)
    if order is not None and (order.is_closed or order.venue_order_id is not None):
        journal.settle(order.client_order_id.value, order.status_string())


def _notice_held(desk: Desk, event: Any) -> None:
    if isinstance(event, OrderInitialized) and (
        event.exec_algorithm_id is not None or event.emulation_trigger != TriggerType.NO_TRIGGER
    ):
        # When this event comes the order is not in the cache yet.
        asyncio.get_running_loop().call_soon(desk.tell_held, event)
