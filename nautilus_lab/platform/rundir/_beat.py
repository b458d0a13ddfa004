"""A file that a process touches while it is well."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir._record import ProcessRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Beat:
    """The heartbeat of a process, for whoever watches without asking it.

    Parameters
    ----------
    path : Path
        Its file.
    """

    path: Path

    def beat(self, every_s: float) -> None:
        """Say that all is well, and that the next beat comes in `every_s`; never raises."""
        try:
            os.utime(self.path)
        except FileNotFoundError:
            self.begin(every_s)
        except OSError as error:
            _log.error("the heartbeat cannot be written: %s", error)  # and so is missed

    def begin(self, every_s: float) -> None:
        """Write whose it is; never raises."""
        record = ProcessRecord.of_this_process("heartbeat", detail={"every_s": f"{every_s:g}"})
        try:
            record.write(self.path)
        except LabError as error:
            _log.error("the heartbeat cannot be written: %s", error)

    def end(self) -> None:
        """Say that no more beats come, because none should; harmless when there were none."""
        self.path.unlink(missing_ok=True)

    def last(self) -> tuple[int, float] | None:
        """Return when the last beat was, and how often one should come, seconds.

        The time is of the file system, nanoseconds: good for telling one beat from another. None
        while no process should beat here, or where the file came with a copied folder.

        Raises
        ------
        StoreError
            When something is there but cannot be read.
        """
        record = ProcessRecord.read(self.path)
        if record is None:
            return None
        try:
            return self.path.stat().st_mtime_ns, float(record.detail["every_s"])
        except (FileNotFoundError, KeyError, ValueError):
            return None
