"""How much of the past is kept."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from nautilus_lab.exceptions import InputError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How much of a recording is kept; the oldest days go first, the present one never.

    Parameters
    ----------
    days : int, default=30
        Days before today that are kept.
    gib : float, default=20
        What all files may take, GiB; whole days are removed until they do.
    """

    days: int = 30
    gib: float = 20.0

    def __post_init__(self) -> None:
        if not self.days >= 1 or not self.gib > 0:
            raise InputError(
                "a recording must be kept for a day at least, and have room",
                value=f"{self.days} days, {self.gib} GiB",
            )

    def apply(self, folder: Path, today: date) -> tuple[date, ...]:
        """Remove the days of `folder` that are not kept; return which."""
        sizes = {day: _size(folder / day.isoformat()) for day in days_in(folder)}
        oldest = today - timedelta(days=self.days)
        most = self.gib * 2**30
        gone = []
        for day in sorted(sizes):
            too_much = sum(sizes.values()) > most
            if day >= today or not (day < oldest or too_much):
                break
            _remove(folder / day.isoformat())
            del sizes[day]
            gone.append(day)
        if gone:
            _log.info("removed the recording of %s to %s", gone[0], gone[-1])
        return tuple(gone)


def days_in(folder: Path) -> tuple[date, ...]:
    """Return the days that `folder` has a folder of, ascending."""
    found = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(ValueError):
            if entry.is_dir() and len(entry.name) == len("2026-03-02"):
                found.append(date.fromisoformat(entry.name))
    return tuple(sorted(found))


def _size(folder: Path) -> int:
    total = 0
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # sealed meanwhile
            total += file.stat().st_size
    return total


def _remove(folder: Path) -> None:
    # Only what lies directly in it: nothing of ours is deeper.
    for file in folder.iterdir():
        file.unlink(missing_ok=True)
    folder.rmdir()
