"""What makes an order an order, before anybody asks whether it can be paid for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper._triggers import LIMITED, TRAILING, TRIGGERED
from nautilus_lab.execution.paper._wire import OrderTerms

_CENT = Decimal("0.01")
_MOST_UNITS = Decimal(10) ** 9
_MOST_USD = Decimal(10) ** 7
_LONGEST_ID = 128
_MOST_LINKED = 100

# what the names of the orders begin with by which the venue closes an account out
MARGIN_CALL = "MARGIN-CALL-"


def require_well_formed(order: OrderTerms) -> None:
    """Raise `InputError` unless the fields of `order` are those of its type, and sensible."""
    kind = order.order_type
    if not 0 < len(order.client_order_id) <= _LONGEST_ID:
        raise InputError(
            f"a client order id must have 1 to {_LONGEST_ID} characters",
            value=order.client_order_id[:60],
        )
    if order.client_order_id.startswith(MARGIN_CALL):
        raise InputError(f"only the venue may name an order {MARGIN_CALL}*", value=order)
    _require_short_names(order)
    require_quantity(order.quantity)
    if (kind in LIMITED) != (order.limit_price is not None) and kind != "TRAILING_STOP_LIMIT":
        raise InputError("a limit order, and only that, has a limit price", value=order)
    if (kind in TRIGGERED) != (order.trigger_price is not None) and kind not in TRAILING:
        raise InputError("an order that waits, and only that, has a trigger price", value=order)
    for name in ("limit_price", "trigger_price", "activation_price"):
        require_price(getattr(order, name), name.replace("_", " "))
    _require_offsets(order)
    if (order.time_in_force == "GTD") != (order.expire_ns > 0):
        raise InputError("a GTD order, and only that, has a time of expiry", value=order)
    if order.post_only and (kind not in LIMITED or order.time_in_force in ("IOC", "FOK")):
        raise InputError("only an order that can rest may be post-only", value=order)
    if order.parent == order.client_order_id or order.client_order_id in order.linked:
        raise InputError("an order must not be linked to itself", value=order.client_order_id)


def require_quantity(quantity: Decimal) -> None:
    """Raise `InputError` unless `quantity` is a positive whole number of units."""
    if not (quantity.is_finite() and 0 < quantity <= _MOST_UNITS and quantity % 1 == 0):
        raise InputError("an order's quantity must be a positive whole number", value=quantity)


def require_price(price: Decimal | None, what: str) -> None:
    """Raise `InputError` unless `price` is None or a positive number of whole cents."""
    if price is None:
        return
    if not (price.is_finite() and 0 < price <= _MOST_USD and price % _CENT == 0):
        raise InputError(f"a {what} must be positive whole cents", value=price)


def require_list(orders: Sequence[OrderTerms]) -> None:
    """Raise `InputError` unless `orders` are a list: well formed, distinct, parents first."""
    if not orders:
        raise InputError("an order list must have an order", value=0)
    seen: set[str] = set()
    for order in orders:
        require_well_formed(order)
        if order.client_order_id in seen:
            raise InputError("an order may stand in a list once", value=order.client_order_id)
        later = {o.client_order_id for o in orders} - seen
        if order.parent in later:
            raise InputError("a parent must come before its children", value=order.client_order_id)
        seen.add(order.client_order_id)


def digest_of(order: OrderTerms) -> str:
    """Return what tells an order from any other that comes under the same id."""
    asked = [
        str(value.normalize()) if isinstance(value, Decimal) else value
        for value in (getattr(order, name) for name in OrderTerms.__struct_fields__)
    ]
    return blake2b(repr(asked).encode(), digest_size=8).hexdigest()


def _require_short_names(order: OrderTerms) -> None:
    names = (order.symbol, order.list_id, order.parent, *order.linked)
    if len(order.linked) > _MOST_LINKED or any(len(name) > _LONGEST_ID for name in names):
        raise InputError(
            f"an order may be linked to {_MOST_LINKED} others, by ids of at most {_LONGEST_ID}"
            " characters",
            value=order,
        )


def _require_offsets(order: OrderTerms) -> None:
    trails = order.order_type in TRAILING
    if trails != (order.trailing_offset is not None):
        raise InputError("a trailing stop, and only that, has a trailing offset", value=order)
    if (order.order_type == "TRAILING_STOP_LIMIT") != (order.limit_offset is not None):
        raise InputError("a trailing stop limit, and only that, has a limit offset", value=order)
    if not trails and order.activation_price is not None:
        raise InputError("only a trailing stop has an activation price", value=order)
    for offset in (order.trailing_offset, order.limit_offset):
        if offset is None:
            continue
        if not (offset.is_finite() and abs(offset) <= _MOST_USD):
            raise InputError("an offset must be a number", value=offset)
    if order.trailing_offset is not None and not order.trailing_offset > 0:
        raise InputError("a trailing offset must be positive", value=order.trailing_offset)
