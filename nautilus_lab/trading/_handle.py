"""What a notebook holds of a node that runs somewhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.kill_switch import Tightened
from nautilus_lab.platform.commands import StateOfTrading
from nautilus_lab.trading._logs import LogView
from nautilus_lab.trading.commands import NodeStatus, Stopped

if TYPE_CHECKING:
    from nautilus_lab.client import Desk
    from nautilus_lab.trading._engine import TradingEngine


@dataclass(frozen=True)
class Node:
    """A trading node that runs somewhere else; this object may be lost freely.

    Attributes
    ----------
    trader : str
        The trader id.
    pid : int
        The node's process when it was started or attached to.
    engine : TradingEngine
        What it was started with.
    """

    trader: str
    pid: int
    engine: TradingEngine

    async def status(self) -> NodeStatus:
        """Ask the node how it is."""
        return await self.engine.status()

    async def connect(self) -> Desk:
        """Open a desk on the node: live orders, positions, quotes, P&L."""
        from nautilus_lab.client import connect

        return await connect(self.trader, root=self.engine.settings.root)

    async def hold(self, weights: Mapping[str, float], *, name: str = "targets") -> None:
        """Trade towards `weights` (symbol -> fraction of equity) from now on."""
        await self.engine.hold(weights, name=name)

    async def halt(self, reason: str, *, cancel_orders: bool = False) -> Tightened:
        """Let nothing but cancels through, also after a restart."""
        return await self.engine.halt(reason, cancel_orders=cancel_orders)

    async def resume(self, reason: str) -> StateOfTrading:
        """Let everything through again."""
        return await self.engine.resume(reason)

    def logs(self, most: int = 50, *, of: str = "node", follow: bool = False) -> LogView:
        """Return the end of a log of this trader; see `TradingEngine.logs`."""
        return self.engine.logs(most, of=of, follow=follow)

    async def restart(self) -> Node:
        """Stop the node and start it again; its venues stay."""
        return await self.engine.restart()

    async def stop(self) -> Stopped:
        """Stop the node and its venues; positions and working orders stay in their books."""
        return await self.engine.stop()

    def __repr__(self) -> str:
        return f"Node({self.trader}, pid {self.pid})"
