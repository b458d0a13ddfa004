"""Letting a trader do less, whatever still runs of its lab."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError, LabError, StoreError
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.commands import CommandClient, HaltTrading, ReduceOnly, StateOfTrading
from nautilus_lab.platform.rundir import Home, Latch, RunDirectory, Standing, is_answered

# Seconds for the node to confirm; its latch halts it without that, within a quarter of one.
_TELL_S = 5.0

Tighter: TypeAlias = Literal["REDUCE_ONLY", "HALTED", "KILLED"]


@dataclass(frozen=True, kw_only=True)
class Tightened:
    """What a trader may do after it was tightened.

    Attributes
    ----------
    trader : str
        The trader id.
    state : {"REDUCE_ONLY", "HALTED", "KILLED"}
        What holds: as tight as was asked for, or tighter where it was so before.
    reason, by : str
        Why, and who said so.
    latched : bool
        Whether it is on the disk, and holds for every later start too.
    node : str
        ``"told"``, ``"does not run"``, or why its node could not be told; it reads the latch.
    cancelling : int
        How many orders the node was made to cancel.
    moved : bool
        Whether this is what made it so; False when it was as tight before, for that `reason`.
    """

    trader: str
    state: Standing
    reason: str
    by: str
    latched: bool
    node: str
    cancelling: int = 0
    moved: bool = True

    def __str__(self) -> str:
        latch = "" if self.latched else "; NOT in its latch: a restart forgets it"
        orders = "1 order is" if self.cancelling == 1 else f"{self.cancelling} orders are"
        cancelled = f", {orders} cancelled" if self.cancelling else ""
        held = f"{self.state} ({self.reason})"
        held = f"is {held}" if self.moved else f"was {held} before and stays so"
        return f"{self.trader} {held}; node {self.node}{cancelled}{latch}"


async def tighten(
    rundir: RunDirectory,
    to: Tighter,
    *,
    reason: str,
    cancel_orders: bool = False,
    by: str | None = None,
) -> Tightened:
    """Write a trader's latch, then tell its node; returns what holds.

    The latch is the file owner's right. It takes no node, bus, store, gateway or supervisor. It
    says that `by` did it, the user of this process when not given.

    Raises
    ------
    InputError
        When there is no such trader, or no reason is given.
    StoreError
        When the latch cannot be written, and no node was there to be told: nothing holds then.
    """
    if not rundir.path.is_dir():
        raise InputError(
            "a trader must be one of this workspace",
            value=f"{rundir.trader_id}, looked for in {rundir.path.parent}",
            remedy="nautilus-lab traders shows them",
        )
    body: HaltTrading | ReduceOnly
    if to == "REDUCE_ONLY":
        body = ReduceOnly(reason=reason, cancel_orders=cancel_orders)
    else:
        body = HaltTrading(reason=reason, cancel_orders=cancel_orders, kill=to == "KILLED")
    by = by or Principal.owner().name
    latch = Latch(rundir.latch, witness=rundir.store)
    failed: StoreError | None = None
    before = latch.read()
    moved = True
    try:
        moved = await asyncio.to_thread(latch.tighten, to, reason=reason, by=by) != before
    except StoreError as error:
        failed = error
    told = await _tell(rundir, body)
    if isinstance(told, StateOfTrading):
        return Tightened(
            trader=rundir.trader_id,
            state=told.state,
            reason=told.reason,
            by=told.by,
            latched=failed is None or told.durable,
            node="told",
            cancelling=told.cancelling,
            moved=moved,
        )
    if failed is not None:
        raise failed
    held = latch.read()
    return Tightened(
        trader=rundir.trader_id,
        state=held.state,
        reason=held.reason,
        by=held.by,
        latched=True,
        node=told,
        moved=moved,
    )


async def tighten_all(
    home: Home, to: Tighter, *, reason: str, cancel_orders: bool = False
) -> tuple[Tightened, ...]:
    """Do so with every trader of a home at once, by name.

    Raises
    ------
    InputError
        When there is none.
    StoreError
        When one or more could not be tightened, after all others were; names them.
    """
    traders = home.trader_ids
    if not traders:
        raise InputError(
            "a workspace must have a trader",
            value=str(home.path),
            remedy="go to the folder of the workspace, or name it: nautilus-lab --root FOLDER ...",
        )
    done = await asyncio.gather(
        *(
            tighten(home.trader(name), to, reason=reason, cancel_orders=cancel_orders)
            for name in traders
        ),
        return_exceptions=True,
    )
    failed = {n: one for n, one in zip(traders, done, strict=True) if isinstance(one, Exception)}
    for error in failed.values():
        if not isinstance(error, StoreError):
            raise error
    if failed:
        raise StoreError(
            f"every trader must be {to}",
            value="; ".join(f"{name}: {error}" for name, error in failed.items()),
            remedy="all others are; mend these folders, or end their nodes: nautilus-lab node stop",
        )
    return tuple([one for one in done if isinstance(one, Tightened)])


async def _tell(rundir: RunDirectory, body: HaltTrading | ReduceOnly) -> StateOfTrading | str:
    name = "risk.reduce_only" if isinstance(body, ReduceOnly) else "risk.halt"
    try:
        told: StateOfTrading = await CommandClient(rundir.commands).call(
            name, body, timeout_s=_TELL_S, answer=StateOfTrading
        )
    except LabError as error:
        if not is_answered(rundir.commands):
            return "does not run"
        return f"could not be told: {error.rule}"
    return told
