"""Tightening what a trader may do, by the file that holds with or without its node."""

from __future__ import annotations

import logging
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Latch, RunDirectory

log = logging.getLogger(__name__)

Policy: TypeAlias = Literal["keep", "reduce", "halt"]

_BY = "supervisor"
_LONGEST_REASON = 500


def tighten(rundir: RunDirectory, policy: Policy, reason: str) -> bool:
    """Write the latch as the policy says; returns whether it let more through before.

    A latch that cannot be written is logged: what cannot be read halts all the same.
    """
    if policy == "keep":
        return False
    latch = Latch(rundir.latch, witness=rundir.store)
    before = latch.read()
    try:
        after = latch.tighten(
            "HALTED" if policy == "halt" else "REDUCE_ONLY",
            reason=reason,
            by=_BY,
            automatic=True,
        )
    except LabError as error:
        log.error("the latch of %s could not be written: %s", rundir.trader_id, error)
        return True
    return after.is_tighter_than(before.state)


async def tell(rundir: RunDirectory, policy: Policy, reason: str) -> None:
    """Tell a running node what its latch says already; one that cannot be told will read it."""
    if policy == "keep":
        return
    name = "risk.halt" if policy == "halt" else "risk.reduce_only"
    try:
        await CommandClient(rundir.commands).call(
            name, {"reason": reason[:_LONGEST_REASON]}, timeout_s=5.0
        )
    except LabError as error:
        log.warning("%s could not be told of its latch: %s", rundir.trader_id, error)
