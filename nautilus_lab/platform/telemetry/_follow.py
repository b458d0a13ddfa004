"""Reading what a log grows by, at a rate a person can take."""

from __future__ import annotations

import os
from pathlib import Path

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.telemetry._tail import plain_lines

_MOST_BYTES = 262_144


class LogFollower:
    r"""The lines that were added to a log since the last look, also across its rotation.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    most : int, default=100
        So many lines at most at each look; of more, the latest are kept and the others counted.
    whole : bool, default=False
        Whether what the file has already is told, too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w") as file:
    ...     follower = LogFollower(Path(file.name))
    ...     file.write("started\n") and file.flush()
    ...     follower.new()
    ('started',)
    """

    def __init__(self, path: Path, *, most: int = 100, whole: bool = False) -> None:
        if not most >= 1:
            raise InputError("most must be at least 1", value=most)
        self.path = path
        self.most = most
        self.left_out = 0  # lines that were too many to be told
        self._file = 0  # inode
        self._at = 0  # byte
        self._part = b""  # a line that is not whole yet
        if (found := self._stat()) is not None:
            self._file, self._at = found.st_ino, 0 if whole else found.st_size

    def new(self) -> tuple[str, ...]:
        """Return the lines that came since the last look, oldest first."""
        found = self._stat()
        if found is None:
            return ()
        data = b""
        if found.st_ino != self._file or found.st_size < self._at:
            # Renamed, or copied and emptied: what it still got is in its backup.
            data = self._rest(renamed=found.st_ino != self._file)
            self._file, self._at = found.st_ino, 0
        data += self._read(found.st_size)
        *whole, self._part = (self._part + data).split(b"\n")
        lines = plain_lines(b"\n".join(whole))
        self.left_out += max(0, len(lines) - self.most)
        return lines[-self.most :]

    def _rest(self, *, renamed: bool) -> bytes:
        """Return what the file got between the last look and its rotation."""
        backup = self.path.with_name(f"{self.path.name}.1")
        try:
            last = backup.stat()
        except OSError:
            last = None
        if last is None or last.st_size < self._at or (renamed and last.st_ino != self._file):
            self._part = b""  # it was rotated twice meanwhile, or taken away
            return b""
        return self._read(last.st_size, of=backup)

    def _read(self, size: int, *, of: Path | None = None) -> bytes:
        begin = max(self._at, size - _MOST_BYTES)
        if begin > self._at:
            self._part = b""
        try:
            with (of or self.path).open("rb") as file:
                file.seek(begin)
                data = file.read(size - begin)
        except OSError:
            return b""
        self._at = begin + len(data)
        return data

    def _stat(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except OSError:
            return None

    def __repr__(self) -> str:
        return f"LogFollower({os.fspath(self.path)!r})"
