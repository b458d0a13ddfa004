"""What a gateway can be asked about itself, on a socket of its own."""

from __future__ import annotations

from nautilus_lab.client import GatewayStatus
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandSpec, CommandTable

GATEWAY_COMMANDS = CommandTable(
    CommandSpec(
        name="gateway.status",
        permission=Permission.NODE_READ,
        answer=GatewayStatus,
        summary="Who is attached, what was sent, and how the process is.",
        reads=True,
    ),
)
