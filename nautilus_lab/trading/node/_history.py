"""What of the past a new life of the node is told again, and what it only carries on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from nautilus_lab.platform.messages import Envelope, OrderFilled, OrderUpdated

# statuses after which nothing more happens to an order
OVER = frozenset({"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"})
# The venue's stamp of an order is earlier than that of the message which told of it.
_EARLIER_NS = 60 * 10**9
_NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A position that orders of the past have left.

    Attributes
    ----------
    strategy, instrument : str
        Whose it is, and of what.
    quantity : Decimal
        Signed units, not zero.
    average_price : Decimal
        What they cost on average, quote currency.
    ts : int
        When the last of their fills was told, UNIX ns.
    """

    strategy: str
    instrument: str
    quantity: Decimal
    average_price: Decimal
    ts: int


@dataclass(frozen=True, kw_only=True)
class History:
    """The orders that are over, and the positions that they have left.

    They are not told to a new life of the node again; it begins with the positions. So a start
    takes as long as what works asks for, and not as long as the trader is old.

    Attributes
    ----------
    orders : frozenset of str
        Client order ids. What works is not among them, nor what that hangs on or is linked to.
    positions : tuple of Carried
        What is held by them.
    since_ns : int
        All that is not history happened after this, UNIX ns; 0 when that is not known.
    """

    orders: frozenset[str] = frozenset()
    positions: tuple[Carried, ...] = ()
    since_ns: int = 0

    @classmethod
    def of(
        cls, orders: Iterable[Envelope], fills: Iterable[Envelope], *, open_since_ns: int = 0
    ) -> History:
        """Divide what the store has.

        Parameters
        ----------
        orders : iterable of Envelope
            Every order as it stands, in any order.
        fills : iterable of Envelope
            Every fill, oldest first.
        open_since_ns : int, default=0
            When the oldest intent without an outcome was written; 0 when there is none.

        Examples
        --------
        >>> History.of([], [])
        History(orders=frozenset(), positions=(), since_ns=0)
        """
        known = {order.client_order_id: (order, told.ts) for order, told in _orders(orders)}
        needed = _needed({name: order for name, (order, _) in known.items()})
        over = frozenset(known.keys() - needed)
        held: dict[tuple[str, str], _Holding] = {}
        first = [known[name][1] for name in needed]
        for told in fills:
            fill = told.body
            assert isinstance(fill, OrderFilled)
            if fill.client_order_id in needed:
                first.append(told.ts)
            else:
                key = (fill.strategy, fill.instrument)
                held.setdefault(key, _Holding()).add(fill, told.ts)
        if open_since_ns:
            first.append(open_since_ns)
        if known:
            # What nobody was told of yet is newer than what was told last.
            first.append(max(ts for _, ts in known.values()))
        return cls(
            orders=over,
            positions=tuple(
                [
                    Carried(
                        strategy=strategy,
                        instrument=instrument,
                        quantity=holding.quantity,
                        average_price=holding.average_price,
                        ts=holding.ts,
                    )
                    for (strategy, instrument), holding in held.items()
                    if holding.quantity
                ]
            ),
            since_ns=max(0, min(first, default=0) - _EARLIER_NS),
        )


@dataclass
class _Holding:
    """Units at average cost."""

    quantity: Decimal = _NOTHING
    average_price: Decimal = _NOTHING
    ts: int = field(default=0)

    def add(self, fill: OrderFilled, ts: int) -> None:
        traded = fill.quantity if fill.side == "BUY" else -fill.quantity
        before, after = self.quantity, self.quantity + traded
        if before * traded >= 0:
            cost = self.average_price * abs(before) + fill.price * fill.quantity
            self.average_price = cost / abs(after)
        elif before * after < 0:
            self.average_price = fill.price  # it turned to the other side
        self.quantity, self.ts = after, ts


def _orders(told: Iterable[Envelope]) -> Iterable[tuple[OrderUpdated, Envelope]]:
    for one in told:
        assert isinstance(one.body, OrderUpdated)
        yield one.body, one


def _needed(orders: Mapping[str, OrderUpdated]) -> set[str]:
    """Return what works, and all that it hangs on or is linked to."""
    needed: set[str] = set()
    waiting = [name for name, order in orders.items() if order.status not in OVER]
    while waiting:
        name = waiting.pop()
        if name not in needed and name in orders:
            needed.add(name)
            order = orders[name]
            waiting += [*order.linked, *([order.parent] if order.parent else [])]
    return needed
