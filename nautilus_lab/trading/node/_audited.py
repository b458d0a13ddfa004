"""What a node's audit trail has beside intents: its beginning, fills, cancels, who was refused."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from nautilus_trader.execution.messages import BatchCancelOrders, CancelAllOrders, CancelOrder
from nautilus_trader.model.orders import Order
from pydantic import BaseModel

from nautilus_lab.config import Settings
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.audit import AuditNote, AuditQueue, canonical_json
from nautilus_lab.platform.commands import Request
from nautilus_lab.platform.messages import Envelope, OrderFilled
from nautilus_lab.platform.store import AuditRow, TradingStore
from nautilus_lab.platform.telemetry import redacted
from nautilus_lab.risk.limits import LimitBook

log = logging.getLogger(__name__)

LIMITS = "limits.book"

# of one strategy; of the cancels beyond only the number is kept
_CANCELS_A_MINUTE = 1_000


# --- as a node begins -------------------------------------------------------------------------


def settings_note(settings: Settings) -> AuditNote:
    """Return the row of a node's settings: a hash, and which of them are not the default.

    No value is in it, and the hash is of what is left when secrets are struck out.
    """
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True, default=str)
    facts = {
        "sha256": hashlib.sha256(redacted(text).encode()).hexdigest(),
        "changed": sorted(_changed(settings)),
    }
    return AuditNote(kind="node.settings", body=facts, actor="node")


def _changed(settings: Settings) -> list[str]:
    found = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            usual = type(value)()
            parts = type(value).model_fields
            found += [f"{name}.{p}" for p in parts if getattr(value, p) != getattr(usual, p)]
        elif value != field.get_default(call_default_factory=True):
            found.append(name)
    return found


def limits_note(book: LimitBook, store: TradingStore) -> AuditNote:
    """Return the row of a node's limits: all of them, and what changed since the last such row."""
    now = _limits(book)
    rows = store.audit_tail(1, kind=LIMITS)
    before = _limits_of(rows[0]) if rows else {}
    facts = {
        "sha256": hashlib.sha256(canonical_json(now).encode()).hexdigest(),
        "limits": now,
        "since": rows[0].seq if rows else 0,
        "created": {name: now[name] for name in now.keys() - before.keys()},
        "removed": {name: before[name] for name in before.keys() - now.keys()},
        "changed": {
            name: {"before": before[name], "after": now[name]}
            for name in now.keys() & before.keys()
            if now[name] != before[name]
        },
    }
    return AuditNote(kind=LIMITS, body=facts, actor="node")


def _limits_of(row: AuditRow) -> dict[str, Any]:
    """Return the limits that a row tells of; none when it is not as it was written."""
    try:
        limits = json.loads(row.body)["limits"]
    except (ValueError, LookupError, TypeError, RecursionError):
        limits = None
    if isinstance(limits, dict):
        return limits
    # The node begins all the same: who verifies the trail says what was done to it.
    log.error("row %d of the audit trail tells of no limits", row.seq)
    return {}


def _limits(book: LimitBook) -> dict[str, object]:
    """Return the limits by name; of several of one name the second is called ``"name 2"``."""
    named: dict[str, object] = {}
    for settings in book.settings:
        name = str(settings["limit"])
        count = 1 + sum(known.partition(" ")[0] == name for known in named)
        named[name if count == 1 else f"{name} {count}"] = _exact(settings)
    return named


def _exact(value: Any) -> Any:
    """Return plain values without floats, each as the text that it is read back from."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(name): _exact(part) for name, part in value.items()}
    return [_exact(part) for part in value] if isinstance(value, list | tuple) else value


# --- while it trades --------------------------------------------------------------------------


def fill_note(event: Envelope) -> AuditNote | None:
    """Return the row of a fill; None for another event."""
    fill = event.body
    if not isinstance(fill, OrderFilled):
        return None
    facts = {
        "trade_id": fill.trade_id,
        "client_order_id": fill.client_order_id,
        "strategy": fill.strategy,
        "instrument": fill.instrument,
        "side": fill.side,
        "quantity": fill.quantity,
        "price": fill.price,
        "commission": fill.commission,
        "currency": fill.currency,
        **({} if fill.multiplier == 1 else {"multiplier": fill.multiplier}),
        "event": f"{event.epoch}/{event.seq}",
    }
    venue = fill.instrument.rpartition(".")[2]
    return AuditNote(kind="order.filled", body=facts, actor=f"venue:{venue}", ts_ns=event.ts)


def cause_of(request: Request) -> dict[str, object]:
    """Return what the rows say that are written because of a command."""
    return {"command": request.name, "command_id": request.id, **who(request.principal)}


def who(principal: Principal) -> dict[str, object]:
    """Return what is known of who asks, beside the name."""
    return {
        "roles": sorted(role.value for role in principal.roles),
        **({"token": principal.token_id} if principal.token_id else {}),
    }


class OrdersAudited:
    """Writes down what becomes of orders without the gate's journal: cancels and denials.

    Parameters
    ----------
    queue : AuditQueue
        Takes the rows. No cancel waits for one.
    """

    def __init__(self, queue: AuditQueue) -> None:
        self._queue = queue

    def on_cancel(self, command: Any) -> None:
        """Take a cancel that went on its way."""
        strategy = command.strategy_id.value
        facts: dict[str, object] = {
            "strategy": strategy,
            "instrument": command.instrument_id.value,
            "nautilus_command": command.id.value,
        }
        if isinstance(command, CancelOrder):
            facts["client_order_id"] = command.client_order_id.value
        elif isinstance(command, BatchCancelOrders):
            facts["client_order_ids"] = [c.client_order_id.value for c in command.cancels]
        elif isinstance(command, CancelAllOrders):
            facts["all"] = command.order_side.name
        by = (command.params or {}).get("by") or f"strategy:{strategy}"
        self._queue.repeated("order.cancel", facts, actor=str(by), whole=_CANCELS_A_MINUTE)

    def on_closed(self, order: Order, reason: str) -> None:
        """Take an order of a strategy that may send none: it never came to the gate."""
        facts = {
            "client_order_id": order.client_order_id.value,
            "command": "submit",
            "order": {
                "strategy": order.strategy_id.value,
                "instrument": order.instrument_id.value,
                "side": order.side_string(),
                "quantity": str(order.quantity),
                "reason": reason,
            },
        }
        actor = f"strategy:{order.strategy_id.value}"
        self._queue.repeated("order.denied", facts, actor=actor, key=reason)
