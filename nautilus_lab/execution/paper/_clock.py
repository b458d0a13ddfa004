"""The one clock that the paper venues of a trader replay by."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

_LIVES_S = 5.0  # how old a mark may be for its market to be going on
_LARGEST = 4_096  # bytes


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    begun: str  # the date the replay begins with
    bookmark: str
    monotonic: float  # seconds since the machine started: the same in every process


class ReplayClock:
    """Where the replay is now, for all venues that share a file.

    The market goes on while one of its venues lives: a venue that starts beside others, or comes
    back within five seconds, plays what they play. When none lived the market stood still.

    Parameters
    ----------
    path : Path
        The file; each venue marks it at every step.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def join(self, begun: str, bookmark: str) -> tuple[str, float]:
        """Return where the replay is, and how many seconds ago it was there.

        Without a mark of a replay that begins with the same date that is `bookmark`, now.
        """
        with self._locked() as file:
            mark = _read(file)
            now = time.monotonic()
            if mark is None or mark.begun != begun:
                mark = _Mark(begun=begun, bookmark=bookmark, monotonic=now)
            age = now - mark.monotonic
            if not 0 <= age < _LIVES_S:
                mark, age = msgspec.structs.replace(mark, monotonic=now), 0.0
            _write(file, mark)
        return mark.bookmark, age

    def mark(self, begun: str, bookmark: str, monotonic: float) -> None:
        """Say where the replay was at a time."""
        with self._locked() as file:
            _write(file, _Mark(begun=begun, bookmark=bookmark, monotonic=monotonic))

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _read(file: int) -> _Mark | None:
    try:
        return msgspec.json.decode(os.pread(file, _LARGEST, 0), type=_Mark)
    except msgspec.DecodeError:
        return None  # new, or its writer was killed: the ledger knows nearly as much


def _write(file: int, mark: _Mark) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, msgspec.json.encode(mark), 0)
