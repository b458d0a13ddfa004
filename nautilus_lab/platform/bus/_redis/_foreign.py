"""What Nautilus itself says on its external stream, decoded into messages of ours.

Nothing of Nautilus is imported: its entries are JSON or msgpack with every number but a few as
text. Their field `type` is empty and `encoding` says Json whatever it is, so the payload itself
is asked; what fills and cancels tell comes under two topics each and is known by its event id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import msgspec

from nautilus_lab.exceptions import MessageError
from nautilus_lab.platform.messages import (
    BarUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderUpdated,
    QuoteUpdated,
)

_MOST_REMEMBERED = 10_000
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class NautilusBalance:
    """What an account has of one currency; exact, as Nautilus told it."""

    account: str
    currency: str
    total: Decimal
    locked: Decimal
    free: Decimal
    reported: bool


@dataclass(frozen=True, kw_only=True)
class NautilusPosition:
    """A position after a fill; `quantity` is signed units, `average_price` that of the opening."""

    position: str
    instrument: str
    strategy: str
    quantity: Decimal
    average_price: float
    realised: Decimal
    currency: str
    is_open: bool


Told: TypeAlias = (
    OrderUpdated
    | OrderFilled
    | QuoteUpdated
    | BarUpdated
    | NodeStateChanged
    | NautilusBalance
    | NautilusPosition
)


@dataclass(frozen=True, kw_only=True)
class NautilusMessage:
    """One entry of Nautilus' stream.

    Attributes
    ----------
    id : str
        The entry's place on the stream.
    topic : str
        Nautilus' own: ``"events.order.tilt-000"``.
    kind : str
        Its class: ``"OrderFilled"``.
    event_id : str or None
        What makes it known when it comes again; data have none.
    trader : str
        Whose it is; empty for data.
    ts : int
        When it happened, UNIX nanoseconds UTC, by the node's clock; a backtest's is simulated.
    bodies : tuple
        What it says, as messages of ours: a fill is an `OrderFilled` and the `OrderUpdated` that
        follows from it. Empty for what has no message of ours, and for an order whose beginning
        was not read: its side and quantity are not known then.
    facts : mapping
        All of it, as Nautilus wrote it.
    """

    id: str
    topic: str
    kind: str
    event_id: str | None
    trader: str
    ts: int
    bodies: tuple[Told, ...]
    facts: Mapping[str, Any]


# what an event makes of an order; those that are not listed leave it as it is
_STATUS = {
    "OrderInitialized": "INITIALIZED",
    "OrderDenied": "DENIED",
    "OrderEmulated": "EMULATED",
    "OrderReleased": "RELEASED",
    "OrderSubmitted": "SUBMITTED",
    "OrderAccepted": "ACCEPTED",
    "OrderRejected": "REJECTED",
    "OrderCanceled": "CANCELED",
    "OrderExpired": "EXPIRED",
    "OrderTriggered": "TRIGGERED",
    "OrderPendingUpdate": "PENDING_UPDATE",
    "OrderPendingCancel": "PENDING_CANCEL",
}
_PENDING = frozenset({"PENDING_UPDATE", "PENDING_CANCEL"})
_SETTLES = frozenset({"OrderUpdated", "OrderModifyRejected", "OrderCancelRejected"})


class NautilusDecoder:
    """Turns the entries of one trader's stream into `NautilusMessage`, each event once.

    It remembers the last 10,000 orders, to say what each became, and as many event ids.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._orders: OrderedDict[str, OrderUpdated] = OrderedDict()
        self._settled: dict[str, str] = {}  # client order id -> status before it was pending
        self.repeated = 0

    def decode(self, identity: str, fields: Mapping[bytes, bytes]) -> NautilusMessage | None:
        """Return what an entry says; None for an event that was told before.

        Raises
        ------
        MessageError
            When it is no entry of Nautilus', or a number in it is none.
        """
        payload = fields.get(b"payload")
        facts = None if payload is None else _facts(payload)
        if not isinstance(facts, dict) or not isinstance(facts.get("type"), str):
            raise MessageError(
                "an entry of Nautilus must hold an object with a type", value=sorted(fields)
            )
        event_id = facts.get("event_id")
        if event_id is not None and self._again(str(event_id)):
            self.repeated += 1
            return None
        kind = facts["type"]
        try:
            return NautilusMessage(
                id=identity,
                topic=fields.get(b"topic", b"").decode("utf-8", "replace"),
                kind=kind,
                event_id=event_id,
                trader=facts.get("trader_id") or "",
                ts=int(facts.get("ts_event") or facts.get("ts_init") or 0),
                bodies=self._bodies(kind, facts),
                facts=facts,
            )
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise MessageError(
                f"a {kind} of Nautilus must have its fields: {type(error).__name__} {error}",
                value=identity,
                remedy="nautilus_trader 1.231 is what this reads",
            ) from None

    def _again(self, event_id: str) -> bool:
        if event_id in self._seen:
            return True
        self._seen[event_id] = None
        if len(self._seen) > _MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def _bodies(self, kind: str, facts: dict[str, Any]) -> tuple[Told, ...]:
        if kind in _BODIES:
            return _BODIES[kind](facts)
        if not kind.startswith("Order") or "client_order_id" not in facts:
            return ()
        if kind == "OrderFilled":
            fill = _fill(facts)
            after = self._order(kind, facts)
            return (fill,) if after is None else (fill, after)
        after = self._order(kind, facts)
        return () if after is None else (after,)

    def _order(self, kind: str, facts: dict[str, Any]) -> OrderUpdated | None:
        """Return what an event made of its order; None when the order is not known."""
        name = facts["client_order_id"]
        if kind == "OrderInitialized":
            order = _initialised(facts)
        elif name not in self._orders:
            return None
        else:
            order = self._after(self._orders[name], kind, facts)
        self._orders[name] = order
        if len(self._orders) > _MOST_REMEMBERED:
            oldest, _ = self._orders.popitem(last=False)
            self._settled.pop(oldest, None)
        return order

    def _after(self, order: OrderUpdated, kind: str, facts: dict[str, Any]) -> OrderUpdated:
        status = _STATUS.get(kind, order.status)
        changed: dict[str, Any] = {"reason": facts.get("reason") or ""}
        if venue_order_id := facts.get("venue_order_id"):
            changed["venue_order_id"] = venue_order_id
        if kind == "OrderUpdated":
            changed["quantity"] = Decimal(facts["quantity"])
            if facts.get("price") is not None:
                changed["limit_price"] = Decimal(facts["price"])
            if facts.get("trigger_price") is not None:
                changed["trigger_price"] = Decimal(facts["trigger_price"])
        if kind == "OrderFilled":
            quantity, price = Decimal(facts["last_qty"]), Decimal(facts["last_px"])
            filled = order.filled + quantity
            spent = order.filled * (order.average_price or 0) + quantity * price
            changed |= {"filled": filled, "average_price": spent / filled}
            status = "FILLED" if filled >= order.quantity else "PARTIALLY_FILLED"
        if kind in _SETTLES:
            status = self._settled.pop(order.client_order_id, status)
        elif status in _PENDING:
            self._settled.setdefault(order.client_order_id, order.status)
        else:
            self._settled.pop(order.client_order_id, None)
        return msgspec.structs.replace(order, status=status, **changed)


