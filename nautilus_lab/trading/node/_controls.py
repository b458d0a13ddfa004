"""The controls of a trader: its gate, and what sets, leases, tightens and loosens it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.execution.gate import (
    Adjusting,
    AuditedAdjustment,
    Gate,
    HighWater,
    StopLoss,
    StrategySwitch,
    TradingSwitch,
    build_limits,
)
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import Home, RunDirectory, Standing
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.risk.leases import Appetite, Leased
from nautilus_lab.risk.limits import DailyLoss, Finding, LimitBook
from nautilus_lab.trading._lease_trail import audited_change
from nautilus_lab.trading._leases import HomeLedger
from nautilus_lab.trading._needs import needs_of
from nautilus_lab.trading.node._agreement import Agreed
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._disabled import read_disabled
from nautilus_lab.trading.node._equity import EquityKeeper
from nautilus_lab.trading.node._execution import PaperExecutionClient
from nautilus_lab.trading.node._foresight import Foresight
from nautilus_lab.trading.node._high_water import audited_high_water
from nautilus_lab.trading.node._interest import SharedInterest
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._leases import LeaseKeeper
from nautilus_lab.trading.node._limits import LimitDesk
from nautilus_lab.trading.node._mass_cancel import MassCancels
from nautilus_lab.trading.node._resuming import Resuming
from nautilus_lab.trading.node._standing import audited_standing, loosened_unaudited
from nautilus_lab.trading.node._states import TradingStates

# So long the cancels of a halt have to leave before its telling may wait for a disk.
_TELL_AFTER_S = 0.02
_AUDIT = "audit"
# Rows among which the last move of the trader is; those who were refused to resume are others.
_MOST_MOVES = 1_000
# for so long what a rule reads may be missing before that tightens; nothing increases meanwhile
_WAIT_FOR_INPUTS_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What stands between the strategies of a node and its venues.

    Attributes
    ----------
    leases : LeaseKeeper
        Keeps this trader's share of the firm's limits.
    gate : Gate
        Checks each order.
    mass_cancels : MassCancels
        Cancels everything at the venues when the trader is killed.
    states : TradingStates
        What the trader may do at all: trade, reduce, nothing.
    resuming : Resuming
        Loosens that again.
    limits : LimitDesk
        Shows the limits, has them adjusted, and watches those of the account.
    equity : EquityKeeper
        Stores what the account is worth.
    interest : SharedInterest
        Tells the other nodes of the home at which prices this one rests, and hears theirs.
    """

    leases: LeaseKeeper
    gate: Gate
    mass_cancels: MassCancels
    states: TradingStates
    resuming: Resuming
    limits: LimitDesk
    equity: EquityKeeper
    interest: SharedInterest


