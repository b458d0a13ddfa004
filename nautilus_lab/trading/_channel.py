"""Reaching the supervisor and the node of a workspace; starting the supervisor when needed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import (
    DeadlineExceeded,
    NodeError,
    NodeNotRunning,
    NotReachable,
    OutcomeUnknown,
)
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home, ProcessRecord, is_answered

_START_S = 15.0
_STOP_S = 30.0
_LOOK_EVERY_S = 0.5

Body: TypeAlias = msgspec.Struct | Mapping[str, object] | None


class Channel:
    """Asks a workspace's supervisor and one trader's node.

    Parameters
    ----------
    settings : Settings
        The workspace; `settings.trading.trader_id` is the trader.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home = Home(settings.home_path)
        self._trader = settings.trading.trader_id

    @property
    def supervised(self) -> bool:
        """Whether a supervisor of this workspace runs."""
        record = ProcessRecord.read_or_set_aside(self._home.supervisor)
        if record is None or record.address != self._home.supervisor_commands:
            return False
        return record.alive

    async def start(self, name: str, body: Mapping[str, object], timeout_s: float) -> object:
        """Ask the supervisor for something to run; starts one when there is none."""
        deadline = time.monotonic() + _START_S
        while True:
            await self._ensure_supervisor()
            try:
                return await self.ask(name, body, timeout_s)
            except NodeNotRunning:
                # One that stopped its last trader is about to leave: wait for that, once more.
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)

    async def ask(self, name: str, body: Mapping[str, object], timeout_s: float) -> object:
        """Ask the supervisor; one that dies meanwhile is not waited for."""
        asked = asyncio.ensure_future(
            self._call(self._home.supervisor_commands, name, body, timeout_s)
        )
        try:
            died = False
            while not asked.done():
                await asyncio.wait((asked,), timeout=_LOOK_EVERY_S)
                # An answer that is on its way has one more look's time to come.
                if died and not asked.done():
                    raise NodeError(
                        "the supervisor must live until it has answered",
                        value=name,
                        remedy=f"ask again; see {self._home.logs / 'supervisor.log'}",
                    )
                died = not self.supervised
            return await asked
        finally:
            asked.cancel()

    async def ask_node(
        self,
        name: str,
        body: Body = None,
        timeout_s: float = 5.0,
        *,
        command_id: str | None = None,
        answer: Any = None,
    ) -> Any:
        """Ask the trader's node; with an `answer`, what it says is converted to that."""
        address = self._home.trader(self._trader).commands
        return await self._call(address, name, body, timeout_s, command_id, answer)

    async def shut_down(self) -> object:
        """Have the supervisor end, and wait for it; raises `DeadlineExceeded` when it does not."""
        record = ProcessRecord.read_or_set_aside(self._home.supervisor)
        told: object = ()
        try:
            told = await self.ask("supervisor.shutdown", {}, 60.0)
        except OutcomeUnknown:
            # It was about to leave, which takes all that it keeps along; that is seen below.
            if record is None:
                raise
        deadline = time.monotonic() + _STOP_S
        while record is not None and record.alive:
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    "the supervisor must end when it is told to",
                    value=f"process {record.pid} after {_STOP_S:g} s",
                    remedy=f"see {self._home.logs / 'supervisor.log'}; kill that process",
                )
            await asyncio.sleep(0.05)
        return told

    async def _ensure_supervisor(self) -> None:
        if self.supervised:
            return
        output = self._home.logs / "supervisor.out"
        self._home.make()
        await asyncio.to_thread(self._launch_supervisor)
        deadline = time.monotonic() + _START_S
        while not self.supervised:
            if time.monotonic() > deadline:
                raise NodeError(
                    "the supervisor must start",
                    value=f"not there after {_START_S:g} s",
                    remedy=f"see {output}",
                )
            await asyncio.sleep(0.05)

    def _launch_supervisor(self) -> None:
        path = self._home.logs / "supervisor.out"
        try:
            with open(path, "ab", opener=_privately) as output:
                subprocess.run(
                    [
                        # -P: what lies in the current folder is no module of ours.
                        *(sys.executable, "-P", "-m", "nautilus_lab.trading.supervisor"),
                        "--detach",
                        *("--home", str(self._home.path)),
                        *("--log-level", self._settings.log_level),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    check=True,
                )
        except (OSError, subprocess.CalledProcessError) as error:
            raise NodeError(
                f"the supervisor must start: {error}", value=str(path), remedy=f"see {path}"
            ) from None

    async def _call(
        self,
        address: str,
        name: str,
        body: Body,
        timeout_s: float,
        command_id: str | None = None,
        answer: Any = None,
    ) -> Any:
        try:
            return await CommandClient(address).call(
                name, body or None, timeout_s=timeout_s, command_id=command_id, answer=answer
            )
        except NodeNotRunning:
            raise
        except NotReachable:
            if is_answered(address):
                raise  # it is there, and busy or frozen
            raise NodeNotRunning(
                "a trading node must be running",
                value=f"trader {self._trader} in {self._home.path}",
                remedy="start one: await lab.trading.start(), or nautilus-lab node start",
            ) from None


def _privately(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CLOEXEC, 0o600)
