"""The kill latch: what a trader may do, in a file that outlives every process."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.latch._state import STANDINGS, LatchState
from nautilus_lab.platform.latch._whole import write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nautilus_lab.platform.latch._state import Standing

_LONGEST = 64 * 1024  # bytes; what is longer was not written here
_PATIENCE_S = 0.25
_TICK_S = 0.005
_NOBODY = "the latch itself"


class Latch:
    """The latch of one trader: a JSON file, 0600, on the disk before anything else happens.

    It is read without store, bus or node, by whoever owns the file, and halts on doubt: a file
    that is empty, damaged, too long, no plain file, another user's or open to others reads as
    HALTED, and so does one that is gone although the trader has traded. Tightening is free and
    may be done by any process of the owner; it never loosens what another tightened meanwhile.

    Parameters
    ----------
    path : str or PathLike
        The file: ``RunDirectory.latch``.
    witness : str or PathLike, optional
        A file that is there once the trader has traded, ``RunDirectory.store``. While it is not,
        a missing latch is that of a new trader and reads as ACTIVE. Without a witness, a missing
        latch always does.

    Examples
    --------
    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> latch = Latch(os.path.join(folder.name, "kill.latch"))
    >>> latch.read().state
    'ACTIVE'
    >>> latch.tighten("HALTED", reason="prices look wrong", by="ana").state
    'HALTED'
    >>> latch.tighten("REDUCE_ONLY", reason="a smaller worry", by="node").state
    'HALTED'
    >>> latch.loosen("ACTIVE", reason="the feed is mended", by="ana").serial
    2
    >>> folder.cleanup()
    """

    def __init__(
        self, path: str | os.PathLike[str], *, witness: str | os.PathLike[str] | None = None
    ) -> None:
        self.path = path
        self._name = os.fspath(path)  # each order asks for its mark
        self._witness = witness

    def __repr__(self) -> str:
        return f"Latch({self._name!r}, {self.read().state})"

    def begin(self) -> LatchState:
        """Write the latch of a new trader and return what holds; call it before the store is made.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        held = self.read()
        if not os.path.exists(self.path) and held.state == "ACTIVE":
            held = LatchState(
                state="ACTIVE", reason="a new trader", by="node", since_ns=time.time_ns(), serial=1
            )
            self._write(held)
        return held

    def read(self) -> LatchState:
        """Return what holds. Never raises: what cannot be read or believed is HALTED."""
        try:
            # Not followed where it is a link, not waited for where it is a pipe.
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._witness is None or not os.path.lexists(self._witness):
                return LatchState(state="ACTIVE", reason="never halted", by=_NOBODY)
            return _halted("it is gone, and the trader has traded before")
        except OSError as error:
            return _halted(f"it cannot be read: {error.strerror}")
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return _halted("it is no plain file")
            if found.st_uid != os.getuid():
                return _halted(f"it belongs to user {found.st_uid}")
            if found.st_mode & 0o077:
                return _halted(f"others may open it: mode {stat.S_IMODE(found.st_mode):o}")
            data = os.read(handle, _LONGEST + 1)
        except OSError as error:
            return _halted(f"it cannot be read: {error.strerror}")
        finally:
            os.close(handle)
        if len(data) > _LONGEST:
            return _halted(f"it is longer than {_LONGEST} bytes")
        try:
            return LatchState.from_json(data)
        except ValueError as error:
            return _halted(f"it is damaged: {error}"[:500])

    def mark(self) -> tuple[int, int, int] | None:
        """Return what changes whenever the file is written, in microseconds; None without one."""
        try:
            found = os.lstat(self._name)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns

    def tighten(
        self,
        to: Standing,
        *,
        reason: str,
        by: str,
        automatic: bool = False,
        cancel_orders: bool = False,
    ) -> LatchState:
        """Let no more through than `to` does; return what holds then.

        What is as tight already stays as it is, except that orders may be cancelled with it from
        then on. When this returns, the latch is on the disk and survives a loss of power.

        Parameters
        ----------
        to : {"REDUCE_ONLY", "HALTED", "KILLED"}
            What is let through from now on, at most.
        reason, by : str
            Why, and the name of the person or process who says so.
        automatic : bool, default=False
            Whether no person asked.
        cancel_orders : bool, default=False
            Whether what works is to be cancelled with it; all that works is when `to` is KILLED.

        Raises
        ------
        InputError
            When `to` is no such state, or reason or name is missing.
        StoreError
            When it cannot be written; what was there before still holds on the disk.
        """
        _require(to in STANDINGS[1:], f"a latch tightens to one of {', '.join(STANDINGS[1:])}", to)
        _require_words(reason, by)
        # A process that was stopped while it held the lock must not keep another from halting.
        with self._alone():
            held = self.read()
            if held.serial and not _tighter(to, held.state):
                if to != held.state or held.cancels or not cancel_orders:
                    return held
                return self._cancelling(held)
            # What was unreadable becomes readable, and no looser by that.
            state = to if _tighter(to, held.state) else held.state
            return self._move(held, state, reason, by, automatic, cancel_orders)

    def loosen(self, to: Standing, *, reason: str, by: str, seen: int | None = None) -> LatchState:
        """Let more through again. A person's decision: who calls this has checked the right to.

        Parameters
        ----------
        to : {"ACTIVE", "REDUCE_ONLY", "HALTED"}
            What is let through from now on.
        reason, by : str
            Why, and the name of the person.
        seen : int, optional
            The serial of the state that the person looked at; refused when it moved since.

        Raises
        ------
        InputError
            When `to` is not looser than what holds, reason or name is missing, or the latch
            moved since it was looked at.
        StoreError
            When it cannot be written, or another process is at it; the old state holds then.
        """
        _require(to in STANDINGS, f"a latch has one of {', '.join(STANDINGS)}", to)
        _require_words(reason, by)
        with self._alone() as alone:
            held = self.read()
            if not alone:
                raise StoreError(
                    "a latch must be free to be loosened",
                    value=self._name,
                    remedy="another process holds it: try again",
                )
            if seen is not None and seen != held.serial:
                raise InputError(
                    "the latch must not have moved since it was looked at",
                    value=f"{held.state}: {held.reason}",
                    remedy="look again, then decide",
                )
            if held.state == to:
                raise InputError(
                    f"it is {to} already", value=held.reason, remedy="nothing is to be done"
                )
            if not held.is_tighter_than(to):
                raise InputError(
                    f"a latch that is {held.state} cannot be loosened to {to}",
                    value=held.state,
                    remedy="nothing needs to be done, or tighten it",
                )
            return self._move(held, to, reason, by, automatic=False)

    def restore(self, state: LatchState) -> None:
        """Write again what a process has in memory and the file has lost; raises `StoreError`."""
        self._write(state)

    def _move(
        self,
        held: LatchState,
        to: Standing,
        reason: str,
        by: str,
        automatic: bool,
        cancel_orders: bool = False,
    ) -> LatchState:
        moved = LatchState(
            state=to,
            reason=reason[:2_000],
            by=by[:2_000],
            since_ns=time.time_ns(),
            automatic=automatic,
            serial=held.serial + 1,
            cancel_orders=cancel_orders and to != "KILLED",
        )
        self._write(moved)
        return moved

    def _cancelling(self, held: LatchState) -> LatchState:
        """Have orders be cancelled by what holds already, since when and for whom it did."""
        moved = LatchState(
            state=held.state,
            reason=held.reason,
            by=held.by,
            since_ns=held.since_ns,
            automatic=held.automatic,
            serial=held.serial + 1,
            cancel_orders=True,
        )
        self._write(moved)
        return moved

    def _write(self, state: LatchState) -> None:
        write_whole(self.path, state.to_json())

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Keep other writers out for as long as it takes; yields False when that failed."""
        folder = os.path.dirname(self._name) or os.curdir
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            yield False  # writing will say what is wrong
            return
        try:
            yield _lock(handle)
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(_TICK_S)


def _tighter(one: Standing, other: Standing) -> bool:
    return STANDINGS.index(one) > STANDINGS.index(other)


def _halted(why: str) -> LatchState:
    return LatchState(state="HALTED", reason=f"the latch cannot be believed: {why}", by=_NOBODY)


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise InputError(rule, value=value, remedy="check the call")


def _require_words(reason: str, by: str) -> None:
    if not reason.strip():
        raise InputError("a move of the latch needs a reason", value=reason, remedy="say why")
    if not by.strip():
        raise InputError("a move of the latch needs a name", value=by, remedy="say who")
