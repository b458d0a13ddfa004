"""Folders that only their owner can read, and where their sockets live."""

import os
import stat
from pathlib import Path

from nautilus_lab.exceptions import StoreError

# A unix socket's path may be 107 bytes long; ZeroMQ's ipc:// needs the same room.
_LONGEST_SOCKET = 100
# Not `tempfile.gettempdir()`: two processes need not have the same TMPDIR, nor a short one.
_SHORT = Path("/tmp")


def private_folder(path: Path) -> Path:
    """Make `path` (mode 0700) and check that it is ours and nobody else's.

    Raises
    ------
    StoreError
        When the folder belongs to somebody else, is a link, or cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = path.lstat()
    except OSError as error:
        raise StoreError(
            f"a run directory must be writable: {error.strerror}",
            value=str(path),
            remedy="set `home` in lab.toml to a folder of yours",
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StoreError(
            "a run directory must be a real folder of its user",
            value=str(path),
            remedy="remove it, or set `home` in lab.toml to a folder of yours",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def socket_path(folder: Path, name: str) -> Path:
    """Return where the socket `name` of `folder` lives: there, or in a short private folder.

    Every process finds the same place: it depends on the folder, by whatever name it is called,
    and on the user alone.

    Raises
    ------
    StoreError
        When the short folder is somebody else's.
    """
    direct = folder.absolute() / name
    if len(os.fsencode(direct)) <= _LONGEST_SOCKET:
        return direct
    import hashlib

    digest = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    return private_folder(_SHORT / f"nl-{os.getuid()}-{digest}") / name
