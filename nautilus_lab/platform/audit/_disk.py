"""Bytes of a file read and written to the last, and the folder that must know of it."""

from __future__ import annotations

import os
from pathlib import Path


def read_from(handle: int, at: int) -> bytes:
    """Return all that stands behind `at`."""
    pieces = []
    while piece := os.pread(handle, 1 << 20, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def write_at(handle: int, data: bytes, at: int) -> None:
    """Write all of `data`, of which the system may take a part at a time."""
    while data:
        done = os.pwrite(handle, data, at)
        data, at = data[done:], at + done


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: a new file is lost without its name."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
