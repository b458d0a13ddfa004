"""Which orders of the past a new life of the node need not be told again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from nautilus_lab.platform.messages import Envelope, OrderFilled, OrderUpdated

# order statuses that nothing follows
OVER = frozenset({"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"})
# The venue's stamp of an order is earlier than that of the message which told of it.
_EARLIER_NS = 60 * 10**9
_NEVER = 1 << 63


@dataclass(frozen=True, kw_only=True)
class History:
    """The orders that are over and of which nothing is held any more.

    A position is made of the fills since its strategy was last flat in the instrument; orders
    that were over by then are history, so that a start takes as long as what is held asks for,
    and not as long as the trader is old.

    Attributes
    ----------
    orders : frozenset of str
        Client order ids.
    since_ns : int
        All that is not history happened after this, UNIX ns; 0 when that is not known.
    """

    orders: frozenset[str] = frozenset()
    since_ns: int = 0

    @classmethod
    def of(cls, orders: Iterable[Envelope], fills: Iterable[Envelope]) -> History:
        """Divide the stored orders, as they stand, by the stored fills, oldest first.

        Examples
        --------
        >>> History.of([], [])
        History(orders=frozenset(), since_ns=0)
        """
        rounds: dict[tuple[str, str], _Rounds] = {}  # strategy, instrument -> how it was traded
        begun: dict[str, int] = {}  # client order id -> when its first fill was told
        for told in fills:
            fill = told.body
            assert isinstance(fill, OrderFilled)
            rounds.setdefault((fill.strategy, fill.instrument), _Rounds()).add(fill)
            begun.setdefault(fill.client_order_id, told.ts)
        needed = {name for traded in rounds.values() for name in traded.of_what_is_held}
        over = []
        first = min((begun[name] for name in needed), default=_NEVER)
        for told in orders:
            order = told.body
            assert isinstance(order, OrderUpdated)
            if order.status in OVER and order.client_order_id not in needed:
                over.append(order.client_order_id)
            else:
                first = min(first, told.ts)
        since = first - _EARLIER_NS if first < _NEVER else 0
        return cls(orders=frozenset(over), since_ns=since)


class _Rounds:
    """The orders of one strategy in one instrument, divided where it held nothing."""

    def __init__(self) -> None:
        self._held = Decimal(0)
        self._orders: list[set[str]] = [set()]
        self._round_of: dict[str, int] = {}  # client order id -> its place in the list

    def add(self, fill: OrderFilled) -> None:
        """Count a fill; an order that goes on across such a place joins what it lies between."""
        name = fill.client_order_id
        at = self._round_of.setdefault(name, len(self._orders) - 1)
        for later in self._orders[at + 1 :]:
            self._orders[at] |= later
            self._round_of.update(dict.fromkeys(later, at))
        del self._orders[at + 1 :]
        self._orders[at].add(name)
        self._held += fill.quantity if fill.side == "BUY" else -fill.quantity
        if not self._held:
            self._orders.append(set())

    @property
    def of_what_is_held(self) -> set[str]:
        """The orders since it was flat."""
        return self._orders[-1]
