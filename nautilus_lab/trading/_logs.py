"""The logs of a lab's processes, seen from a notebook without being flooded."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.rundir import Home, RunDirectory
from nautilus_lab.platform.telemetry import LogFollower, LogTail

_EVERY_S = 0.5


def log_file(home: Home, rundir: RunDirectory, process: str) -> Path:
    """Return the log of a process: ``"node"``, ``"venue"``, ``"venue-XNYS"``, ``"gateway"``, ...

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
    raise InputError(
        "a log must be of a process that ran",
        value=process,
        remedy=f"choose among {', '.join(_there(home, rundir)) or 'none yet'}",
    )


def _there(home: Home, rundir: RunDirectory) -> list[str]:
    paths = [*rundir.logs.glob("*.*"), *home.logs.glob("*.*")]
    return sorted({p.stem for p in paths if p.suffix in (".log", ".out")})


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
        self._follower = LogFollower(path, most=max(1, round(per_second * _EVERY_S)))
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
            for line in self._follower.new():
                yield line
            if (left := self._follower.left_out - told) > 0:
                told += left
                yield f"... {left} lines more; see {self.path}"

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
