"""The key that signs access tokens."""

import os
from pathlib import Path

from nautilus_lab.platform.rundir import private_key


def signing_key(path: Path) -> bytes:
    """Return the key at `path`, made on first use.

    Two processes that come at once end with the same key: the file appears whole, and the
    first one stays.

    Raises
    ------
    StoreError
        When the file is not a private file of its user, too short, or cannot be made.
    """
    return private_key(
        path, what="signing key", when_removed="remove it; a new one is made and old tokens end"
    )


def key_mark(path: Path) -> tuple[int, ...] | None:
    """Return what changes when a key is replaced, written or opened to others; opens nothing."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_ctime_ns)
