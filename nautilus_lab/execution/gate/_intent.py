"""What is written before an order leaves: enough to make the order again."""

from __future__ import annotations

from typing import Any

import msgspec
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.model.orders import Order
from nautilus_trader.model.orders.unpacker import OrderUnpacker

from nautilus_lab.exceptions import MessageError
from nautilus_lab.execution._journal import Intent, Verdict
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._proposal import Proposal

_encode = msgspec.json.Encoder(order="sorted").encode
_FLOAT = "float"


def order_text(order: Order) -> str:
    """Return the whole order as it was made, as JSON without floats; `order_of` reads it.

    It is as large as it is now: an algorithm takes its slices away from an order before it leaves.
    """
    facts = OrderInitialized.to_dict(order.init_event)
    facts["quantity"] = str(order.quantity)
    if facts["exec_algorithm_params"]:
        facts["exec_algorithm_params"] = {
            name: {_FLOAT: repr(value)} if isinstance(value, float) else value
            for name, value in facts["exec_algorithm_params"].items()
        }
    return _encode(facts).decode()


def order_of(text: str) -> Order:
    """Make the order again that `order_text` wrote; it is INITIALIZED, whatever became of it.

    Raises
    ------
    MessageError
        When the text is no order.
    """
    try:
        facts = msgspec.json.decode(text)
        if facts["exec_algorithm_params"]:
            facts["exec_algorithm_params"] = {
                name: float(value[_FLOAT]) if isinstance(value, dict) else value
                for name, value in facts["exec_algorithm_params"].items()
            }
        return OrderUnpacker.from_init(OrderInitialized.from_dict(facts))
    except Exception as error:
        raise MessageError(
            f"an order in the journal must be readable: {error}",
            value=text[:200],
            remedy="check that both sides run the same nautilus_lab",
        ) from error


def intent_of(proposal: Proposal, verdict: Verdict, reason: str) -> Intent:
    """Describe what the gate decided about one order."""
    order, command, line = proposal.order, proposal.command, proposal.instrument.line
    body = {
        "strategy": proposal.strategy,
        "instrument": proposal.instrument.name,
        "side": "BUY" if proposal.buy else "SELL",
        "order_type": order.type_string(),
        "quantity": str(order.quantity),
        "limit_price": str(order.price) if order.has_price else "",
        "notional": _notional(proposal),
        "order": order_text(order),
        "nautilus_command": command.id.value,
        # by how much the queue of its side grows, what of that opens, and what was held before
        "added": _units(proposal.added),
        "opening": _units(proposal.opening),
        "held": _units(line.filled),
    }
    for tag in order.tags or ():
        name, _, value = tag.partition(":")
        if name in _TAGS:
            body[_TAGS[name]] = value
    if proposal.ask == "modify":
        body["new_quantity"] = _text(command.quantity)
        body["new_price"] = _text(command.price)
        body["new_trigger_price"] = _text(command.trigger_price)
    elif command.position_id is not None:
        body["position_id"] = command.position_id.value
    if command.client_id is not None:
        body["client_id"] = command.client_id.value
    return Intent(
        client_order_id=proposal.client_order_id,
        command=proposal.ask,
        verdict=verdict,
        reason=reason,
        body=body,
    )


# tag of an order -> what the journal calls it
_TAGS = {"by": "by", "cmd": "command_id"}


def _notional(proposal: Proposal) -> str:
    value = proposal.notional
    return f"{value:.2f}" if value == value else ""


def _units(raw: int) -> str:
    return f"{raw / Book.UNIT:.10g}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
