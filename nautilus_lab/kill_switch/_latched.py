"""The first step: the latch of every trader, before anything slower is begun."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.kill_switch._tightened import Tighter
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.rundir import Latch, LatchState, ResumeRequest, RunDirectory


@dataclass(frozen=True, kw_only=True)
class Latched:
    """A trader whose latch was written, or could not be.

    Attributes
    ----------
    rundir : RunDirectory
        The trader's.
    held : LatchState
        What its latch says now.
    moved : bool
        Whether this is what made it so.
    failed : StoreError, optional
        Why it could not be written: only a node that is told makes it hold then.
    """

    rundir: RunDirectory
    held: LatchState
    moved: bool = True
    failed: StoreError | None = None


def latch_traders(
    rundirs: Iterable[RunDirectory], to: Tighter, *, reason: str, by: str | None = None
) -> tuple[Latched, ...]:
    """Write the latch of every trader at once; returns when all of them are on the disk.

    It blocks for as long as the disk takes, loads nothing that is heavy, and asks no process.
    Whoever asked to resume one of the traders has to ask again. It is the user of this process who
    does it, unless a process that does it by itself says `by`.

    Raises
    ------
    InputError
        When one of the traders has no run directory, or no reason is given; none is latched then.
    """
    every = tuple(rundirs)
    for rundir in every:
        if not rundir.path.is_dir():
            raise InputError(
                "a trader must be one of this workspace",
                value=f"{rundir.trader_id}, looked for in {rundir.path.parent}",
                remedy="nautilus-lab traders shows them",
            )
    automatic, name = by is not None, by or Principal.owner().name
    done: dict[str, Latched | Exception] = {}

    def write(rundir: RunDirectory) -> None:
        try:
            done[rundir.trader_id] = _latch(rundir, to, reason, name, automatic)
        except Exception as error:
            done[rundir.trader_id] = error

    # One disk that is slow, or one latch that is held, keeps none of the others waiting.
    writing = [threading.Thread(target=write, args=(rundir,)) for rundir in every]
    for thread in writing:
        thread.start()
    for thread in writing:
        thread.join()
    latched = []
    for rundir in every:
        one = done[rundir.trader_id]
        if isinstance(one, Exception):
            raise one
        latched.append(one)
    return tuple(latched)


def _latch(rundir: RunDirectory, to: Tighter, reason: str, by: str, automatic: bool) -> Latched:
    with contextlib.suppress(StoreError):  # the node withdraws it, too
        ResumeRequest.withdraw(rundir.resume_asked)
    latch = Latch(rundir.latch, witness=rundir.store)
    before = latch.read()
    try:
        held = latch.tighten(to, reason=reason, by=by, automatic=automatic)
    except StoreError as error:
        return Latched(rundir=rundir, held=before, failed=error)
    return Latched(rundir=rundir, held=held, moved=held != before)
