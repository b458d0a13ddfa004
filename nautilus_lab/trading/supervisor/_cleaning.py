"""Taking away what dead processes left behind."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import (
    Home,
    Lock,
    ProcessRecord,
    RunDirectory,
    is_answered,
    socket_path,
)

log = logging.getLogger(__name__)

# What is written whole is half-written for milliseconds.
_OLD_S = 60.0


def clean(home: Home) -> tuple[str, ...]:
    """Remove the records, sockets and half-written files of processes that are gone.

    Nothing that a living process holds is touched, and no store, book, latch, log, setting or
    key ever is.

    Returns
    -------
    tuple of str
        What was removed, relative to the home.
    """
    gone = [*_half_written(home.path), *_dead_records(home.path)]
    for trader in home.trader_ids:
        rundir = home.trader(trader)
        mend_record(rundir)
        gone += [*_half_written(rundir.path), *_dead_records(rundir.path)]
        if not any(lock.held_elsewhere for lock in _locks(rundir.path)):
            gone += _dead_sockets(rundir)
            if rundir.kernel_connection.exists():
                gone.append(rundir.kernel_connection)
    removed = []
    for path in gone:
        try:
            path.unlink()
        except OSError:
            continue
        removed.append(str(path.relative_to(home.path) if path.is_relative_to(home.path) else path))
    if removed:
        log.info("removed what dead processes left: %s", ", ".join(removed))
    return tuple(removed)


def mend_record(rundir: RunDirectory) -> None:
    """Write anew the damaged record of a node that lives, out of the lock it holds.

    A node whose record is missing takes its run directory for lost and ends.
    """
    if not rundir.node.exists() or not rundir.node_lock.held_elsewhere:
        return
    try:
        ProcessRecord.read(rundir.node)
        return
    except LabError as error:
        log.warning("%s; it is written anew", error.rule)
    try:
        pid = int(rundir.node_lock.path.read_text("ascii"))
        started = psutil.Process(pid).create_time()
    except (OSError, ValueError, psutil.Error):
        return  # whoever reads it next sets it aside
    rundir.node.with_name(f"{rundir.node.name}.damaged").write_bytes(rundir.node.read_bytes())
    ProcessRecord(
        name="node",
        pid=pid,
        started=started,
        address=rundir.commands,
        detail={"trader": rundir.trader_id},
    ).write(rundir.node)


def _locks(folder: Path) -> Iterable[Lock]:
    return (Lock(path, path.stem) for path in sorted(folder.glob("*.lock")))


def _half_written(folder: Path) -> list[Path]:
    """Return the temporary files of writers that died in the middle."""
    old = time.time() - _OLD_S
    return [
        path for path in folder.glob(".*.????????") if path.is_file() and path.stat().st_mtime < old
    ]


def _dead_records(folder: Path) -> list[Path]:
    """Return the process records of the folder whose process is gone, or never was of here."""
    dead = []
    for path in sorted(folder.glob("*.json")):
        if not _looks_like_a_record(path):
            continue
        record = ProcessRecord.read_or_set_aside(path)
        if path.exists() and (record is None or not record.alive):
            dead.append(path)
    return dead


def _looks_like_a_record(path: Path) -> bool:
    name = path.stem
    return any(name == known or name.startswith(f"{known}-") for known in _RECORDS)


# what the processes of a lab call their records; a further one of a kind adds "-NAME"
_RECORDS = ("node", "venue", "gateway", "history", "supervisor")


def _dead_sockets(rundir: RunDirectory) -> list[Path]:
    folders = {rundir.path, socket_path(rundir.path, "any.sock").parent}
    dead = []
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.is_socket() and not is_answered(f"ipc://{path}"):
                dead.append(path)
    return dead
