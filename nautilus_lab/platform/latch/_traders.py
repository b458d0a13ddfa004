"""The latches of several traders, before anything slower is begun."""

from __future__ import annotations

import contextlib
import os
import threading

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.latch._latch import Latch
from nautilus_lab.platform.latch._owner import owner_name
from nautilus_lab.platform.latch._reason import fitting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nautilus_lab.platform.latch._state import LatchState, Standing
    from nautilus_lab.platform.latch._trader_folder import TraderFolder


class Latched:
    """A trader whose latch was written, or could not be.

    Attributes
    ----------
    folder : TraderFolder
        The trader's.
    held : LatchState
        What its latch says now.
    reason : str
        Why it was to be written, as everybody is told.
    moved : bool
        Whether this is what made it so.
    failed : StoreError, optional
        Why it could not be written: only a node that is told makes it hold then.
    """

    __slots__ = ("failed", "folder", "held", "moved", "reason")

    def __init__(
        self,
        *,
        folder: TraderFolder,
        held: LatchState,
        reason: str,
        moved: bool = True,
        failed: StoreError | None = None,
    ) -> None:
        self.folder = folder
        self.held = held
        self.reason = reason
        self.moved = moved
        self.failed = failed

    def __repr__(self) -> str:
        return f"Latched({self.folder.trader_id}, {self.held.state}, failed={self.failed})"


def latch_traders(
    folders: Iterable[TraderFolder],
    to: Standing,
    *,
    reason: str,
    cancel_orders: bool = False,
    by: str | None = None,
) -> tuple[Latched, ...]:
    """Write the latch of every trader at once; returns when all of them are on the disk.

    Who dies after that, or is dead, cancels what works when it begins, where that was asked for.
    It blocks for as long as the disk takes, loads nothing that is heavy, and asks no process.
    Whoever asked to resume one of the traders has to ask again. It is the user of this process who
    does it, unless a process that does it by itself says `by`. What of `reason` cannot be told on
    one line is left out.

    Raises
    ------
    InputError
        When one of the traders has no run directory, or no reason is given; none is latched then.
    """
    every = tuple(folders)
    for folder in every:
        if not os.path.isdir(folder.path):
            raise InputError(
                "a trader must be one of this workspace",
                value=f"{folder.trader_id}, looked for in {os.path.dirname(folder.path)}",
                remedy="nautilus-lab traders shows them",
            )
    automatic, name, reason = by is not None, by or owner_name(), fitting(reason)
    done: dict[str, Latched | Exception] = {}

    def write(folder: TraderFolder) -> None:
        try:
            done[folder.path] = _latch(folder, to, reason, cancel_orders, name, automatic)
        except Exception as error:
            done[folder.path] = error

    # One disk that is slow, or one latch that is held, keeps none of the others waiting.
    writing = []
    for folder in every:
        thread = threading.Thread(target=write, args=(folder,))
        try:
            thread.start()
        except RuntimeError:  # the machine has no room for another one, which is a day to kill on
            write(folder)
        else:
            writing.append(thread)
    for thread in writing:
        thread.join()
    latched = []
    for folder in every:
        one = done[folder.path]
        if isinstance(one, Exception):
            raise one
        latched.append(one)
    return tuple(latched)


def _latch(
    folder: TraderFolder, to: Standing, reason: str, cancel_orders: bool, by: str, automatic: bool
) -> Latched:
    with contextlib.suppress(OSError):  # the node withdraws it, too
        os.unlink(folder.resume_asked)
    latch = Latch(folder.latch, witness=folder.store)
    before = latch.read()
    try:
        held = latch.tighten(
            to, reason=reason, by=by, automatic=automatic, cancel_orders=cancel_orders
        )
    except StoreError as error:
        return Latched(folder=folder, held=before, reason=reason, failed=error)
    return Latched(folder=folder, held=held, reason=reason, moved=held.since_ns != before.since_ns)
