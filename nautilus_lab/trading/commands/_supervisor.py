"""What a supervisor can be asked."""

from __future__ import annotations

import msgspec

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec
from nautilus_lab.trading.commands._node import NodeStatus


class StartTrader(CommandBody, frozen=True, kw_only=True):
    """The settings to start a trader's processes with, as JSON."""

    settings: str


class StopTrader(CommandBody, frozen=True, kw_only=True):
    """The trader to stop."""

    trader: str


class LabStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor keeps: its own process, the gateway's, and every trader's node."""

    pid: int
    gateway: str = ""
    traders: tuple[NodeStatus, ...] = ()


SUPERVISOR_SPECS = (
    CommandSpec(
        name="supervisor.status",
        permission=Permission.NODE_READ,
        summary="What runs.",
        reads=True,
    ),
    CommandSpec(
        name="supervisor.start",
        permission=Permission.NODE_START,
        body=StartTrader,
        summary="Start a trader's venue and node, and the gateway; answers when it trades.",
    ),
    CommandSpec(
        name="supervisor.stop",
        permission=Permission.NODE_STOP,
        body=StopTrader,
        summary="Stop a trader's node and venue; the last one ends gateway and supervisor too.",
    ),
    CommandSpec(
        name="supervisor.shutdown",
        permission=Permission.NODE_STOP,
        summary="Stop every trader, the gateway and the supervisor.",
    ),
)
