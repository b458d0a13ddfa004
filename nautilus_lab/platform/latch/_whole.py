"""Files that are written whole or not at all, by what Python has loaded when it starts."""

from __future__ import annotations

import os

from nautilus_lab.exceptions import StoreError


def write_whole(path: str | os.PathLike[str], data: bytes, mode: int = 0o600) -> None:
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
            if os.path.lexists(name):
                os.unlink(name)
            raise
        _sync(os.path.dirname(name))
    except OSError as error:
        raise StoreError(
            f"a file of a run directory must be writable: {error.strerror}",
            value=os.fspath(path),
            remedy="make the run directory first, and see that its disk has room",
        ) from None


def new_beside(path: str | os.PathLike[str]) -> tuple[int, str]:
    """Return the handle and the name of a new file beside `path`, mode 0600."""
    # As `tempfile.mkstemp` does, whose imports take a tenth of what a kill may.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    folder, file = os.path.split(os.fspath(path))
    while True:
        name = os.path.join(folder or os.curdir, f".{file}.{os.urandom(4).hex()}")
        try:
            return os.open(name, flags, 0o600), name
        except FileExistsError:
            continue


def _sync(folder: str) -> None:
    # The new name is an entry of the folder, and lost with the power unless that is written too.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
