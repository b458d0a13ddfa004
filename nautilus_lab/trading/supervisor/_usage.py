"""What a kept process uses of the machine, measured from outside."""

from __future__ import annotations

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process uses.

    Attributes
    ----------
    cpu_percent : float
        Of one core since the last look, percent; 0 at the first.
    rss_mib : float
        Resident memory, MiB.
    threads, open_files : int
        Sockets included.
    """

    cpu_percent: float = 0.0
    rss_mib: float = 0.0
    threads: int = 0
    open_files: int = 0


class Meter:
    """Looks at one process after the other; a new pid begins anew."""

    def __init__(self) -> None:
        self._process: psutil.Process | None = None

    def read(self, pid: int) -> Usage:
        """Return what process `pid` uses now; nothing at all when there is none."""
        try:
            if self._process is None or self._process.pid != pid:
                self._process = psutil.Process(pid) if pid else None
            process = self._process
            if process is None:
                return Usage()
            with process.oneshot():
                return Usage(
                    cpu_percent=round(process.cpu_percent(None), 1),
                    rss_mib=round(process.memory_info().rss / 2**20, 1),
                    threads=process.num_threads(),
                    open_files=process.num_fds(),
                )
        except psutil.Error:
            self._process = None
            return Usage()
