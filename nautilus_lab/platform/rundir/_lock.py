"""A lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from nautilus_lab.exceptions import NodeAlreadyRunning


class Lock:
    """An advisory lock on a file: one holder, released by the system when it dies."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        NodeAlreadyRunning
            When another process holds it; `value` is that process' id.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise NodeAlreadyRunning(
                f"{self.what} may run once",
                value=f"process {holder} holds {self.path}",
                remedy="stop that one first: nautilus-lab node stop",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        self._handle = handle

    def release(self) -> None:
        """Give the lock back; harmless when not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @property
    def held_elsewhere(self) -> bool:
        """Whether another process holds the lock now."""
        if not self.path.exists():
            return False
        probe = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
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
