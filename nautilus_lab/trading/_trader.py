"""One trader of a workspace, and the way to its node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading._channel import Channel

COMMAND_S = 10.0


class Trader:
    """Whose settings, run directory and node everything that a notebook asks for is about."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._home = Home(settings.home_path)
        self._rundir = self._home.trader(settings.trading.trader_id)
        self._channel = Channel(settings)

    async def command(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None = None,
        *,
        timeout_s: float = COMMAND_S,
        command_id: str | None = None,
        answer: Any = None,
    ) -> Any:
        """Ask the node for anything of its table of commands, as the owner of its socket.

        Parameters
        ----------
        name : str
            The command, as docs/commands.md lists them: ``"strategy.list"``.
        body : Struct or mapping, optional
            Its arguments.
        timeout_s : float, default=10
            Seconds to wait for the result.
        command_id : str, optional
            The id of an earlier command, to ask for its result.
        answer : type, optional
            What the result is converted to; plain values when not given.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        DeadlineExceeded
            When no result came in time; whether the command was done is not known.
        LabError
            Of the very class that the node raised.
        """
        return await self._channel.ask_node(
            name, body, timeout_s, command_id=command_id, answer=answer
        )
