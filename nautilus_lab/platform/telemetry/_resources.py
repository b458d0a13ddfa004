"""What this process uses of the machine."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True, kw_only=True)
class ResourceUse:
    """What a process uses.

    Attributes
    ----------
    rss_mib : float
        Resident memory, MiB.
    cpu_s : float
        Processor time since its start, user and system, seconds.
    threads : int
        Threads.
    open_files : int
        File descriptors, sockets included.
    """

    rss_mib: float
    cpu_s: float
    threads: int
    open_files: int


def resource_use() -> ResourceUse:
    """Return what the calling process uses now.

    Examples
    --------
    >>> resource_use().rss_mib > 1
    True
    """
    process = psutil.Process()
    with process.oneshot():
        times = process.cpu_times()
        return ResourceUse(
            rss_mib=process.memory_info().rss / 2**20,
            cpu_s=times.user + times.system,
            threads=process.num_threads(),
            open_files=process.num_fds(),
        )
