"""What the monitor can be asked."""

from __future__ import annotations

import msgspec

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec, CommandTable


class Acknowledge(CommandBody, frozen=True, kw_only=True):
    """Which alert somebody has seen to, and what was found or done."""

    alert_id: str
    note: str = ""


class AcknowledgedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that somebody has seen to: who did first, when, and what was said."""

    alert_id: str
    rule: str
    by: str
    acknowledged_ns: int
    note: str = ""


class ChannelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is: what it sent, what it refused, what went wrong last, and since when."""

    name: str
    sent: int = 0
    refused: int = 0
    trouble: str = ""
    trouble_ns: int = 0


class MonitorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the monitor is: what it took on, which channels it has, whose beats are late."""

    pid: int
    taken: int
    channels: tuple[ChannelStatus, ...]
    late: tuple[str, ...] = ()
    trouble: str = ""
    rss_mib: float = 0.0


MONITOR_COMMANDS = CommandTable(
    CommandSpec(
        name="monitor.status",
        permission=Permission.NODE_READ,
        answer=MonitorStatus,
        summary="What was delivered where, and whose heartbeat is late.",
        reads=True,
    ),
    CommandSpec(
        name="alerts.acknowledge",
        permission=Permission.ALERTS_ACKNOWLEDGE,
        body=Acknowledge,
        answer=AcknowledgedAlert,
        summary="Say that an alert is seen to, which ends its climb; who says so first stays.",
    ),
)
