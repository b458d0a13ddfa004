"""What a node can be asked about orders; the bodies are shared with clients."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import (
    CancelAll,
    Cancelled,
    CancelOrder,
    CommandSpec,
    FindOrder,
    Found,
    ModifyOrder,
    Placed,
    SubmitBracket,
    SubmitList,
    SubmitOco,
    SubmitOrder,
)

ORDER_SPECS: tuple[CommandSpec, ...] = (
    CommandSpec(
        name="orders.submit",
        permission=Permission.ORDERS_WRITE,
        body=SubmitOrder,
        answer=Placed,
        summary="Submit an order of any type; answers when the gate has decided.",
    ),
    CommandSpec(
        name="orders.bracket",
        permission=Permission.ORDERS_WRITE,
        body=SubmitBracket,
        answer=Placed,
        summary="Submit an entry with a take-profit and a stop-loss that wait for it.",
    ),
    CommandSpec(
        name="orders.oco",
        permission=Permission.ORDERS_WRITE,
        body=SubmitOco,
        answer=Placed,
        summary="Submit two orders of which one cancels the other.",
    ),
    CommandSpec(
        name="orders.list",
        permission=Permission.ORDERS_WRITE,
        body=SubmitList,
        answer=Placed,
        summary="Submit several orders of one venue as one decision.",
    ),
    CommandSpec(
        name="orders.modify",
        permission=Permission.ORDERS_WRITE,
        body=ModifyOrder,
        answer=Placed,
        summary="Change a working order's quantity or prices; answers when it is decided.",
    ),
    CommandSpec(
        name="orders.cancel",
        permission=Permission.ORDERS_CANCEL,
        body=CancelOrder,
        answer=Cancelled,
        summary="Cancel a working order, of whichever strategy it is.",
    ),
    CommandSpec(
        name="orders.cancel_all",
        permission=Permission.ORDERS_CANCEL,
        body=CancelAll,
        answer=Cancelled,
        summary="Cancel the working orders: all, or of an instrument, a strategy, a side.",
    ),
    CommandSpec(
        name="orders.find",
        permission=Permission.ORDERS_READ,
        body=FindOrder,
        answer=Found,
        summary="What the node knows of an order, by its id or by the command that made it.",
        reads=True,
    ),
)