def _facts(payload: bytes) -> Any:
    try:
        if payload[:1] == b"{":
            return msgspec.json.decode(payload)
        return msgspec.msgpack.decode(payload)
    except _UNREADABLE as error:
        raise MessageError(
            f"an entry of Nautilus must be JSON or msgpack: {error}", value=bytes(payload[:60])
        ) from None


def _initialised(facts: dict[str, Any]) -> OrderUpdated:
    options = facts.get("options") or {}
    price, trigger = options.get("price"), options.get("trigger_price")
    return OrderUpdated(
        client_order_id=facts["client_order_id"],
        strategy=facts["strategy_id"],
        instrument=facts["instrument_id"],
        side=_side(facts),
        order_type=facts["order_type"],
        quantity=Decimal(facts["quantity"]),
        limit_price=None if price is None else Decimal(price),
        trigger_price=None if trigger is None else Decimal(trigger),
        time_in_force=facts.get("time_in_force") or "GTC",
        status="INITIALIZED",
        parent=facts.get("exec_spawn_id") or facts.get("parent_order_id"),
        list_id=facts.get("order_list_id"),
        linked=tuple(facts.get("linked_order_ids") or ()),
        algorithm=facts.get("exec_algorithm_id"),
    )


def _fill(facts: dict[str, Any]) -> OrderFilled:
    commission, _, _ = (facts.get("commission") or "0").partition(" ")
    return OrderFilled(
        trade_id=facts["trade_id"],
        client_order_id=facts["client_order_id"],
        strategy=facts["strategy_id"],
        instrument=facts["instrument_id"],
        side=_side(facts),
        quantity=Decimal(facts["last_qty"]),
        price=Decimal(facts["last_px"]),
        commission=Decimal(commission),
        currency=facts["currency"],
    )


