"""The second step: what follows from a latch, at the nodes and where need be at the venues."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from nautilus_lab.exceptions import LabError, StoreError
from nautilus_lab.kill_switch._tightened import Tightened, Tighter
from nautilus_lab.platform.commands import CommandClient, HaltTrading, ReduceOnly, StateOfTrading
from nautilus_lab.platform.latch import Latch, Latched
from nautilus_lab.platform.rundir import RunDirectory, is_answered

# Seconds for the node to confirm; its latch halts it without that, within a quarter of one.
_TELL_S = 5.0
# A node that is well has sent its cancels by then. One that is not may be stopped, wait for a disk,
# or run somebody's endless loop; its venue need not wait for that.
_DIRECTLY_AFTER_S = 0.3
_VENUE_S = 1.0
# A node that is far behind its market still reads it by then, and is told.
_READ_S = 2.5


async def follow(
    latched: Iterable[Latched], to: Tighter, *, cancel_orders: bool
) -> list[Tightened | StoreError]:
    """Tell all nodes at once, and the venues of those that do not answer; in the order given.

    A trader whose latch could not be written and whose node was not told is a `StoreError`.
    """
    return await asyncio.gather(
        *(_follow_one(one, _body(one, to, cancel_orders)) for one in latched)
    )


def _body(latched: Latched, to: Tighter, cancel_orders: bool) -> HaltTrading | ReduceOnly:
    if to == "REDUCE_ONLY":
        return ReduceOnly(reason=latched.reason, cancel_orders=cancel_orders)
    return HaltTrading(reason=latched.reason, cancel_orders=cancel_orders, kill=to == "KILLED")


async def _follow_one(latched: Latched, body: HaltTrading | ReduceOnly) -> Tightened | StoreError:
    folder = latched.folder
    rundir = RunDirectory(Path(folder.path), folder.trader_id)
    telling = asyncio.ensure_future(_tell(rundir, body))
    pulled, unanswered = 0, list[str]()
    # Only the node knows which orders reduce a position.
    if body.cancel_orders and isinstance(body, HaltTrading):
        await asyncio.wait({telling}, timeout=_DIRECTLY_AFTER_S)
        if not (telling.done() and isinstance(telling.result(), StateOfTrading)):
            pulled, unanswered = await _pull(rundir)
    told = await telling
    if isinstance(told, StateOfTrading):
        return Tightened(
            trader=rundir.trader_id,
            state=told.state,
            reason=told.reason,
            by=told.by,
            latched=latched.failed is None or told.durable,
            node="told",
            cancelling=told.cancelling,
            pulled=pulled,
            moved=latched.moved,
        )
    if latched.failed is not None:
        error = latched.failed
        return type(error)(error.rule, value=error.value, remedy=error.remedy)
    held = Latch(rundir.latch, witness=rundir.store).read()
    return Tightened(
        trader=rundir.trader_id,
        state=held.state,
        reason=held.reason,
        by=held.by,
        latched=True,
        node=told,
        pulled=pulled,
        unanswered=tuple(unanswered),
        moved=latched.moved,
    )


async def _tell(rundir: RunDirectory, body: HaltTrading | ReduceOnly) -> StateOfTrading | str:
    name = "risk.reduce_only" if isinstance(body, ReduceOnly) else "risk.halt"
    try:
        told: StateOfTrading = await CommandClient(rundir.commands, ack_timeout_s=_READ_S).call(
            name, body, timeout_s=_TELL_S, answer=StateOfTrading
        )
    except LabError as error:
        if not is_answered(rundir.commands):
            return "does not run"
        return f"could not be told: {error.rule}"
    return told


async def _pull(rundir: RunDirectory) -> tuple[int, list[str]]:
    """Ask every venue of a trader; return how many orders they cancelled, and who is away."""
    venues = rundir.venues()
    if not venues:
        return 0, []
    from nautilus_lab.execution.paper import cancel_everything

    answers = await asyncio.gather(
        *(cancel_everything(files.orders, timeout_s=_VENUE_S) for files in venues.values()),
        return_exceptions=True,
    )
    pulled, unanswered = 0, []
    for name, answer in zip(venues, answers, strict=True):
        if isinstance(answer, LabError):
            runs = is_answered(venues[name].orders)
            unanswered.append(f"venue {name} {'does not answer' if runs else 'does not run'}")
        elif isinstance(answer, BaseException):
            raise answer
        else:
            pulled += answer
    return pulled, unanswered
