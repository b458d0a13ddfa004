"""Orders, fills and audit rows: from what the code holds to a row of a table, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from nautilus_lab.platform.messages import Envelope, Event, OrderFilled, OrderUpdated
from nautilus_lab.platform.store._canonical import canonical_json
from nautilus_lab.platform.store._rows import AuditRow

# of a fill's row: what two reports of the same trade must agree on
FACTS = (
    *("client_order_id", "instrument", "side", "quantity", "price", "commission", "currency"),
    "multiplier",
)

# of an order's row: what has a column of its own; the rest is in `details`
_ORDER = (
    "client_order_id",
    "venue_order_id",
    "strategy",
    "instrument",
    "side",
    "order_type",
    "quantity",
    "filled",
    "limit_price",
    "average_price",
    "status",
    "reason",
)
# name -> default, of what an order may tell besides; a new field needs no new column
_DETAILS = {
    field.name: field.default
    for field in msgspec.structs.fields(OrderUpdated)
    if field.name not in _ORDER
}

_AUDIT_TYPES = (str, int, int, str, str, str, bytes, bytes)


def order_row(event: Envelope, order: OrderUpdated) -> dict[str, object]:
    """Return the row of `order`, as `event` reports it."""
    told = {name: getattr(order, name) for name in _DETAILS}
    return {
        **_envelope_row(event),
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "strategy": order.strategy,
        "instrument": order.instrument,
        "side": order.side,
        "order_type": order.order_type,
        "quantity": str(order.quantity),
        "filled": str(order.filled),
        "limit_price": _text(order.limit_price),
        "average_price": _text(order.average_price),
        "status": order.status,
        "reason": order.reason,
        "details": canonical_json({k: v for k, v in told.items() if v != _DETAILS[k]}),
    }


def order_event(row: sa.RowMapping) -> Envelope:
    """Return the event that `order_row` made a row of; raises ValueError when none did."""
    facts = {name: row[name] for name in _ORDER}
    try:
        order = msgspec.convert(facts | json.loads(row["details"]), OrderUpdated)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    return _envelope(row, order)


def fill_row(event: Envelope, fill: OrderFilled) -> dict[str, object]:
    """Return the row of `fill`, as `event` reports it."""
    return {
        **_envelope_row(event),
        # A trade id is unique at its venue, which an instrument's name ends with.
        "venue": fill.instrument.rpartition(".")[2],
        "trade_id": fill.trade_id,
        "client_order_id": fill.client_order_id,
        "strategy": fill.strategy,
        "instrument": fill.instrument,
        "side": fill.side,
        "quantity": str(fill.quantity),
        "price": str(fill.price),
        "commission": str(fill.commission),
        "currency": fill.currency,
        "multiplier": str(fill.multiplier),
    }


def fill_event(row: sa.RowMapping) -> Envelope:
    """Return the event that `fill_row` made a row of."""
    return _envelope(
        row,
        OrderFilled(
            trade_id=row["trade_id"],
            client_order_id=row["client_order_id"],
            strategy=row["strategy"],
            instrument=row["instrument"],
            side=row["side"],
            quantity=Decimal(row["quantity"]),
            price=Decimal(row["price"]),
            commission=Decimal(row["commission"]),
            currency=row["currency"],
            multiplier=Decimal(row["multiplier"]),
        ),
    )


def audit_row(row: Iterable[Any]) -> AuditRow:
    """Return the link that `row` is; raises TypeError when a column has another type."""
    values = tuple(row)
    if tuple(map(type, values)) != _AUDIT_TYPES:
        raise TypeError("a column of an audit row has another type")
    chain, seq, ts_ns, actor, kind, body, prev, own = values
    return AuditRow(
        chain=chain,
        seq=seq,
        ts_ns=ts_ns,
        actor=actor,
        kind=kind,
        body=body,
        prev=prev,
        hash=own,
    )


def _envelope_row(event: Envelope) -> dict[str, object]:
    return {
        "id": event.id,
        "topic": event.topic,
        "ts_ns": event.ts,
        "source_ts_ns": event.source_ts,
        "trader": event.trader,
        "writer": event.writer,
        "epoch": event.epoch,
        "seq": event.seq,
        "simulated": event.simulated,
    }


def _envelope(row: sa.RowMapping, body: Event) -> Envelope:
    return Envelope(
        id=row["id"],
        topic=row["topic"],
        ts=row["ts_ns"],
        source_ts=row["source_ts_ns"],
        trader=row["trader"],
        writer=row["writer"],
        epoch=row["epoch"],
        seq=row["seq"],
        simulated=bool(row["simulated"]),
        body=body,
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
