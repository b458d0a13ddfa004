"""What the monitor of a lab owns on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.platform.rundir._private import socket_path
from nautilus_lab.platform.rundir._service import ServiceFiles


@dataclass(frozen=True)
class MonitorFiles(ServiceFiles):
    """The files of the one monitor of the lab at `home`.

    ==========  ==========================================================
    `settings`  what it was started with; it may hold secrets, 0600
    `record`    its process record; it says how it is
    `lock`      held by the one monitor that may run
    `commands`  its socket
    `events`    where it publishes alerts, when the bus is local sockets
    `log`       its own log, which rotates; alerts are told there, too
    `output`    what its process prints
    ==========  ==========================================================

    Parameters
    ----------
    home : Path
        The lab's home.
    """

    name = "monitor"
    what = "the monitor of this lab"

    @property
    def settings(self) -> Path:
        return self.home / "monitor.settings"

    @property
    def commands(self) -> str:
        return f"ipc://{socket_path(self.home, 'monitor.sock')}"

    @property
    def events(self) -> str:
        return f"ipc://{socket_path(self.home, 'monitor-events.sock')}"
