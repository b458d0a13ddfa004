"""Carries the commands of viewers to one trader's node, and its answers back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import zmq
import zmq.asyncio

from nautilus_lab.exceptions import (
    DeadlineExceeded,
    InputError,
    LabError,
    NodeNotRunning,
    NotReachable,
    OutcomeUnknown,
    StoreError,
)
from nautilus_lab.platform.access import Permission, Principal
from nautilus_lab.platform.commands import CommandClient, ListedCommand
from nautilus_lab.platform.messages import Command, Result, decode_reply, encode
from nautilus_lab.platform.rundir import ProcessRecord, RunDirectory, is_answered

MOST_ASKED = 256  # commands of all viewers that run at once

_LOOK_EVERY_S = 0.25  # how often a silent node is looked after
# A node that reads a command just before its deadline needs this long to say so.
_ACK_GRACE_S = 0.5


class CommandRelay:
    """Forwards commands to the node of one trader, each once and never again.

    A command goes with the token of the viewer who gave it: the node decides what that person
    may do. The gateway checks the same permission before, by the node's own list.

    Parameters
    ----------
    run : RunDirectory
        Whose node.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._context: zmq.asyncio.Context | None = None
        self._permissions: Mapping[str, Permission] = {}
        self.running = 0
        self.forwarded = 0  # since the start

    async def learn(self, node: CommandClient, *, timeout_s: float) -> None:
        """Ask the node what it answers and what each command takes.

        Raises
        ------
        LabError
            When the node does not say.
        """
        listed = await node.call("commands.list", timeout_s=timeout_s, answer=list[ListedCommand])
        known = {permission.value: permission for permission in Permission}
        self._permissions = {
            one.name: known[one.permission] for one in listed if one.permission in known
        }

    def close(self) -> None:
        """Let go of the node; what still runs is answered as unknown."""
        context, self._context = self._context, None
        if context is not None:
            context.destroy(linger=0)

    def answers(self, name: str) -> bool:
        """Whether the node has said that it has a command called `name`."""
        return name in self._permissions

    def require(self, principal: Principal, name: str) -> None:
        """Do nothing if `principal` may give the command called `name`.

        Raises
        ------
        InputError
            When the node has no such command.
        AccessDenied
            When its permission is not among the principal's.
        NodeNotRunning
            When no node has said yet what it answers.
        """
        if not self._permissions:
            raise self._absent("it has not said yet which commands it answers")
        permission = self._permissions.get(name)
        if permission is None:
            raise InputError(
                "a command must be one that the node answers",
                value=name,
                remedy=f"one of {', '.join(sorted(self._permissions))}",
            )
        principal.require(permission)

    async def ask(
        self, command: Command, *, timeout_s: float, on_ack: Callable[[], object]
    ) -> Result:
        """Have `command` done and return its result.

        Parameters
        ----------
        command : Command
            With the token of the one who gives it.
        timeout_s : float
            How many seconds after its deadline the result may come.
        on_ack : callable
            Called once the node has read the command.

        Raises
        ------
        DeadlineExceeded, NodeNotRunning, NotReachable, InputError
            When it never left the gateway: it was not done.
        OutcomeUnknown
            When it did, and no result came: nobody can say from here whether it was done.
        """
        if not time.time_ns() <= command.deadline_ns:
            raise DeadlineExceeded(
                "a command must reach the gateway before its deadline",
                value=command.id,
                remedy="it was not done; ask again, and check the clock of this machine",
            )
        if self.running >= MOST_ASKED:
            raise NotReachable(
                f"at most {MOST_ASKED} commands may run at once", remedy="it was not done; wait"
            )
        node = self._node()
        data = _encoded(command)
        self.running += 1
        try:
            return await self._exchange(command, data, node, timeout_s, on_ack)
        finally:
            self.running -= 1

    async def _exchange(
        self,
        command: Command,
        data: bytes,
        node: ProcessRecord,
        timeout_s: float,
        on_ack: Callable[[], object],
    ) -> Result:
        if self._context is None:
            self._context = zmq.asyncio.Context()
        socket = self._context.socket(zmq.DEALER)
        reply: asyncio.Future[Any] | None = None
        try:
            # Nothing waits in a queue for a node that starts later.
            socket.setsockopt(zmq.IMMEDIATE, 1)
            socket.connect(self._run.commands)
            try:
                async with asyncio.timeout(_left_s(command.deadline_ns)):
                    await socket.send_multipart([data])
            except TimeoutError:
                raise self._absent("it takes no commands") from None
            self.forwarded += 1
            until = _left_s(command.deadline_ns) + _ACK_GRACE_S + time.monotonic()
            reply = asyncio.ensure_future(socket.recv_multipart())
            while True:
                await asyncio.wait([reply], timeout=_LOOK_EVERY_S)
                if reply.done():
                    said = decode_reply(reply.result()[-1])
                    if isinstance(said, Result):
                        return said
                    on_ack()
                    until = _left_s(command.deadline_ns) + timeout_s + time.monotonic()
                    reply = asyncio.ensure_future(socket.recv_multipart())
                elif not node.alive:
                    raise _unknown(command, f"process {node.pid} of the node ended meanwhile")
                elif time.monotonic() >= until:
                    raise _unknown(command, "the node did not answer in time")
        except zmq.ZMQError as error:
            raise _unknown(command, str(error)) from None
        finally:
            if reply is not None:
                reply.cancel()
            if not socket.closed:
                socket.close(linger=0)

    def _node(self) -> ProcessRecord:
        try:
            record = ProcessRecord.read(self._run.node)
        except StoreError as error:
            raise self._absent(str(error)) from None
        if record is None or not record.alive or not is_answered(self._run.commands):
            raise self._absent("no node of this trader runs")
        return record

    def _absent(self, why: str) -> NodeNotRunning:
        return NodeNotRunning(
            f"the node of trader {self._run.trader_id} must take commands",
            value=why,
            remedy="the command was not done; see nautilus-lab node status",
        )


def _left_s(deadline_ns: int) -> float:
    return max(0.0, (deadline_ns - time.time_ns()) / 1e9)


def _encoded(command: Command) -> bytes:
    try:
        return encode(command)
    except (OverflowError, TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"a command's body must be plain values: {error}") from None


def _unknown(command: Command, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{command.name} must be answered: {why}",
        value=command.id,
        remedy="whether it was done is not known: look, or ask again under the same id",
    )


def as_result(command_id: str, error: LabError) -> Result:
    """Return the result that tells a viewer of `error`."""
    return Result(
        id=command_id,
        ok=False,
        error=error.rule,
        error_type=type(error).__name__,
        value="" if error.value is None else str(error.value)[:200],
        remedy=error.remedy,
    )
