"""What a trader may do: halted, reduced, killed and resumed."""

from __future__ import annotations

from typing import Literal

from nautilus_lab.kill_switch import Tightened, tighten, tighten_all
from nautilus_lab.platform.commands import ResumeTrading, StateOfTrading
from nautilus_lab.platform.rundir import Latch, LatchState
from nautilus_lab.trading._trader import Trader


class TraderState(Trader):
    """The trading state, tightened by anybody and loosened by who may."""

    async def halt(self, reason: str, *, cancel_orders: bool = False) -> Tightened:
        """Let nothing but cancels through, also after a restart; see `tighten`."""
        return await tighten(self._rundir, "HALTED", reason=reason, cancel_orders=cancel_orders)

    async def reduce_only(self, reason: str, *, cancel_orders: bool = False) -> Tightened:
        """Let only cancels and what reduces a position through; see `tighten`."""
        return await tighten(
            self._rundir, "REDUCE_ONLY", reason=reason, cancel_orders=cancel_orders
        )

    async def kill(self, reason: str) -> Tightened:
        """Let nothing but cancels through, and cancel what works; see `tighten`."""
        return await tighten(self._rundir, "KILLED", reason=reason, cancel_orders=True)

    async def kill_all(self, reason: str) -> tuple[Tightened, ...]:
        """Do so with every trader of the workspace."""
        return await tighten_all(self._home, "KILLED", reason=reason, cancel_orders=True)

    async def resume(
        self, reason: str, *, to: Literal["ACTIVE", "REDUCE_ONLY"] = "ACTIVE"
    ) -> StateOfTrading:
        """Let more through again; the node must run, and audits who decided it.

        The node asks its venues first: orders, positions and cash must be as they have them. A
        killed trader is resumed when another person asked for it: `ask_resume`.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        InputError
            When `to` is no looser than what holds, or nobody has asked to resume a killed trader.
        NodeError
            When the book differs from what a venue says, or a venue says nothing; names what.
        AccessDenied
            When you have strategies run there, or asked for it yourself.
        """
        body = ResumeTrading(reason=reason, to=to)
        state: StateOfTrading = await self.command("risk.resume", body, answer=StateOfTrading)
        return state

    async def ask_resume(
        self, reason: str, *, to: Literal["ACTIVE", "REDUCE_ONLY"] = "ACTIVE"
    ) -> StateOfTrading:
        """Ask that a killed trader trades again; another person resumes it, before it runs out.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        InputError
            When the trader is not killed: then `resume` is enough.
        AccessDenied
            When you have strategies run there.
        """
        body = ResumeTrading(reason=reason, to=to)
        state: StateOfTrading = await self.command("risk.ask_resume", body, answer=StateOfTrading)
        return state

    @property
    def may(self) -> LatchState:
        """What the trader may do, since when and why, as its latch says; asks no process."""
        return Latch(self._rundir.latch, witness=self._rundir.store).read()
