"""Looking at the end of a log without being flooded by it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.telemetry._redaction import redacted

_NOT_TEXT = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class LogTail:
    """The last lines of a log file, read at most every so often.

    Parameters
    ----------
    path : Path
        The file; it may rotate.
    most_bytes : int, default=65_536
        Read no more than this from the end.
    every_s : float, default=0.5
        Seconds in which the file is read at most once; a call in between repeats the last answer.
    """

    def __init__(
        self,
        path: Path,
        *,
        most_bytes: int = 65_536,
        every_s: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not most_bytes >= 1:
            raise InputError("most_bytes must be at least 1", value=most_bytes)
        self.path = path
        self.most_bytes = most_bytes
        self.every_s = every_s
        self._clock = clock
        self._read_at = float("-inf")
        self._lines: tuple[str, ...] = ()

    def lines(self, most: int = 50) -> tuple[str, ...]:
        """Return the last lines, oldest first, at most `most`.

        Raises
        ------
        StoreError
            When there is no such file, or it cannot be read.
        """
        if not most >= 1:
            raise InputError("most must be at least 1", value=most)
        now = self._clock()
        if not now - self._read_at < self.every_s:
            self._lines = self._last()
            self._read_at = now
        return self._lines[-most:]

    def __repr__(self) -> str:
        return f"LogTail({os.fspath(self.path)!r})"

    def _last(self) -> tuple[str, ...]:
        try:
            with self.path.open("rb") as file:
                begin = max(0, file.seek(0, os.SEEK_END) - self.most_bytes)
                # One byte more tells whether the first line is whole.
                file.seek(max(0, begin - 1))
                data = file.read(self.most_bytes + (begin > 0))
        except OSError as error:
            raise StoreError(
                f"a log must be readable: {error.strerror}",
                value=str(self.path),
                remedy="the process that writes it may not have started",
            ) from None
        if begin > 0:
            data = data.partition(b"\n")[2]
        return plain_lines(data)


def plain_lines(data: bytes) -> tuple[str, ...]:
    """Return the lines of `data` without secrets, and without what a terminal would act on.

    Our own logs are written without secrets; what a library logs, or a process prints, need not be.
    """
    text = redacted(_NOT_TEXT.sub("", data.decode("utf-8", "replace")))
    return tuple(line for line in text.split("\n") if line)
