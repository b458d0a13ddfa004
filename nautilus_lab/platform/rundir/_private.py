"""Folders and files that only their owner can read, written whole or not at all."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from nautilus_lab.exceptions import StoreError

# A unix socket's path may be 107 bytes long; ZeroMQ's ipc:// needs the same room.
_LONGEST_SOCKET = 100


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


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data` in one step; a reader sees the old or the new, never half."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def socket_path(folder: Path, name: str) -> Path:
    """Return where the socket `name` of `folder` lives: there, or in a short private folder."""
    direct = folder / name
    if len(os.fsencode(direct)) <= _LONGEST_SOCKET:
        return direct
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"nl-{os.getuid()}-{digest}"
    return private_folder(short) / name
