"""Commands that a desk gives: sent once, answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from nautilus_lab.client._link import Link
from nautilus_lab.client.protocol import CommandFrame, ResultFrame
from nautilus_lab.exceptions import (
    InputError,
    MessageError,
    NotReachable,
    OutcomeUnknown,
)
from nautilus_lab.platform.access import Permission, Principal, Role
from nautilus_lab.platform.commands import error_of
from nautilus_lab.platform.messages import new_id

READ_WITHIN_S = 2.0  # a node refuses unread what reaches it later
_LONGEST_WAIT_S = 300.0
_LONGEST_ID = 64
_MOST_AT_ONCE = 24  # of the 32 that a gateway takes: what stops trading finds room


@dataclass(frozen=True, slots=True)
class Sent:
    """A command that is on its way, or was.

    `answer` ends with the result, or with `OutcomeUnknown` when the connection did before.
    After `deadline_ns`, UNIX ns by the gateway's clock, the node does not begin it any more.
    """

    id: str
    name: str
    body: dict[str, object]
    deadline_ns: int
    answer: asyncio.Future[ResultFrame]


class Commands:
    """What was asked over a link and is not answered yet.

    A command is sent once and never again. When its answer is lost, whether it was done is not
    known here: that is `OutcomeUnknown`, and only looking tells. Every other error says that it
    was not done.

    Parameters
    ----------
    link : Link
        Carries the frames.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: dict[str, Sent] = {}  # by id
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)

    @property
    def principal(self) -> Principal | None:
        """Who gives the commands, as the gateway said; None before that."""
        welcome = self._link.welcome
        if welcome is None:
            return None
        try:
            names = [name for name in welcome.role.split(", ") if name]
            return Principal(welcome.principal, frozenset(Role(name) for name in names))
        except ValueError:
            return None  # a role that only a newer gateway knows: it decides by itself

    def require(self, permission: Permission) -> None:
        """Do nothing if the principal may, or if it is not known; raises `AccessDenied`."""
        if (principal := self.principal) is not None:
            principal.require(permission)

    async def ask(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None = None,
        *,
        timeout_s: float,
        version: int = 1,
        command_id: str | None = None,
        answer: Any = None,
        urgent: bool = False,
    ) -> Any:
        """Have a command done and return its result's body.

        Parameters
        ----------
        name : str
            The command.
        body : Struct or mapping, optional
            Its arguments.
        timeout_s : float
            Seconds to wait for the result.
        version : int, default=1
            The version of the command that is meant.
        command_id : str, optional
            The id of an earlier command, to ask for its result; a new one when not given.
        answer : type, optional
            What the result is converted to; plain values when not given.
        urgent : bool, default=False
            Whether to go before those that wait for room.

        Raises
        ------
        OutcomeUnknown
            When no result came; its value is the command's id.
        LabError
            Of the very class that the node raised; it was not done.
        """
        sent = await self.send(
            name, body, timeout_s=timeout_s, version=version, command_id=command_id, urgent=urgent
        )
        return await self.result(sent, timeout_s=timeout_s, answer=answer)

    async def send(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None,
        *,
        timeout_s: float,
        version: int = 1,
        command_id: str | None = None,
        urgent: bool = False,
    ) -> Sent:
        """Send a command, unless it is on its way already; parameters as for `ask`.

        Raises
        ------
        InputError
            When the time to wait or the id is none, or the body is too large.
        NotReachable
            When there is no connection; nothing was sent.
        """
        if not 0 < timeout_s <= _LONGEST_WAIT_S:
            raise InputError(
                f"timeout_s must lie in (0, {_LONGEST_WAIT_S:g}]",
                value=timeout_s,
                remedy="pass timeout_s=10",
            )
        own = new_id() if command_id is None else command_id
        if not 0 < len(own) <= _LONGEST_ID:
            raise InputError(
                f"a command's id must have 1 to {_LONGEST_ID} characters",
                value=own,
                remedy="shorten it, or leave command_id out",
            )
        plain = {} if body is None else msgspec.to_builtins(body, builtin_types=())
        if (sent := self._waiting.get(own)) is not None:
            if (sent.name, sent.body) != (name, plain):
                raise InputError(
                    "a command's id must be its own", value=own, remedy="make a new id"
                )
            return sent
        answer: asyncio.Future[ResultFrame] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_heed)
        if not urgent:
            await self._find_room(name, timeout_s)
            answer.add_done_callback(lambda _: self._room.release())
        frame = CommandFrame(
            id=own,
            name=name,
            version=version,
            deadline_ns=self._link.gateway_ns + int(min(READ_WITHIN_S, timeout_s) * 1e9),
            body=plain,
            trader=self._link.trader,
            timeout_s=timeout_s,
        )
        sent = self._waiting[own] = Sent(own, name, plain, frame.deadline_ns, answer)
        answer.add_done_callback(lambda _: self._waiting.pop(own, None))
        try:
            await self._link.send(frame)
        except (NotReachable, InputError):
            answer.cancel()
            raise
        except ConnectionError as error:
            self._lose(sent, str(error))
        return sent

    async def _find_room(self, name: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._room.acquire()
        except TimeoutError:
            raise NotReachable(
                f"{name} must find room among {_MOST_AT_ONCE} commands within {timeout_s:g} s",
                remedy="it was not done; wait for the others",
            ) from None

    async def result(self, sent: Sent, *, timeout_s: float, answer: Any = None) -> Any:
        """Wait for the result of a command and return its body; raises as `ask`."""
        try:
            async with asyncio.timeout(timeout_s):
                frame = await asyncio.shield(sent.answer)
        except TimeoutError:
            raise _unknown(sent, f"no answer came within {timeout_s:g} s") from None
        if not frame.ok:
            raise error_of(frame)
        return converted(frame, answer, sent.name)

    def take(self, frame: ResultFrame) -> None:
        """Take in the result of a command; one that nobody waits for is passed over."""
        sent = self._waiting.get(frame.id)
        if sent is not None and not sent.answer.done():
            sent.answer.set_result(frame)

    def lost(self) -> None:
        """Tell those who wait that the connection has ended."""
        for sent in tuple(self._waiting.values()):
            self._lose(sent, "the connection to the gateway ended")

    def _lose(self, sent: Sent, why: str) -> None:
        if not sent.answer.done():
            sent.answer.set_exception(_unknown(sent, why))


def converted(frame: ResultFrame, answer: Any, name: str) -> Any:
    """Return a result's body as an `answer`; raises `MessageError` when it is none."""
    if answer is None:
        return frame.body
    try:
        return msgspec.convert(frame.body, answer)
    except msgspec.ValidationError as error:
        raise MessageError(
            f"the result of {name} must be {answer.__name__}: {error}",
            value=frame.id,
            remedy="it was done; check that both sides run the same nautilus_lab",
        ) from None


def _unknown(sent: Sent, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{sent.name} must be answered: {why}",
        value=sent.id,
        remedy="whether it was done is not known: look before asking again",
    )


def _heed(answer: asyncio.Future[ResultFrame]) -> None:
    """Look at what a command ended with: nobody may be waiting for it any more."""
    if not answer.cancelled():
        answer.exception()
