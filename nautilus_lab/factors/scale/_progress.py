"""What is told of a long work: what it will take, and how far it is."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._estimate import MemoryEstimate

_WIDTH = 30  # characters


class ProgressBar:
    """A line that tells what a work will take before it starts, and one that fills while it runs.

    Pass it as `progress` to `scan`, `clusters` and the others; one for each work.

    Parameters
    ----------
    file : text file, optional
        Where to write; by default standard error.

    Examples
    --------
    >>> import sys
    >>> from nautilus_lab.factors.scale import estimate
    >>> bar = ProgressBar(file=sys.stdout)
    >>> bar.begins(estimate("scan", 380_000, 252))
    scan: about 736 MB at its peak
    """

    def __init__(self, *, file: TextIO | None = None) -> None:
        self._file = sys.stderr if file is None else file
        self._work = ""
        self._began = 0.0
        self._before = 0  # chunks that an earlier run had done

    def begins(self, needed: MemoryEstimate) -> None:
        """Tell what a work will take, before it takes it."""
        self._work = needed.work
        print(f"{needed.work}: about {needed.bytes / 1e6:,.0f} MB at its peak", file=self._file)

    def __call__(self, done: int, total: int) -> None:
        """Show how many chunks are done, and how long the rest will take at this pace."""
        now = time.monotonic()
        if not self._began:
            self._began, self._before = now, done
        filled = _WIDTH * done // total if total else _WIDTH
        here = done - self._before
        took = now - self._began
        if done >= total:
            rest = f"done in {took:.0f} s"
        else:
            rest = f"{took / here * (total - done):.0f} s left" if here else "..."
        bar = "#" * filled + "-" * (_WIDTH - filled)
        line = f"\r{self._work} [{bar}] {done:,}/{total:,} {rest:12}"
        print(line, end="\n" if done >= total else "", file=self._file, flush=True)


def tell(progress: object, needed: MemoryEstimate) -> None:
    """Tell a progress bar what the work will take; others are told of chunks only."""
    if isinstance(progress, ProgressBar):
        progress.begins(needed)
