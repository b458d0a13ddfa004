"""The limits of a trader: their use, loosening, leases and measures."""

from __future__ import annotations

from typing import Any

from nautilus_lab.platform.commands import (
    AcceptDrawdown,
    EnableStrategy,
    LimitsView,
    OneLoosening,
    ProposeLoosening,
)
from nautilus_lab.risk.limits import Measures
from nautilus_lab.trading._firm import FirmLease, firm_lease_log, firm_leases, release_leases
from nautilus_lab.trading._measures_file import write_measures
from nautilus_lab.trading._measures_view import MeasuresView, measures_view
from nautilus_lab.trading._trader import Trader


class TraderLimits(Trader):
    """How much of each limit is used, and what makes one looser or measures it."""

    async def limits(self) -> LimitsView:
        """Return how much of each limit is used, and which strategies limits disabled.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        """
        view: LimitsView = await self.command("risk.limits", answer=LimitsView)
        return view

    async def enable(self, strategy: str, reason: str) -> LimitsView:
        """Let a strategy that a limit disabled send orders again; audits who decided it.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        InputError
            When the strategy is not disabled.
        """
        body = EnableStrategy(strategy=strategy, reason=reason)
        view: LimitsView = await self.command("risk.enable", body, answer=LimitsView)
        return view

    async def accept_drawdown(self, reason: str) -> LimitsView:
        """Count drawdowns from the equity of now on; audits who decided it.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        InputError
            When the equity is not known, or not below the highest there was.
        """
        body = AcceptDrawdown(reason=reason)
        view: LimitsView = await self.command("risk.accept_drawdown", body, answer=LimitsView)
        return view

    async def propose_loosening(
        self, limit: str, to: float, reason: str, *, lasts_s: float = 3_600.0
    ) -> LimitsView:
        """Ask that a limit be looser than it stands; nothing is looser until another approves.

        Parameters
        ----------
        limit : str
            What it goes by: its name, or the key of its rule.
        to : float
            The part of its base that is asked for, in whole percents, at most the rule's ceiling.
        reason : str
            Why.
        lasts_s : float, default=3600
            Until it is over, counted from now, seconds; a session at most.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        InputError
            When it is not looser than what holds, beyond the ceiling, or too long.
        """
        body = ProposeLoosening(limit=limit, to=to, reason=reason, lasts_s=lasts_s)
        view: LimitsView = await self.command("limits.propose", body, answer=LimitsView)
        return view

    async def approve_loosening(self, request: str) -> LimitsView:
        """Grant what another person asked for.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        AccessDenied
            When it was asked for by the same person.
        LifecycleError
            When it is over, or the trader is HALTED or KILLED.
        """
        body = OneLoosening(request=request)
        view: LimitsView = await self.command("limits.approve", body, answer=LimitsView)
        return view

    async def revoke_loosening(self, request: str) -> LimitsView:
        """End what was granted, or take back what was asked for.

        Raises
        ------
        NodeNotRunning
            When no node runs.
        """
        body = OneLoosening(request=request)
        view: LimitsView = await self.command("limits.revoke", body, answer=LimitsView)
        return view

    def leases(self) -> tuple[FirmLease, ...]:
        """Return what the nodes of this workspace hold of its firm limits; asks no process.

        Raises
        ------
        StoreError
            When the ledger cannot be read.
        """
        return firm_leases(self.settings)

    def lease_log(self, *, node: str | None = None, most: int | None = 20) -> tuple[Any, ...]:
        """Return what became of leases, the latest first, as `LeaseEventRow`.

        Parameters
        ----------
        node : str, optional
            Only of this one.
        most : int or None, default=20
            At most so many; None for all.

        Raises
        ------
        StoreError
            When the ledger cannot be read.
        """
        return firm_lease_log(self.settings, node=node, most=most)

    def release_leases(self, node: str, reason: str) -> tuple[FirmLease, ...]:
        """Give up what a node holds in doubt that will not come back; audits who decided it.

        Its positions and orders are still where they were: see to them first.

        Raises
        ------
        InputError
            When it holds nothing, its lease still runs, or there is no reason.
        StoreError
            When it cannot be written.
        """
        return release_leases(self.settings, node, reason)

    def tell_measures(self, measures: Measures) -> None:
        """Give the node the measures that its limits need; it takes them at its next look.

        They are kept in the run directory, also over a restart, each with the time it is of: what
        gets too old fails. Of one that the lab measures itself as well the later one is taken.

        Raises
        ------
        InputError
            When one is not finite.
        StoreError
            When they cannot be written.
        """
        rundir = self._home.make().trader(self._rundir.trader_id).make()
        write_measures(rundir.measures, measures)

    def measures(self) -> MeasuresView:
        """Return the measures that are kept for the trader's limits; asks no process.

        Raises
        ------
        StoreError
            When a file is there and cannot be read.
        """
        return measures_view(self._rundir, self.settings)
