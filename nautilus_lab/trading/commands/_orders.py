"""What a node can be asked about orders; the bodies are shared with clients."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import (
    CancelAll,
    CancelOrder,
    CommandSpec,
    FindOrder,
    ModifyOrder,
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
        summary="Submit an order of any type; answers when the gate has decided.",
    ),
    CommandSpec(
        name="orders.bracket",
        permission=Permission.ORDERS_WRITE,
        body=SubmitBracket,
        summary="Submit an entry with a take-profit and a stop-loss that wait for it.",
    ),
    CommandSpec(
        name="orders.oco",
        permission=Permission.ORDERS_WRITE,
        body=SubmitOco,
        summary="Submit two orders of which one cancels the other.",
    ),
    CommandSpec(
        name="orders.list",
        permission=Permission.ORDERS_WRITE,
        body=SubmitList,
        summary="Submit several orders of one venue as one decision.",
    ),
    CommandSpec(
        name="orders.modify",
        permission=Permission.ORDERS_WRITE,
        body=ModifyOrder,
        summary="Change a working order's quantity or prices; answers when it is decided.",
    ),
    CommandSpec(
        name="orders.cancel",
        permission=Permission.ORDERS_CANCEL,
        body=CancelOrder,
        summary="Cancel a working order, of whichever strategy it is.",
    ),
    CommandSpec(
        name="orders.cancel_all",
        permission=Permission.ORDERS_CANCEL,
        body=CancelAll,
        summary="Cancel the working orders: all, or of an instrument, a strategy, a side.",
    ),
    CommandSpec(
        name="orders.find",
        permission=Permission.ORDERS_READ,
        body=FindOrder,
        summary="What the node knows of an order, by its id or by the command that made it.",
        reads=True,
    ),
)
