"""One question to a gateway over a connection of its own, for which no node need run."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from nautilus_lab.client._commands import converted
from nautilus_lab.client._gateway import Address
from nautilus_lab.client._link import Refused, open_session
from nautilus_lab.client.protocol import (
    CommandFrame,
    Refusal,
    ResultFrame,
    Welcome,
    decode_gateway_frame,
    encode_frame,
)
from nautilus_lab.exceptions import NotReachable, OutcomeUnknown
from nautilus_lab.platform.commands import error_of
from nautilus_lab.platform.messages import new_id


async def ask_once(
    address: Address, name: str, body: msgspec.Struct, *, timeout_s: float, answer: Any
) -> Any:
    """Have a command done that the gateway itself answers; return its result's body.

    Parameters
    ----------
    address : Address
        Which gateway, and the token.
    name : str
        The command.
    body : Struct
        Its arguments.
    timeout_s : float
        Seconds for all of it.
    answer : type
        What the result is converted to.

    Raises
    ------
    NotReachable
        When no gateway answers there, or it refuses: it was not done.
    AccessDenied
        When it does not accept the token.
    OutcomeUnknown
        When it was asked and no result came.
    LabError
        Of the very class that the gateway raised; it was not done.
    """
    from websockets.exceptions import WebSocketException

    asked = ""
    try:
        async with asyncio.timeout(timeout_s), open_session(address) as socket:
            while True:
                frame = decode_gateway_frame(await socket.recv())
                if isinstance(frame, Welcome):
                    asked = new_id()
                    command = CommandFrame(
                        id=asked,
                        name=name,
                        deadline_ns=time.time_ns() + int(timeout_s * 1e9),
                        body=msgspec.to_builtins(body, builtin_types=()),
                        timeout_s=timeout_s,
                    )
                    await socket.send(encode_frame(command, "msgpack"))
                elif isinstance(frame, Refusal):
                    raise Refused(frame, fixed_token=address.fixed).error
                elif isinstance(frame, ResultFrame) and frame.id == asked:
                    if not frame.ok:
                        raise error_of(frame)
                    return converted(frame, answer, name)
    except (OSError, WebSocketException) as error:
        why = str(error) or type(error).__name__
        if asked:
            raise OutcomeUnknown(
                f"{name} must be answered: {why}",
                value=asked,
                remedy="whether it was done is not known: look before asking again",
            ) from None
        raise NotReachable(
            f"the stream gateway must answer: {why}",
            value=address.url,
            remedy="see nautilus-lab gateway status",
        ) from None
