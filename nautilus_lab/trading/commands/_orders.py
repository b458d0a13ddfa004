"""What a node can be asked about orders."""

from __future__ import annotations

from nautilus_lab.platform.commands import CommandSpec

ORDER_SPECS: tuple[CommandSpec, ...] = ()
