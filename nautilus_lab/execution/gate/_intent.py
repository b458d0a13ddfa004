"""What is written before an order leaves: enough to make the order again."""

from __future__ import annotations

from typing import Any

import msgspec
from nautilus_trader.execution.messages import ModifyOrder
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.model.objects import Quantity
from nautilus_trader.model.orders import Order
from nautilus_trader.model.orders.unpacker import OrderUnpacker

from nautilus_lab.exceptions import MessageError
from nautilus_lab.execution._journal import Intent, Verdict
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._proposal import Proposal

_encode = msgspec.json.Encoder(order="sorted").encode
_FLOAT = "float"
# What most orders have. It is left out: a shorter intent fits a page of the journal, and is the
# quicker to write for it.
_USUAL: dict[str, Any] = {
    "contingency_type": "NO_CONTINGENCY",
    "emulation_trigger": "NO_TRIGGER",
    "exec_algorithm_id": None,
    "exec_algorithm_params": None,
    "exec_spawn_id": None,
    "linked_order_ids": None,
    "order_list_id": None,
    "parent_order_id": None,
    "post_only": False,
    "quote_quantity": False,
    "reconciliation": False,
    "reduce_only": False,
    "tags": None,
    "trigger_instrument_id": None,
}


def order_text(order: Order, quantity: Quantity | None = None) -> str:
    """Return the whole order as it was made, as JSON without floats; `order_of` reads it.

    It is as large as `quantity` says, or as it is now: an algorithm takes its slices away from an
    order before it leaves.
    """
    facts = OrderInitialized.to_dict(order.init_event)
    facts["quantity"] = str(order.quantity if quantity is None else quantity)
    if facts["exec_algorithm_params"]:
        facts["exec_algorithm_params"] = {
            name: {_FLOAT: repr(value)} if isinstance(value, float) else value
            for name, value in facts["exec_algorithm_params"].items()
        }
    usual = _USUAL
    return _encode({k: v for k, v in facts.items() if k not in usual or v != usual[k]}).decode()


def order_of(text: str) -> Order:
    """Make the order again that `order_text` wrote; it is INITIALIZED, whatever became of it.

    Raises
    ------
    MessageError
        When the text is no order.
    """
    try:
        facts = _USUAL | msgspec.json.decode(text)
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
    return Intent(
        client_order_id=proposal.client_order_id,
        command=proposal.ask,
        verdict=verdict,
        reason=reason,
        reduces=proposal.reduces,
        facts=_Facts(proposal),
    )


class _Facts:
    """The facts of a proposal as they were when it was decided on, written out once asked for.

    A third of the gate's time would go into writing them. What is read of the proposal does not
    change any more, whatever becomes of the order; what is held does, and is kept.
    """

    __slots__ = ("_held", "_proposal")

    def __init__(self, proposal: Proposal) -> None:
        self._proposal = proposal
        self._held = proposal.instrument.line.filled

    def __call__(self) -> dict[str, str]:
        proposal = self._proposal
        order, command = proposal.order, proposal.command
        notional = proposal.notional
        quantity, limit, _ = proposal.terms
        body = {
            "strategy": proposal.strategy,
            "instrument": proposal.instrument.name,
            "side": "BUY" if proposal.buy else "SELL",
            "order_type": order.type_string(),
            "quantity": str(quantity),
            "limit_price": _text(limit),
            "notional": f"{notional:.2f}" if notional == notional else "",
            "order": order_text(order, quantity),
            "nautilus_command": command.id.value,
            # by how much the queue of its side grows, what of that opens, and what was held before
            "added": _units(proposal.added),
            "opening": _units(proposal.opening),
            "held": _units(self._held),
        }
        for tag in order.tags or ():
            name, _, value = tag.partition(":")
            if name in _TAGS:
                body[_TAGS[name]] = value
        if isinstance(command, ModifyOrder):
            body["new_quantity"] = _text(command.quantity)
            body["new_price"] = _text(command.price)
            body["new_trigger_price"] = _text(command.trigger_price)
        elif command.position_id is not None:
            body["position_id"] = command.position_id.value
        if command.client_id is not None:
            body["client_id"] = command.client_id.value
        return body


# tag of an order -> what the journal calls it
_TAGS = {"by": "by", "cmd": "command_id"}


def _units(raw: int) -> str:
    return f"{raw / Book.UNIT:.10g}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
