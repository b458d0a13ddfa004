"""The logs of a lab's processes, seen from a notebook without being flooded."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.rundir import Home, RunDirectory
from nautilus_lab.platform.telemetry import LogFollower, LogTail

_EVERY_S = 0.5
_NAME = re.compile(r"[A-Za-z0-9-]+")


def log_file(home: Home, rundir: RunDirectory, process: str) -> Path:
    """Return the log of a process: ``"node"``, ``"venue"``, ``"venue-XNYS"``, ``"gateway"``, ...

    ``"nautilus"`` is what the Nautilus of the node logs by itself.

    Raises
    ------
    InputError
        When no process of that name has left a log.
    """
    # A process without a log of its own has what it prints.
    for folder in (rundir.logs, home.logs):
        for path in (folder / f"{process}.log", folder / f"{process}.out"):
            if path.parent == folder and path.exists():
                return path
        if (dated := latest_of(folder, process)) is not None:
            return dated
    raise InputError(
        "a log must be of a process that ran",
        value=process,
        remedy=f"choose among {', '.join(_there(home, rundir)) or 'none yet'}",
    )


def latest_of(folder: Path, process: str) -> Path | None:
    """Return the newest of logs that bear the time they began: ``nautilus_2026-03-02_....log``."""
    if not _NAME.fullmatch(process):
        return None
    # They are written so that their names sort by time.
    return max(folder.glob(f"{process}_*.log"), default=None)


def _there(home: Home, rundir: RunDirectory) -> list[str]:
    paths = [*rundir.logs.glob("*.*"), *home.logs.glob("*.*")]
    return sorted({p.stem.partition("_")[0] for p in paths if p.suffix in (".log", ".out")})


class LogView:
    """The end of a log; shown as text, iterated line by line.

    Made by ``node.logs()``. With ``follow=True``, ``async for line in node.logs(follow=True)``
    goes on with what the log grows by: at most `per_second` lines each second, and a line that
    says how many were left out.

    Parameters
    ----------
    path : Path
        The file.
    most : int, default=50
        How many of its last lines.
    follow : bool, default=False
        Whether to go on with what comes.
    per_second : int, default=20
        How many lines of that at most.
    """

    def __init__(
        self, path: Path, *, most: int = 50, follow: bool = False, per_second: int = 20
    ) -> None:
        if not per_second >= 1:
            raise InputError("per_second must be at least 1", value=per_second)
        self.path = path
        self.follow = follow
        self._most = max(1, round(per_second * _EVERY_S))  # at each look
        self._follower = LogFollower(path, most=self._most)
        self.lines = LogTail(path).lines(most)

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    async def __aiter__(self) -> AsyncIterator[str]:
        for line in self.lines:
            yield line
        told = 0
        while self.follow:
            await asyncio.sleep(_EVERY_S)
            for line in self._new():
                yield line
            if (left := self._follower.left_out - told) > 0:
                told += left
                yield f"... {left} lines more; see {self.path}"

    def _new(self) -> tuple[str, ...]:
        lines = self._follower.new()
        stem, dated, _ = self.path.stem.partition("_")
        newest = latest_of(self.path.parent, stem) if dated else None
        if newest is None or newest == self.path:
            return lines
        # It goes on in another file; the old one gets nothing more.
        self.path = newest
        left_out = self._follower.left_out
        self._follower = LogFollower(newest, most=self._most, whole=True)
        self._follower.left_out = left_out
        return (*lines, *self._follower.new())

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