def install_controls(
    kernel: Any,
    switch: TradingSwitch,
    *,
    settings: Settings,
    home: Home,
    rundir: RunDirectory,
    store: TradingStore,
    trail: AuditTrail,
    journal: StoreJournal,
    desk: Desk,
    executions: Sequence[PaperExecutionClient],
    on_checked: Callable[[Sequence[Finding]], None],
    on_cancel: Callable[[Any], None],
    check: Callable[[], Awaitable[Agreed]],
    owners: Callable[[], Mapping[str, str]],
) -> Controls:
    """Install the gate in a kernel that is built and does not run yet, with all that steers it.

    Parameters
    ----------
    kernel : NautilusKernel
        Whose orders are checked.
    switch : TradingSwitch
        What the trader may do, as its latch has it.
    settings : Settings
        The workspace's settings as they were when the node was asked for.
    home : Home
        Whose ledger leases, and whose traders are heard.
    rundir : RunDirectory
        This node's.
    store : TradingStore
        Says whether a limit was ever adjusted.
    trail : AuditTrail
        Where decisions are written before they hold.
    journal : StoreJournal
        Where the gate notes an order before it goes on.
    desk : Desk
        Tells and publishes.
    executions : sequence of PaperExecutionClient
        Who cancels everything when the trader is killed.
    on_checked : callable
        Called with what the gate found of an order that it let through.
    on_cancel : callable
        Called with each cancel that went on its way.
    check : callable
        Holds our book against the venues': `Agreement.check`.
    owners : callable
        Returns strategy -> who had it run.

    Returns
    -------
    Controls
    """
    trading = settings.trading
    leases = _lease(build_limits(trading), settings, home, desk, trail)
    limits = leases.limits
    gate = Gate(
        kernel,
        checks=limits,
        strategies=StrategySwitch(rundir.disabled),
        journal=journal,
        state=switch,
        hand_over=asyncio.get_running_loop().call_soon_threadsafe,
        on_checked=on_checked,
        on_denied=desk.on_denied,
        on_cancel=on_cancel,
    )
    leases.standing = lambda: gate.checks
    gate.install()
    mass_cancels = MassCancels(
        {client.venue.value: client.cancel_everything for client in executions}
    )
    for at, deposit in desk.accounts.deposits.items():
        gate.book.set_cash(at, deposit)  # every fill is played again from here
    states = TradingStates(
        kernel,
        switch,
        trader=trading.trader_id,
        tell=desk.tell,
        publish=desk.state,
        trail=trail,
        book=gate.book,
        stop_loss=_stop_loss(
            leases, path=rundir.day, confirmations=trading.stop_loss_confirmations
        ),
        stop_loss_state=_stop_loss_state(limits, trading.stop_loss_state),
        mass_cancels=mass_cancels,
        later=partial(asyncio.get_running_loop().call_later, _TELL_AFTER_S),
        resume_asked=rundir.resume_asked,
        single_person=trading.single_person,
    )
    _hold_to_trail(states, switch, store)
    resuming = Resuming(
        states,
        check=check,
        owners=owners,
        trail=trail,
        asked=rundir.resume_asked,
        single_person=trading.single_person,
        within_s=trading.resume_within_s,
    )
    equity = EquityKeeper(
        store,
        gate.book,
        limits,
        trader=trading.trader_id,
        epoch=desk.epoch,
        confirmations=trading.stop_loss_confirmations,
        simulated=True,
        now_ns=kernel.clock.timestamp_ns,
    )
    limit_desk = LimitDesk(
        kernel,
        gate,
        limits,
        trader=trading.trader_id,
        states=states,
        tell=desk.tell,
        publish=desk.state,
        trail=trail,
        measures=rundir.measures,
        measured=rundir.measured,
        measuring=trading.measures if needs_of(trading) else None,
        high_water=HighWater(
            rundir.high_water,
            confirmations=trading.stop_loss_confirmations,
            audited=audited_high_water(store),
        ),
        day_highs=equity.highs,
        strategy_days=equity.days,
        adjusting=Adjusting(
            limits,
            path=rundir.adjusted,
            must_exist=bool(store.audit_tail(1, kind="limit.adjusted")),
            wait_s=_WAIT_FOR_INPUTS_S,
            audited=partial(_audited_adjustments, store),
        ),
        foresight=Foresight(trading.early_warning),
    )
    limit_desk.hold_disabled(read_disabled(store))
    interest = SharedInterest(home, rundir, gate.book)
    interest.hear()
    desk.monitored = frozenset(limit.name for limit in limits.monitored)
    return Controls(
        leases=leases,
        gate=gate,
        mass_cancels=mass_cancels,
        states=states,
        resuming=resuming,
        limits=limit_desk,
        equity=equity,
        interest=interest,
    )


def _hold_to_trail(states: TradingStates, switch: TradingSwitch, store: TradingStore) -> None:
    """Tighten a trader whose latch was loosened, or taken away, while no node ran."""
    audited = audited_standing(store.audit_tail(_MOST_MOVES, kind="trading."))
    if why := loosened_unaudited(switch.held, audited):
        assert audited is not None
        # What works is cancelled as the node begins, once it can reach its venues.
        switch.tighten(
            audited.state,
            reason=why,
            by=_AUDIT,
            automatic=True,
            cancel_orders=audited.cancel_orders,
        )
        states.tighten(audited.state, reason=why, by=_AUDIT, automatic=True)


def _audited_adjustments(store: TradingStore, kind: str, most: int) -> list[AuditedAdjustment]:
    return [
        AuditedAdjustment(kind=row.kind, actor=row.actor, facts=msgspec.json.decode(row.body))
        for row in store.audit_tail(most, kind=kind)
    ]


def _lease(
    limits: LimitBook, settings: Settings, home: Home, desk: Desk, trail: AuditTrail
) -> LeaseKeeper:
    """Have what is shared out of the firm's limits leased from the home's ledger."""
    firm = settings.firm
    # A request that waits for longer would be answered when its lease is nearly over.
    patience_ms = min(settings.store.busy_timeout_ms, int(firm.lease_s * 250))
    return LeaseKeeper(
        limits,
        node=settings.trading.trader_id,
        open_ledger=lambda: HomeLedger.open(
            home.leases,
            busy_timeout_ms=patience_ms,
            audited=partial(audited_change, home),
        ),
        tell=desk.tell,
        trail=trail,
        span_s=firm.lease_s,
        appetite=Appetite(step=firm.lease_step),
    )


def _stop_loss(leases: LeaseKeeper, *, path: Path, confirmations: int) -> StopLoss | None:
    day = leases.limits.day_stop or day_of_the_firm(leases.leased)
    if day is None:
        return None
    return StopLoss(day, path=path, confirmations=confirmations)


def _stop_loss_state(limits: LimitBook, to: Standing) -> Standing:
    """Return where the loss of the day moves the trader to; a limit that says halt has its way."""
    day = limits.day_stop
    return "HALTED" if day is not None and day.action == "halt" else to


def day_of_the_firm(leased: Sequence[Leased]) -> DailyLoss | None:
    """Return the firm's loss of the day as the most that this account alone may lose."""
    for one in leased:
        if isinstance(one.limit, DailyLoss):
            return replace(one.limit, per="account")
    return None
