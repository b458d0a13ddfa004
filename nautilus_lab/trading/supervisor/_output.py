"""The files that processes write to, kept from growing for ever."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

MOST_BYTES = 5_000_000
_BACKUPS = 2


def rotate_output(path: Path, *, most_bytes: int = MOST_BYTES) -> bool:
    """Move what `path` holds to ``NAME.1`` once it is long; returns whether it was.

    The writer has the file open and knows nothing of this: its content is copied and the file
    emptied, and since it appends, it goes on at the beginning. What it writes between the two
    is lost; these files are for last words, the logs are elsewhere.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size <= most_bytes:
            return False
        for number in range(_BACKUPS, 1, -1):
            older = path.with_name(f"{path.name}.{number - 1}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number}"))
        aside = path.with_name(f"{path.name}.1")
        shutil.copyfile(path, aside)
        aside.chmod(0o600)
        os.truncate(path, 0)
        return True
    return False


def keep_latest(folder: Path, pattern: str, most: int) -> None:
    """Remove the oldest of the files that match, by name, until `most` are left.

    Nautilus counts the logs of one process only: of each that ever ran some would stay.
    """
    for path in sorted(folder.glob(pattern), reverse=True)[most:]:
        with contextlib.suppress(OSError):
            path.unlink()
