"""The key that signs access tokens."""

import os
import secrets
import stat
import tempfile
from pathlib import Path

from nautilus_lab.exceptions import StoreError

_KEY_BYTES = 64


def signing_key(path: Path) -> bytes:
    """Return the key at `path`, made on first use.

    Two processes that come at once end with the same key: the file appears whole, and the
    first one stays.

    Raises
    ------
    StoreError
        When the file is not a private file of its user, too short, or cannot be made.
    """
    try:
        if not path.exists():
            _create(path)
        return _read(path)
    except OSError as error:
        raise StoreError(
            f"the signing key must be readable: {error.strerror}",
            value=str(path),
            remedy="check the folder's owner and mode",
        ) from None


def key_mark(path: Path) -> tuple[int, ...] | None:
    """Return what changes when a key is replaced, written or opened to others; opens nothing."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_ctime_ns)


def _create(path: Path) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        os.unlink(name)


def _read(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        private = stat.S_ISREG(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != os.getuid():
            raise StoreError(
                "the signing key must be a file that only its user can read (mode 0600)",
                value=f"{path} has mode {stat.S_IMODE(found.st_mode):04o}",
                remedy="remove it; a new one is made and old tokens end",
            )
        key = file.read()
    if len(key) < _KEY_BYTES:
        raise StoreError(
            f"the signing key must have {_KEY_BYTES} bytes",
            value=f"{path} has {len(key)}",
            remedy="remove it; a new one is made and old tokens end",
        )
    return key
