"""What a process says of itself: who it is and where it answers."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.latch import write_whole


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A running process, as written to its file in the run directory.

    Attributes
    ----------
    name : str
        What it is: ``"node"``.
    pid : int
        Its process id; ids are given again to others.
    started : float
        When it started, UNIX seconds. It moves when the clock is set.
    address : str
        Where it answers: an ``ipc://`` path or a ``ws://`` url.
    detail : dict of str to str
        What else its readers want to know.
    born : str
        The boot of the machine and the kernel's tick of its start, which with `pid` no other
        process has and no clock moves; empty where the kernel does not tell.
    place : str
        Within the file: where it was written. Found elsewhere it came with a copied or moved
        folder, and is of a process that belongs to the original.
    """

    name: str
    pid: Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
    started: float
    address: str = ""
    detail: dict[str, str] = {}
    born: str = ""
    place: str = ""

    @classmethod
    def of_this_process(
        cls, name: str, *, address: str = "", detail: dict[str, str] | None = None
    ) -> ProcessRecord:
        """Describe the calling process."""
        import psutil  # a kill imports this package, and must not wait for it

        return cls(
            name=name,
            pid=os.getpid(),
            started=psutil.Process().create_time(),
            address=address,
            detail=detail or {},
            born=_born(os.getpid()),
        )

    @property
    def alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if self.born:
                return self.born == _born(self.pid)
            return abs(process.create_time() - self.started) < 0.05
        except psutil.NoSuchProcess:
            return False

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all, readable by its owner only."""
        placed = msgspec.structs.replace(self, place=_place(path))
        write_whole(path, msgspec.json.encode(placed))

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """Return the record at `path`; None when there is none that was written there.

        Raises
        ------
        StoreError
            When something is there but is no record.
        """
        try:
            record = msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, OSError) as error:
            raise StoreError(
                f"a process record must be readable: {error}",
                value=str(path),
                remedy="remove the file if that process is gone",
            ) from None
        if record.place not in ("", _place(path)):
            return None
        return msgspec.structs.replace(record, place="")

    @classmethod
    def read_or_set_aside(cls, path: Path) -> ProcessRecord | None:
        """Return the record at `path`; what is none is renamed, with a warning, and is None.

        Records are written whole, so one that cannot be read is damaged and not half-written;
        nobody needs to lend a hand for that.
        """
        try:
            return cls.read(path)
        except StoreError as error:
            aside = path.with_name(f"{path.name}.damaged")
            with contextlib.suppress(OSError):
                path.replace(aside)
            import logging  # a kill imports this package

            log = logging.getLogger(__name__)
            log.warning("%s; it was moved to %s", error.rule, aside.name)
            return None


def _place(path: Path) -> str:
    return os.path.join(os.path.realpath(path.parent), path.name)


def _born(pid: int) -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    # proc(5): field 22 is the start time; the name before it is in parentheses, of any bytes
    return f"{boot}/{stat.rpartition(b')')[2].split()[19].decode('ascii')}"
