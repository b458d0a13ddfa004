"""Folders and files that only their owner can read, written whole or not at all."""

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


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data` in one step; a reader sees the old or the new, never half.

    When it returns, the file is on the disk and survives a loss of power.

    Raises
    ------
    StoreError
        When it cannot be written; the old file is still there then.
    """
    try:
        handle, name = new_beside(path)
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
        _sync(path.parent)
    except OSError as error:
        raise StoreError(
            f"a file of a run directory must be writable: {error.strerror}",
            value=str(path),
            remedy="make the run directory first, and see that its disk has room",
        ) from None


def new_beside(path: Path) -> tuple[int, str]:
    """Return the handle and the name of a new file beside `path`, mode 0600."""
    # As `tempfile.mkstemp` does, whose imports take a tenth of what a kill may.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        name = os.path.join(path.parent, f".{path.name}.{os.urandom(4).hex()}")
        try:
            return os.open(name, flags, 0o600), name
        except FileExistsError:
            continue


def _sync(folder: Path) -> None:
    # The new name is an entry of the folder, and lost with the power unless that is written too.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
