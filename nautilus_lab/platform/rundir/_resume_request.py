"""What one person asked for and another must approve: that a killed trader trades again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.latch import LatchState, write_whole
from nautilus_lab.platform.rundir._standing import Standing

_LONGEST = 64 * 1024  # bytes; what is longer was not written here

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to let a killed trader do more, in a file next to its latch.

    It is of one kill: whatever moves the latch after it makes it void, and so does whoever halts
    or kills again.

    Attributes
    ----------
    to : {"ACTIVE", "REDUCE_ONLY"}
        What is to be let through.
    reason, by : str
        Why, and who asked.
    serial : int
        That of the latch it is about.
    asked_ns, expires_ns : int
        When it was asked, and from when on nobody can approve it, UNIX ns.
    """

    to: Standing
    reason: _Text
    by: _Text
    serial: int
    asked_ns: int
    expires_ns: int

    @classmethod
    def read(cls, path: Path) -> ResumeRequest | None:
        """Return the request that is kept; None when there is none, or none to be believed."""
        try:
            if path.is_symlink() or path.stat().st_size > _LONGEST:
                return None
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def write(self, path: Path) -> None:
        """Keep it, whole and on the disk; raises `StoreError`."""
        write_whole(path, msgspec.json.encode(self))

    @staticmethod
    def withdraw(path: Path) -> None:
        """Remove what is kept; harmless when nothing is.

        Raises
        ------
        StoreError
            When it cannot be removed.
        """
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"a request to resume must be removable: {error.strerror}", value=str(path)
            ) from None

    def is_about(self, held: LatchState) -> bool:
        """Whether it is about the kill that holds."""
        return held.state == "KILLED" and self.serial == held.serial

    @property
    def is_over(self) -> bool:
        """Whether nobody can approve it any more; a clock that was set back ends it, too."""
        return not self.asked_ns <= time.time_ns() < self.expires_ns
