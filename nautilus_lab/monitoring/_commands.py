"""What the monitor can be asked."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import ACKNOWLEDGE, CommandSpec, CommandTable, MonitorStatus

MONITOR_COMMANDS = CommandTable(
    CommandSpec(
        name="monitor.status",
        permission=Permission.NODE_READ,
        answer=MonitorStatus,
        summary="What was delivered where, and whose heartbeat is late.",
        reads=True,
    ),
    ACKNOWLEDGE,
)
