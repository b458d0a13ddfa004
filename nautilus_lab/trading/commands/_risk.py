"""What a node can be asked about its trading state."""

from __future__ import annotations

from nautilus_lab.platform.commands import CommandSpec

RISK_SPECS: tuple[CommandSpec, ...] = ()
