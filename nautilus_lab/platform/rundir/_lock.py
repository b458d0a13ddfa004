"""A lock that dies with its holder."""

from __future__ import annotations

import fcntl
import functools
import os
import time
import weakref
from pathlib import Path
from types import TracebackType

from nautilus_lab.exceptions import NodeAlreadyRunning, StoreError

# Somebody who asks `held_elsewhere` has the lock for an instant: no reason to give up.
_PATIENCE_S = 0.25
_TICK_S = 0.005

# A child that was forked would keep its holder's lock after the holder's death.
_held: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """An advisory lock on a file: one holder, released by the system when it dies."""

    def __init__(
        self, path: Path, what: str, remedy: str = "stop that one first: nautilus-lab node stop"
    ) -> None:
        self.path = path
        self.what = what
        self.remedy = remedy
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        NodeAlreadyRunning
            When another process holds it; `value` is that process' id.
        StoreError
            When its file cannot be made.
        """
        handle = self._open(os.O_RDWR | os.O_CREAT)
        try:
            self._take(handle)
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _held.add(self)
        _watch_forks()

    def release(self) -> None:
        """Give the lock back; harmless when not held."""
        if self._handle is not None:
            _held.discard(self)
            os.close(self._handle)
            self._handle = None

    @property
    def held_elsewhere(self) -> bool:
        """Whether another process holds the lock now."""
        if not self.path.exists():
            return False
        probe = self._open(os.O_RDWR)
        try:
            # Shared, so that two who ask do not take each other for the holder.
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(probe) != str(os.getpid())
        finally:
            os.close(probe)
        return False

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _open(self, flags: int) -> int:
        try:
            return os.open(self.path, flags | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"the file of a lock must be writable: {error.strerror}",
                value=str(self.path),
                remedy="make the run directory first: RunDirectory.make()",
            ) from None

    def _take(self, handle: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise NodeAlreadyRunning(
                        f"{self.what} may run once",
                        value=f"process {_holder(handle) or 'unknown'} holds {self.path}",
                        remedy=self.remedy,
                    ) from None
            time.sleep(_TICK_S)


def _holder(handle: int) -> str:
    return os.pread(handle, 32, 0).decode("ascii", "replace").strip()


@functools.cache
def _watch_forks() -> None:
    os.register_at_fork(after_in_child=_forget_after_fork)


def _forget_after_fork() -> None:
    for lock in list(_held):
        lock.release()  # closes the child's copy; the parent's holds on
