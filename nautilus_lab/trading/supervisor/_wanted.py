"""What a supervisor must know of a trader that an earlier one kept."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nautilus_lab.platform.rundir import write_whole


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """That a trader was started and not told to stop, and how it went since.

    It is in the run directory from a start that was answered to the stop that was asked for.

    Attributes
    ----------
    halted : str
        Why the trader was given up; empty while it is not.
    restarts : tuple of float
        When its processes were brought back, UNIX seconds: a supervisor that dies gives nobody
        new attempts.
    """

    halted: str = ""
    restarts: tuple[float, ...] = ()

    def write(self, path: Path) -> None:
        """Write it whole; raises `StoreError` when it cannot be written."""
        write_whole(path, msgspec.json.encode(self))

    @classmethod
    def read(cls, path: Path) -> Wanted | None:
        """Return what is at `path`; None when nothing is.

        One that cannot be read stands for a trader that is wanted, with every restart used.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError):
            return cls(halted="what its supervisor noted of it cannot be read")
