"""Keys in files: made on first use, readable by their user alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.latch import new_beside

_KEY_BYTES = 64


def private_key(path: Path, *, what: str, when_removed: str, make: bool = True) -> bytes:
    """Return the key at `path`, made on first use.

    Two processes that come at once end with the same key: the file appears whole, and the
    first one stays.

    Parameters
    ----------
    path : Path
        Its file; the folder must be there.
    what : str
        What to call it in errors: ``"signing key"``.
    when_removed : str
        What follows from removing it, for the remedy of a key that cannot be used.
    make : bool, default=True
        Whether one that is not there is made.

    Raises
    ------
    StoreError
        When the file is not a private file of its user, too short, not there, or cannot be made.
    """
    try:
        if make and not path.exists():
            _create(path)
        return _read(path, what, when_removed)
    except OSError as error:
        raise StoreError(
            f"the {what} must be readable: {error.strerror}",
            value=str(path),
            remedy="check the folder's owner and mode",
        ) from None


def _create(path: Path) -> None:
    handle, name = new_beside(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        os.unlink(name)


def _read(path: Path, what: str, when_removed: str) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        private = stat.S_ISREG(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != os.getuid():
            raise StoreError(
                f"the {what} must be a file that only its user can read (mode 0600)",
                value=f"{path} has mode {stat.S_IMODE(found.st_mode):04o}",
                remedy=when_removed,
            )
        key = file.read()
    if len(key) < _KEY_BYTES:
        raise StoreError(
            f"the {what} must have {_KEY_BYTES} bytes",
            value=f"{path} has {len(key)}",
            remedy=when_removed,
        )
    return key
