"""What the process that measures for limits owns on disk."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_lab.platform.rundir._service import ServiceFiles


@dataclass(frozen=True)
class MeasurerFiles(ServiceFiles):
    """The files of the one process of the lab at `home` that measures what limits need.

    What it measured stands in each trader's run directory, `RunDirectory.measured`.

    ==========  ==========================================================
    `record`    its process record
    `lock`      held by the one such process that may run
    `log`       its own log, which rotates
    `output`    what its process prints
    ==========  ==========================================================

    Parameters
    ----------
    home : Path
        The lab's home.
    """

    name = "measurer"
    what = "what measures for the limits of this lab"