def _side(facts: dict[str, Any]) -> Any:
    side = facts["order_side"]
    if side not in ("BUY", "SELL"):
        raise ValueError(f"{side} is no side")
    return side


def _quote(facts: dict[str, Any]) -> tuple[Told, ...]:
    return (
        QuoteUpdated(
            instrument=facts["instrument_id"],
            bid=float(facts["bid_price"]),
            ask=float(facts["ask_price"]),
            bid_size=float(facts["bid_size"]),
            ask_size=float(facts["ask_size"]),
        ),
    )


def _bar(facts: dict[str, Any]) -> tuple[Told, ...]:
    # "AAPL.SIM-1-MINUTE-MID-INTERNAL", and an instrument may have dashes of its own
    instrument, step, unit, price, _source = facts["bar_type"].rsplit("-", 4)
    prices = {name: float(facts[name]) for name in ("open", "high", "low", "close", "volume")}
    return (BarUpdated(instrument=instrument, spec=f"{step}-{unit}-{price}", **prices),)


def _component(facts: dict[str, Any]) -> tuple[Told, ...]:
    return (
        NodeStateChanged(
            component=facts["component_id"],
            state=facts["state"].lower(),
            reason=facts["component_type"],
        ),
    )


def _account(facts: dict[str, Any]) -> tuple[Told, ...]:
    return tuple(
        NautilusBalance(
            account=facts["account_id"],
            currency=balance["currency"],
            total=Decimal(balance["total"]),
            locked=Decimal(balance["locked"]),
            free=Decimal(balance["free"]),
            reported=bool(facts["reported"]),
        )
        for balance in facts["balances"]
    )


def _position(facts: dict[str, Any]) -> tuple[Told, ...]:
    realised, _, _ = (facts.get("realized_pnl") or "0").partition(" ")
    # The signed quantity is a float there, the quantity is exact.
    sign = -1 if float(facts["signed_qty"]) < 0 else 1
    return (
        NautilusPosition(
            position=facts["position_id"],
            instrument=facts["instrument_id"],
            strategy=facts["strategy_id"],
            quantity=sign * Decimal(facts["quantity"]),
            average_price=float(facts["avg_px_open"]),
            realised=Decimal(realised),
            currency=facts["currency"],
            is_open=facts["type"] != "PositionClosed",
        ),
    )


_BODIES: dict[str, Callable[[dict[str, Any]], tuple[Told, ...]]] = {
    "QuoteTick": _quote,
    "Bar": _bar,
    "ComponentStateChanged": _component,
    "AccountState": _account,
    "PositionOpened": _position,
    "PositionChanged": _position,
    "PositionClosed": _position,
}
