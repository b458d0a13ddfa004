"""Orders that an algorithm works, as they stand with all that works for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from nautilus_lab.platform.messages import OrderUpdated
from nautilus_lab.trading.node._history import OVER

_NONE = Decimal(0)
_SIX = Decimal("0.000001")
_REMEMBERED = 500
_REFUSED = frozenset({"DENIED", "REJECTED"})
_PENDING = frozenset({"PENDING_UPDATE", "PENDING_CANCEL"})
# A parent that no venue has is where its children are.
_NOWHERE = OVER | {"INITIALIZED", "RELEASED"}


def is_worked(order: OrderUpdated) -> bool:
    """Whether an algorithm works the order, and it is not itself a part of one."""
    return order.algorithm is not None and order.parent is None


class Wholes:
    """What was asked for, and what has become of it, of every order that an algorithm works.

    Nautilus knows such a parent by itself: it is cancelled when all of it is filled, or gets
    smaller with each slice and counts none of their fills. Whoever reads its row wants the whole.

    Examples
    --------
    >>> parent = OrderUpdated(
    ...     client_order_id="M-1", strategy="Manual-000", instrument="AAPL.PAPER", side="BUY",
    ...     order_type="MARKET", quantity=Decimal(40), status="INITIALIZED", algorithm="VWAP",
    ... )
    >>> wholes = Wholes()
    >>> told = wholes.take(parent, asked=Decimal(40))
    >>> part = replace(
    ...     parent, client_order_id="M-1-E1", parent="M-1", algorithm=None, quantity=Decimal(10),
    ...     filled=Decimal(10), average_price=Decimal("72.50"), status="FILLED",
    ... )
    >>> whole = wholes.take_part(part)
    >>> whole.status, whole.quantity, whole.filled, whole.average_price
    ('PARTIALLY_FILLED', Decimal('40'), Decimal('10'), Decimal('72.500000'))
    """

    def __init__(self) -> None:
        self._of: dict[str, _Whole] = {}  # parent -> what works for it
        # parent -> its last, of those that are over, the oldest first
        self._over: OrderedDict[str, OrderUpdated] = OrderedDict()

    def __contains__(self, parent: str) -> bool:
        return parent in self._of or parent in self._over

    def remember(self, stored: Iterable[OrderUpdated]) -> None:
        """Take up what earlier lives of the node told of orders."""
        parts = []
        for order in stored:
            name = order.client_order_id
            if order.parent is not None:
                parts.append(order)
            elif order.algorithm is not None and order.status in OVER:
                self._end(name, order)
            elif order.algorithm is not None:
                # How much of it was its own slice is told again by its venue, if it has one.
                own = replace(order, filled=_NONE, average_price=None)
                self._of[name] = _Whole(own, asked=order.quantity, before=order)
        for part in parts:
            self.take_part(part)

    def take(self, own: OrderUpdated, *, asked: Decimal) -> OrderUpdated:
        """Return the whole of a parent that is `own` in Nautilus' books.

        `asked` is what it was made with, in this life of the node.
        """
        name = own.client_order_id
        if name in self._over:
            return self._over[name]
        whole = self._of.setdefault(name, _Whole(own, asked=asked))
        whole.own, whole.asked = own, max(whole.asked, asked)
        return self._told(name, whole)

    def take_part(self, part: OrderUpdated) -> OrderUpdated | None:
        """Return the whole of what a part works for; None when that is nothing known here."""
        whole = self._of.get(part.parent or "")
        if part.parent is None or whole is None or part.side != whole.own.side:
            return None  # one of the other side is an exit that hangs on it
        whole.count(part)
        return self._told(part.parent, whole)

    def _told(self, name: str, whole: _Whole) -> OrderUpdated:
        told = whole.told()
        if told.status in OVER and whole.is_over:
            self._end(name, told)
        return told

    def _end(self, name: str, told: OrderUpdated) -> None:
        self._of.pop(name, None)
        self._over[name] = told
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)


@dataclass(slots=True)
class _Whole:
    """A parent as Nautilus has it, and what its parts come to."""

    own: OrderUpdated
    asked: Decimal
    before: OrderUpdated | None = None  # as an earlier life told of it
    filled: Decimal = _NONE
    paid: Decimal = _NONE
    working: dict[str, str] = field(default_factory=dict)  # part -> status, the oldest first
    refusal: str = ""  # of the last part that was refused
    unpriced: set[str] = field(default_factory=set)  # parts filled at a price that is not known
    # part -> what it adds to `filled` and `paid`
    _counted: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen to the parent, or to a part of it."""
        return self.own.status in OVER and not self.working

    def count(self, part: OrderUpdated) -> None:
        """Count a part as it stands."""
        name, paid = part.client_order_id, part.filled * (part.average_price or _NONE)
        was = self._counted.get(name, (_NONE, _NONE))
        self.filled += part.filled - was[0]
        self.paid += paid - was[1]
        self._counted[name] = (part.filled, paid)
        if part.filled and part.average_price is None:
            self.unpriced.add(name)
        else:
            self.unpriced.discard(name)
        if part.status in OVER:
            self.working.pop(name, None)
        else:
            self.working[name] = part.status
        if part.status in _REFUSED:
            self.refusal = part.reason or part.status

    def told(self) -> OrderUpdated:
        """Return the parent as it stands with its parts."""
        own = self.own
        filled = own.filled + self.filled
        paid = own.filled * (own.average_price or _NONE) + self.paid
        known = filled and not self.unpriced and not (own.filled and own.average_price is None)
        average = (paid / filled).quantize(_SIX) if known else None
        if self.before is not None and self.before.filled > filled:
            filled, average = self.before.filled, self.before.average_price
        status, reason = self._standing(filled)
        return replace(
            own,
            quantity=self.asked,
            filled=filled,
            average_price=average,
            status=status,
            reason=reason,
        )

    def _standing(self, filled: Decimal) -> tuple[str, str]:
        own = self.own
        if filled >= self.asked:
            return "FILLED", ""
        if self.is_over:
            why = own.reason or self.refusal
            if filled:
                return ("EXPIRED" if own.status == "EXPIRED" else "CANCELED"), why
            return own.status, why
        if own.status in _PENDING:
            return own.status, own.reason
        # That the node ended which worked it is no reason while what it sent works on.
        reason = "" if own.status in OVER else own.reason
        if filled:
            return "PARTIALLY_FILLED", reason
        if self.working and own.status in _NOWHERE:
            return next(reversed(self.working.values())), reason
        return own.status, reason
