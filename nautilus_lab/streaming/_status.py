"""What a gateway can be asked about itself, and about alerts, on a socket of its own."""

from __future__ import annotations

from nautilus_lab.client import GatewayStatus
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import ACKNOWLEDGE, ASK_ALERTS, CommandSpec, CommandTable

GATEWAY_COMMANDS = CommandTable(
    CommandSpec(
        name="gateway.status",
        permission=Permission.NODE_READ,
        answer=GatewayStatus,
        summary="Who is attached, what was sent, and how the process is.",
        reads=True,
    ),
    ASK_ALERTS,
    ACKNOWLEDGE,
)
