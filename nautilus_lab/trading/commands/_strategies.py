"""What a node can be asked about its strategies."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec


class NewTargets(CommandBody, frozen=True, kw_only=True):
    """Target weights: symbol -> fraction of equity, and what to call them."""

    weights: dict[str, float]
    name: str


STRATEGY_SPECS = (
    CommandSpec(
        name="node.targets",
        permission=Permission.STRATEGY_CONTROL,
        body=NewTargets,
        summary="Trade towards these target weights from now on, also after a restart.",
    ),
)
