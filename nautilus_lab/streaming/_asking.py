"""The commands of one viewer: forwarded with its own token, or answered here, each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from nautilus_lab.client.protocol import AckFrame, CommandFrame, ResultFrame
from nautilus_lab.exceptions import AccessDenied, InputError, LabError, OutcomeUnknown
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.messages import Command, Result
from nautilus_lab.streaming._alert_desk import ALERT_COMMANDS
from nautilus_lab.streaming._feed import Feed
from nautilus_lab.streaming._relay import CommandRelay, as_result

_log = logging.getLogger(__name__)

MOST_COMMANDS = 32  # of one viewer at once
_LONGEST_WAIT_S = 300.0  # for the result of a command


class Host(Protocol):
    """What forwarding asks of the gateway."""

    @property
    def traders(self) -> tuple[str, ...]:
        """Every trader of this home."""
        ...

    def verify(self, token: str) -> Principal:
        """Return whom the token speaks for, or raise `AccessDenied`."""
        ...

    async def answer(self, command: Command) -> Result:
        """Return the result of a command that the gateway itself answers."""
        ...

    def feed(self, trader: str) -> Feed:
        """Return the feed of a trader, begun if need be; raises `InputError` for none."""
        ...

    def denied(
        self, principal: Principal | None, command: str, trader: str, error: AccessDenied
    ) -> None:
        """Learn that a viewer asked for what it may not."""
        ...


class Asking:
    """Forwards what one viewer asks of nodes.

    Parameters
    ----------
    host : Host
        The gateway.
    answer : callable
        Sends a frame to the viewer, now or when it reads again.
    """

    def __init__(self, host: Host, answer: Callable[[AckFrame | ResultFrame], None]) -> None:
        self._host = host
        self._answer = answer
        self._running: set[asyncio.Task[None]] = set()

    def ask(self, frame: CommandFrame, token: str, trader: str) -> None:
        """Forward a command to the node of `trader`, unless the frame names another.

        Raises
        ------
        InputError
            When its id is none: it could not be answered.
        """
        if not 0 < len(frame.id) <= 64:
            raise InputError("a command's id must have 1 to 64 characters", value=len(frame.id))
        if len(self._running) >= MOST_COMMANDS:
            error = InputError(
                f"a viewer may have {MOST_COMMANDS} commands at once",
                remedy="it was not done; wait for the others",
            )
            self._answer(_framed(as_result(frame.id, error)))
            return
        task = asyncio.create_task(
            self._forward(frame, token, frame.trader or trader), name=f"command {frame.name}"
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def leave(self) -> None:
        """Wait for no answer any more; what was forwarded goes on in the node."""
        for task in self._running:
            task.cancel()

    async def _forward(self, frame: CommandFrame, token: str, trader: str) -> None:
        try:
            result = await self._result(frame, token, trader)
        except LabError as error:
            result = as_result(frame.id, error)
        except Exception:
            _log.exception("command %s could not be forwarded", frame.name)
            unknown = OutcomeUnknown(
                "a command must not fail in the gateway", value=frame.id, remedy="see its log"
            )
            result = as_result(frame.id, unknown)
        self._answer(_framed(result))

    async def _result(self, frame: CommandFrame, token: str, trader: str) -> Result:
        if not 0 < frame.timeout_s <= _LONGEST_WAIT_S:
            raise InputError(
                f"timeout_s must lie in (0, {_LONGEST_WAIT_S:g}]", value=frame.timeout_s
            )
        command = Command(
            id=frame.id,
            name=frame.name,
            version=frame.version,
            principal_token=token,
            deadline_ns=frame.deadline_ns,
            body=frame.body,
        )
        if frame.name in ALERT_COMMANDS:
            self._answer(AckFrame(id=frame.id))
            return await self._host.answer(command)
        if not trader and len(self._host.traders) == 1:
            trader = self._host.traders[0]
        relay = self._host.feed(trader).relay
        # Again: a token may have been taken back since the hello.
        self._require(relay, frame.name, token, trader)
        return await relay.ask(
            command,
            timeout_s=frame.timeout_s,
            on_ack=lambda: self._answer(AckFrame(id=frame.id)),
        )

    def _require(self, relay: CommandRelay, name: str, token: str, trader: str) -> None:
        principal: Principal | None = None
        try:
            principal = self._host.verify(token)
            relay.require(principal, name)
        except AccessDenied as error:
            # A name that the node does not have may be anything, also a secret.
            known = name if relay.answers(name) else "no such command"
            self._host.denied(principal, known, trader, error)
            raise


def _framed(result: Result) -> ResultFrame:
    return ResultFrame(
        id=result.id,
        ok=result.ok,
        body=result.body,
        error=result.error,
        error_type=result.error_type,
        value=result.value,
        remedy=result.remedy,
    )
