"""Asking a process to do something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, TypeVar, overload

import msgspec

from nautilus_lab.exceptions import (
    DeadlineExceeded,
    InputError,
    MessageError,
    NotReachable,
)
from nautilus_lab.platform.commands._errors import error_of
from nautilus_lab.platform.commands._table import LARGEST_COMMAND
from nautilus_lab.platform.messages import (
    Ack,
    Command,
    Result,
    decode_reply,
    encode,
    new_id,
)
from nautilus_lab.platform.rundir import is_answered, socket_file

T = TypeVar("T")

# A server that reads a command just before its deadline needs this long to say so.
_ACK_GRACE_S = 0.2


class CommandClient:
    """Sends commands to an ``ipc://`` address and brings their results back.

    A command is sent once and never again: when no result comes, whether it was done is not
    known, and only looking tells. Each call has a connection of its own, so any number may run
    at once, on any event loop, and nothing needs closing.

    Parameters
    ----------
    address : str
        Where a `CommandServer` listens.
    ack_timeout_s : float, default=1.0
        Seconds in which the server must read a command; later it is refused there, unread.
    """

    def __init__(self, address: str, *, ack_timeout_s: float = 1.0) -> None:
        socket_file(address)
        if not 0 < ack_timeout_s <= 60:
            raise InputError("ack_timeout_s must lie in (0, 60]", value=ack_timeout_s)
        self.address = address
        self.ack_timeout_s = ack_timeout_s

    @overload
    async def call(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None = None,
        *,
        token: str = "",
        timeout_s: float = 5.0,
        version: int = 1,
        command_id: str | None = None,
    ) -> object: ...

    @overload
    async def call(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None = None,
        *,
        token: str = "",
        timeout_s: float = 5.0,
        version: int = 1,
        command_id: str | None = None,
        answer: type[T],
    ) -> T: ...

    async def call(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None = None,
        *,
        token: str = "",
        timeout_s: float = 5.0,
        version: int = 1,
        command_id: str | None = None,
        answer: Any = None,
    ) -> Any:
        """Have a command done and return its result's body.

        Parameters
        ----------
        name : str
            The command: ``"node.status"``.
        body : Struct or mapping, optional
            Its arguments.
        token : str, optional
            An access token; without one the caller is the owner of the socket.
        timeout_s : float, default=5.0
            Seconds to wait for the result.
        version : int, default=1
            The version of the command that is meant.
        command_id : str, optional
            The id of an earlier command, to ask for its result; a new one when not given.
        answer : type, optional
            What the result is converted to, such as ``Snapshot``; plain dicts, lists, numbers
            and strings when not given.

        Raises
        ------
        InputError
            When the command is too large to be read; it was not sent.
        NotReachable
            When nobody listens, or the command was not acknowledged in time.
        DeadlineExceeded
            When no result came in time; whether the command was done is not known.
        MessageError
            When the result is not what `answer` says.
        LabError
            Of the very class that the handler raised.
        """
        if not timeout_s > 0:
            raise InputError("timeout_s must be positive", value=timeout_s)
        if not is_answered(self.address):
            raise NotReachable(
                "a process must listen where a command is sent",
                value=self.address,
                remedy="start that process",
            )
        plain = {} if body is None else msgspec.to_builtins(body, builtin_types=())
        ack_timeout_s = min(self.ack_timeout_s, timeout_s)
        command = Command(
            id=command_id or new_id(),
            name=name,
            version=version,
            principal_token=token,
            deadline_ns=time.time_ns() + int(ack_timeout_s * 1e9),
            body=plain,
        )
        message = encode(command)
        if len(message) > LARGEST_COMMAND:
            raise InputError(
                f"a command must have at most {LARGEST_COMMAND} bytes",
                value=len(message),
                remedy="it was not sent; ask for less at once",
            )
        result = await self._exchange(command, message, ack_timeout_s, timeout_s)
        if not result.ok:
            raise error_of(result)
        if answer is None:
            return result.body
        try:
            return msgspec.convert(result.body, answer)
        except msgspec.ValidationError as error:
            raise MessageError(
                f"the result of {name} must be {answer}: {error}",
                remedy="check that both sides run the same nautilus_lab",
            ) from None

    def __repr__(self) -> str:
        return f"CommandClient({self.address!r})"

    async def _exchange(
        self, command: Command, message: bytes, ack_timeout_s: float, timeout_s: float
    ) -> Result:
        import zmq.asyncio  # desks import this package for its bodies alone

        context = zmq.asyncio.Context()
        try:
            socket = context.socket(zmq.DEALER)
            socket.connect(self.address)
            await socket.send_multipart([message])
            loop = asyncio.get_running_loop()
            begun = loop.time()
            try:
                async with asyncio.timeout_at(begun + ack_timeout_s + _ACK_GRACE_S):
                    reply = await _reply(socket)
            except TimeoutError:
                raise NotReachable(
                    f"{command.name} must be acknowledged within {ack_timeout_s:g} s",
                    value=self.address,
                    remedy="the process there is busy or frozen; look at its log",
                ) from None
            try:
                async with asyncio.timeout_at(begun + timeout_s):
                    while isinstance(reply, Ack):
                        reply = await _reply(socket)
            except TimeoutError:
                raise DeadlineExceeded(
                    f"{command.name} must be answered within {timeout_s:g} s",
                    value=command.id,
                    remedy="whether it was done is not known: look before asking again",
                ) from None
            return reply
        finally:
            context.destroy(linger=0)


async def _reply(socket: Any) -> Ack | Result:
    frames = await socket.recv_multipart()
    return decode_reply(frames[-1])
