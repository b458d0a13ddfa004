"""One order that may still trade, and how much of it counts."""

from __future__ import annotations

from typing import TypeAlias

from nautilus_trader.model.enums import ContingencyType, OrderSide, OrderStatus
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.gate._instrument import Holding, Instrument

# orders of which one ends the others -> what each could trade
Group: TypeAlias = dict[str, int]

_BUY = OrderSide.BUY
_NO_LINKS: frozenset[str] = frozenset()
_EITHER_ENDS_THE_OTHER = (ContingencyType.OCO, ContingencyType.OUO)
_ONE_STARTS_THE_OTHER = ContingencyType.OTO


class Entry:
    """One order that may still trade.

    Attributes
    ----------
    id : str
        The client order id.
    of : Instrument
        What it trades.
    own : Holding
        The units of its strategy.
    buy : bool
        Its side.
    size, filled : int
        The whole of it and what has traded, raw units.
    asked : list of int
        The sizes that changes on their way ask for.
    leaves : int
        What may still trade, changes on their way included.
    counted : int
        Of `leaves`, what can trade now.
    group : dict or None
        The orders of which one ends the others, this one included; None when it stands alone.
    links : frozenset of str
        The orders it says it ends.
    entry : str or None
        The entry of the bracket that it is an exit of, and waits for.
    started, whole : int
        How far that has filled, and how large it is.
    likeness : tuple
        Its strategy, instrument and side.
    sent_ns : int or None
        When it passed the gate; None when it did not, or ended without a fill.
    strategy : str
        Whose it is.
    parent : str or None
        The entry of the bracket that it is an exit of, waiting or not.
    terms : list of (int or None, int or None)
        Its limit and its trigger, raw, and after them those that changes on their way ask for.
    """

    __slots__ = (
        "asked",
        "buy",
        "counted",
        "entry",
        "filled",
        "group",
        "id",
        "leaves",
        "likeness",
        "links",
        "of",
        "own",
        "parent",
        "sent_ns",
        "size",
        "started",
        "strategy",
        "terms",
        "whole",
    )

    def __init__(self, order: Order, of: Instrument, own: Holding) -> None:
        self.id: str = order.client_order_id.value
        self.of = of
        self.own = own
        self.buy: bool = order.side == _BUY
        self.size: int = order.quantity.raw
        self.filled: int = order.filled_qty.raw
        self.asked: list[int] = []
        self.leaves = 0
        self.counted = 0
        self.group: Group | None = None
        self.links = links_of(order)
        self.entry: str | None = None
        self.started = 0
        self.whole = 0
        self.strategy: str = order.strategy_id.value
        self.likeness = (self.strategy, of.name, self.buy)
        self.sent_ns: int | None = None
        self.parent = parent_of(order)
        self.terms = [prices_of(order)]

    def __repr__(self) -> str:
        return f"Entry({self.id}, {self.counted} of {self.leaves})"

    @property
    def linked(self) -> bool:
        """Whether others end with it, as the stop of a bracket does with its take-profit."""
        return bool(self.links) or self.parent is not None

    @property
    def most(self) -> int:
        """What may still trade at most, if the changes on their way are made."""
        most = max(self.size, *self.asked) if self.asked else self.size
        return most - self.filled if most > self.filled else 0

    def tradable(self, leaves: int) -> int:
        """Return how much of `leaves` can trade now."""
        if self.entry is None:
            return leaves
        # What is larger than the entry does not wait for it.
        return min(leaves, self.started + max(0, leaves + self.filled - self.whole))

    def wait_for(self, parent: Order) -> None:
        """Count as far as `parent` has filled."""
        self.entry = parent.client_order_id.value
        self.started = parent.filled_qty.raw
        self.whole = parent.quantity.raw

    def answered(self, size: int) -> None:
        """Take a change of size as the answer to the one on its way that asked for it, if any.

        A venue changes orders by itself too: it trails a stop, it shortens the other leg. Such a
        change must not be taken for the answer to a larger one.
        """
        if size in self.asked:
            self.asked.remove(size)
        self._forget_prices()

    def refused(self) -> None:
        """Take the smallest change on its way as refused: which one it was is not said."""
        if self.asked:
            self.asked.remove(min(self.asked))
        self._forget_prices()

    def _forget_prices(self) -> None:
        # Which change was answered is not said: all prices asked for count until none waits.
        if not self.asked:
            del self.terms[1:]


def prices_of(order: Order) -> tuple[int | None, int | None]:
    """Return an order's limit, and the trigger that it waits for; raw."""
    limit = order.price.raw if order.has_price else None
    if order.has_trigger_price and order.status != OrderStatus.TRIGGERED:
        return limit, order.trigger_price.raw
    return limit, None


def parent_of(order: Order) -> str | None:
    """Return the entry that an order is an exit of; None for one that stands alone."""
    return None if order.parent_order_id is None else str(order.parent_order_id.value)


def links_of(order: Order) -> frozenset[str]:
    """Return the orders that an order says it ends, and is ended by."""
    if not order.linked_order_ids or order.contingency_type not in _EITHER_ENDS_THE_OTHER:
        return _NO_LINKS
    return frozenset([id_.value for id_ in order.linked_order_ids])


def is_exit(order: Order, parent: Order) -> bool:
    """Whether an order waits for `parent`, by the word of both, and is to close what it opens."""
    return (
        not parent.is_closed
        and parent.contingency_type == _ONE_STARTS_THE_OTHER
        and parent.instrument_id == order.instrument_id
        and parent.side != order.side
        and order.client_order_id in (parent.linked_order_ids or ())
    )
