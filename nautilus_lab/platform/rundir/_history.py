"""What the history writer of a lab owns on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.platform.rundir._service import ServiceFiles


@dataclass(frozen=True)
class HistoryFiles(ServiceFiles):
    """The files of the one history writer of the lab at `home`.

    ==========  ==========================================================
    `store`     ``history.db``: every event that came over the bus
    `settings`  what it was started with; an address may hold a password
    `record`    its process record; it says how far it is
    `lock`      held by the one history writer that may run
    `log`       its own log, which rotates
    `output`    what its process prints
    ==========  ==========================================================

    Parameters
    ----------
    home : Path
        The lab's home.
    """

    name = "history"
    what = "the history writer of this lab"

    @property
    def store(self) -> Path:
        return self.home / "history.db"

    @property
    def settings(self) -> Path:
        return self.home / "history.settings"
