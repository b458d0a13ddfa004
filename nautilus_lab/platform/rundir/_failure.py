"""Why a process of ours could not start, left where its supervisor finds it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.latch import write_whole


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The three lines of the error that ended a process.

    Attributes
    ----------
    process : str
        ``"node"``, ``"venue"`` or ``"gateway"``.
    kind : str
        The name of the exception: ``"CatalogMissing"``.
    rule, value, remedy : str
        As in `LabError`.
    ts : int
        When it happened, UNIX ns.
    """

    process: str
    kind: str
    rule: str
    value: str = ""
    remedy: str = ""
    ts: int = 0

    @classmethod
    def of(cls, process: str, error: BaseException) -> Failure:
        """Describe `error`; what is not ours is named by its type and text alone."""
        if isinstance(error, LabError):
            value = "" if error.value is None else str(error.value)
            return cls(
                process=process,
                kind=type(error).__name__,
                rule=error.rule,
                value=value[:500],
                remedy=error.remedy,
                ts=time.time_ns(),
            )
        return cls(
            process=process,
            kind=type(error).__name__,
            rule=f"the {process} must not fail: {error}"[:500],
            remedy="see its log",
            ts=time.time_ns(),
        )

    def write(self, path: Path) -> None:
        """Write the failure, whole or not at all."""
        write_whole(path, msgspec.json.encode(self))

    @classmethod
    def read(cls, path: Path) -> Failure | None:
        """Return the failure at `path`; None when there is none that can be read."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
