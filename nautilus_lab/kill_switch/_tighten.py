"""Latch, tell the node, and where it does not answer the venue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.kill_switch._following import follow
from nautilus_lab.kill_switch._tightened import Tightened, Tighter
from nautilus_lab.platform.latch import Latched, TraderFolder, latch_traders
from nautilus_lab.platform.rundir import Home, RunDirectory


async def tighten(
    rundir: RunDirectory,
    to: Tighter,
    *,
    reason: str,
    cancel_orders: bool = False,
    by: str | None = None,
) -> Tightened:
    """Write a trader's latch, then tell its node; returns what holds.

    The latch is the file owner's right. It takes no node, bus, store, gateway or supervisor. Where
    all that works is to be cancelled and the node has not answered in a fraction of a second, its
    paper venues are asked directly. It says that the user of this process did it; a process that
    does it by itself says `by`.

    Raises
    ------
    InputError
        When there is no such trader, or no reason is given.
    StoreError
        When the latch cannot be written, and no node was there to be told: nothing holds then.
    """
    folders = [rundir.folder()]
    latched = await asyncio.to_thread(
        latch_traders, folders, to, reason=reason, cancel_orders=cancel_orders, by=by
    )
    done = await follow(latched, to, cancel_orders=cancel_orders)
    return _done(done, to)[0]


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
    folders = _every(home)
    latched = await asyncio.to_thread(
        latch_traders, folders, to, reason=reason, cancel_orders=cancel_orders
    )
    done = await follow(latched, to, cancel_orders=cancel_orders)
    return _done(done, to, every=True)


def follow_now(
    latched: Sequence[Latched], to: Tighter, *, cancel_orders: bool = False
) -> tuple[Tightened, ...]:
    """Do what follows from these latches, from where no event loop runs.

    It raises as `tighten_all` does. Who must not wait for what this package loads writes them with
    `platform.latch.latch_traders` before importing it.
    """
    done = asyncio.run(follow(latched, to, cancel_orders=cancel_orders))
    return _done(done, to, every=len(latched) > 1)


def _every(home: Home) -> list[TraderFolder]:
    traders = home.trader_ids
    if not traders:
        raise InputError(
            "a workspace must have a trader",
            value=str(home.path),
            remedy="go to the folder of the workspace, or name it: nautilus-lab --root FOLDER ...",
        )
    return [home.trader(name).folder() for name in traders]


def _done(
    done: list[Tightened | StoreError], to: Tighter, *, every: bool = False
) -> tuple[Tightened, ...]:
    failed = [one for one in done if isinstance(one, StoreError)]
    if failed and not every:
        raise failed[0]
    if failed:
        raise StoreError(
            f"every trader must be {to}",
            value="; ".join(map(str, failed)),
            remedy="all others are; mend these folders, or end their nodes: nautilus-lab node stop",
        )
    return tuple([one for one in done if isinstance(one, Tightened)])
