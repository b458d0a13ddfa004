"""What a process started and left behind."""

from __future__ import annotations

import contextlib
import os
import time

import psutil

_PATIENCE_S = 5.0


class Session:
    """The session that a process leads.

    The system gives its id to nobody else while one process of it lives. Of a process that leads
    none nothing is known, and nothing is ended.

    Parameters
    ----------
    pid : int
        The leader.
    """

    def __init__(self, pid: int) -> None:
        self._id = 0
        self._leader: psutil.Process | None = None
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            self._leader = psutil.Process(pid)
            self._id = pid if os.getsid(pid) == pid else 0

    def left(self) -> list[psutil.Process]:
        """Return who is still there once the leader is gone; nobody before that."""
        leader = self._leader
        if not self._id or leader is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            # One that nobody waited for is gone all the same; otherwise it lives, or its id is
            # another's by now.
            unreaped = leader.is_running() and leader.status() == psutil.STATUS_ZOMBIE
            if not unreaped and psutil.pid_exists(self._id):
                return []
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                in_it = process.pid != self._id and os.getsid(process.pid) == self._id
                if in_it and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end(self) -> tuple[int, ...]:
        """Kill who is left, and who they start meanwhile; returns their process ids."""
        ended: dict[int, None] = {}
        deadline = time.monotonic() + _PATIENCE_S
        while (left := self.left()) and time.monotonic() < deadline:
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
                    ended[process.pid] = None
            psutil.wait_procs(left, timeout=0.5)
        return tuple(ended)
