"""Sockets as files: only their owner can reach them, and only one process answers there."""

import os
import socket
import stat
from pathlib import Path

from nautilus_lab.exceptions import InputError, PortBusy, StoreError

_SCHEME = "ipc://"


def socket_file(address: str) -> Path:
    """Return the file behind an ``ipc://`` address.

    Raises
    ------
    InputError
        When the address is no ``ipc://`` address of an absolute path; abstract sockets
        (``ipc://@name``) have no file and so no owner, and are refused.
    """
    path = Path(address.removeprefix(_SCHEME))
    if not address.startswith(_SCHEME) or not path.is_absolute():
        raise InputError(
            "a local socket's address must be ipc:// and an absolute path",
            value=address,
            remedy="take it from a RunDirectory or a Home",
        )
    return path


def claim_socket(address: str) -> Path:
    """Return the file behind `address` after checking that it may be bound now.

    Raises
    ------
    InputError
        When the address is no ``ipc://`` address of an absolute path.
    StoreError
        When its folder is missing or open to others.
    PortBusy
        When a process answers there.
    """
    path = socket_file(address)
    try:
        folder = path.parent.lstat()
    except FileNotFoundError:
        raise StoreError(
            "a socket's folder must exist",
            value=str(path.parent),
            remedy="make the run directory first: RunDirectory.make()",
        ) from None
    private = stat.S_ISDIR(folder.st_mode) and not folder.st_mode & 0o077
    if not private or folder.st_uid != os.getuid():
        raise StoreError(
            "a socket's folder must be its user's and closed to others (mode 0700)",
            value=f"{path.parent} has mode {stat.S_IMODE(folder.st_mode):04o}",
            remedy=f"chmod 700 {path.parent}",
        )
    if is_answered(address):
        raise PortBusy(
            "one process may answer at an address",
            value=address,
            remedy="stop the process that answers there",
        )
    return path


def is_answered(address: str) -> bool:
    """Whether a process listens at `address` now; at once, and without talking to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(socket_file(address)))
        except BlockingIOError:
            return True  # its queue of callers is full, so it is there
        except OSError:
            return False
    return True
