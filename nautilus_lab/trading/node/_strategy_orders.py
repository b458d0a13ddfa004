"""The orders of a strategy that is paused, stopped or fell: what works, and its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from nautilus_trader.model.identifiers import StrategyId
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate import send_cancel

log = logging.getLogger(__name__)


class StrategyOrders:
    """Counts the working orders of strategies, and cancels those of one that is to have none.

    Parameters
    ----------
    kernel : NautilusKernel
        Whose cache has them.
    hand_over : callable
        Takes a function and its arguments and calls it on the node's thread, later:
        ``loop.call_soon_threadsafe``.
    """

    def __init__(self, kernel: Any, hand_over: Callable[..., object]) -> None:
        self._kernel = kernel
        self._cache = kernel.cache
        self._hand_over = hand_over
        self._ending: set[str] = set()  # ids whose orders are cancelled also when accepted later

    def working(self, strategy: str) -> list[Order]:
        """Return what works of a strategy."""
        sid = StrategyId(strategy)
        return [order for order in self._cache.orders(strategy_id=sid) if not order.is_closed]

    def count(self, strategy: str) -> int:
        """Return how many orders of a strategy work."""
        sid = StrategyId(strategy)
        closed = self._cache.client_order_ids_closed(strategy_id=sid)
        return len(self._cache.client_order_ids(strategy_id=sid) - closed)

    def end_all(self, strategy: str) -> None:
        """Cancel what works; what is only on its way to the venue once it has arrived there."""
        self._ending.add(strategy)
        for order in self.working(strategy):
            self._end(order)

    def spare(self, strategy: str) -> None:
        """Cancel no more of a strategy: it may trade again, or is gone."""
        self._ending.discard(strategy)

    def end_late(self, event: Any) -> None:
        """Cancel what a strategy that is ended has at the venue now; call it with each event."""
        if event.strategy_id.value in self._ending:
            order = self._cache.order(event.client_order_id)
            if order is not None and order.is_open:
                self._hand_over(self._end, order)

    def _end(self, order: Order) -> None:
        if order.is_closed or order.is_pending_cancel:
            return
        try:
            send_cancel(self._kernel, order)
        except Exception:
            # One that cannot be cancelled must not keep the others from it.
            log.exception("%s could not be cancelled", order.client_order_id)
