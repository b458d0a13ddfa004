"""What a process says of itself: who it is and where it answers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import psutil

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir._private import write_whole


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A running process, as written to its file in the run directory.

    A process id alone can be reused; with `started` (the kernel's own start time, seconds) it
    cannot be mistaken.
    """

    name: str
    pid: int
    started: float
    address: str = ""  # where it answers: ipc:// path or ws:// url
    detail: dict[str, str] = {}

    @classmethod
    def of_this_process(
        cls, name: str, *, address: str = "", detail: dict[str, str] | None = None
    ) -> ProcessRecord:
        """Describe the calling process."""
        return cls(
            name=name,
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            address=address,
            detail=detail or {},
        )

    @property
    def alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.started) < 0.05
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all, readable by its owner only."""
        write_whole(path, msgspec.json.encode(self))

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """Return the record at `path`; None when there is none.

        Raises
        ------
        StoreError
            When the file is there but is no record.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise StoreError(
                f"a process record must be readable: {error}",
                value=str(path),
                remedy="remove the file if that process is gone",
            ) from None
