"""The owner's own line to a paper venue, for when no node is there to speak for them."""

from __future__ import annotations

import asyncio
import time

import zmq
import zmq.asyncio

from nautilus_lab.exceptions import MessageError, NodeError, NotReachable
from nautilus_lab.execution.paper._wire import (
    CancelAll,
    Orders,
    Refused,
    Reply,
    Request,
    pack,
    unpack_answer,
)
from nautilus_lab.platform.rundir import is_answered


async def cancel_everything(orders_address: str, *, timeout_s: float = 1.0) -> int:
    """Have a venue cancel all that works there, whoever sent it; return how many that were.

    One message, beside whatever node is connected. It says no hello: the venue tells it nothing
    but the answer.

    Raises
    ------
    NotReachable
        When nobody listens there, or no answer came in time: whether it was done is not known.
    NodeError
        When the venue refused.
    """
    if not is_answered(orders_address):
        raise NotReachable("a venue must run to cancel what works there", value=orders_address)
    context = zmq.asyncio.Context()
    try:
        socket = context.socket(zmq.DEALER)
        socket.connect(orders_address)
        deadline_ns = time.time_ns() + int(timeout_s * 1e9)
        async with asyncio.timeout(timeout_s):
            await socket.send(pack(Request(id=1, ask=CancelAll(), deadline_ns=deadline_ns)))
            answer = unpack_answer(await socket.recv())
    except TimeoutError:
        raise NotReachable(
            f"a venue must answer within {timeout_s:g} s", value=orders_address
        ) from None
    finally:
        context.destroy(linger=0)
    if isinstance(answer, Reply) and isinstance(answer.say, Refused):
        raise NodeError("the venue refused to cancel", value=answer.say.reason)
    if not (isinstance(answer, Reply) and isinstance(answer.say, Orders)):
        raise MessageError("a venue must answer CancelAll with Orders", value=answer)
    return sum(order.status == "CANCELED" for order in answer.say.orders)
