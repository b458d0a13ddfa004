"""Taking away what dead processes left behind."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Collection, Iterable
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
# A name that was given to a new trader waits so long for its start.
_RESERVED_S = 3_600.0


def clean(home: Home, *, besides: Collection[str] = ()) -> tuple[str, ...]:
    """Remove the records, sockets and half-written files of processes that are gone.

    Nothing that a living process holds is touched, and no store, book, latch, log, setting or
    key ever is. The run directory of a trader that never came to anything, with nothing in it,
    goes after an hour.

    Parameters
    ----------
    home : Home
        The lab's.
    besides : collection of str, optional
        Traders that somebody looks after; nothing of theirs is looked at.

    Returns
    -------
    tuple of str
        What was removed, relative to the home.
    """
    gone = [*_half_written(home.path), *_dead_records(home.path), *_dead_gateway_sockets(home)]
    for name in home.strategies.glob("*"):
        gone += _half_written(name)
    for trader in home.trader_ids:
        if trader in besides:
            continue
        rundir = home.trader(trader)
        mend_record(rundir)
        gone += [*_half_written(rundir.path), *_dead_records(rundir.path)]
        if not any(lock.held_elsewhere for lock in _locks(rundir.path)):
            gone += [*_dead_sockets(rundir), *_unfinished(rundir.recording)]
            if rundir.kernel_connection.exists():
                gone.append(rundir.kernel_connection)
            if _age_s(rundir.path) > _RESERVED_S and not any(rundir.path.iterdir()):
                gone.append(rundir.path)
    removed = []
    for path in gone:
        try:
            _remove(path)
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


def _remove(path: Path) -> None:
    if not path.is_dir():
        path.unlink()
    elif path.name.startswith("."):
        shutil.rmtree(path)  # what a writer had begun
    else:
        path.rmdir()  # and nothing when somebody put something there meanwhile


def _age_s(path: Path) -> float:
    return time.time() - path.lstat().st_mtime


def _locks(folder: Path) -> Iterable[Lock]:
    return (Lock(path, path.stem) for path in sorted(folder.glob("*.lock")))


def _half_written(folder: Path) -> list[Path]:
    """Return the temporary files and folders of writers that died in the middle."""
    found = [path for path in folder.glob(".*.????????") if path.is_file()]
    found += [path for path in folder.glob(".new-*") if path.is_dir()]
    with contextlib.suppress(FileNotFoundError):  # finished, or given up, meanwhile
        return [path for path in found if _age_s(path) > _OLD_S]
    return []


def _unfinished(recording: Path) -> list[Path]:
    """Return what a flight recorder had begun to write when it died."""
    return [path for path in recording.glob("**/*.draft") if _age_s(path) > _OLD_S]


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
_RECORDS = ("node", "venue", "gateway", "history", "measurer", "monitor", "supervisor")


def _dead_gateway_sockets(home: Home) -> list[Path]:
    folders = {home.path, socket_path(home.path, "any.sock").parent}
    return [
        path
        for folder in folders
        for path in sorted(folder.glob("gateway*.sock"))
        if not Lock(home.path / f"{path.stem}.lock", path.stem).held_elsewhere
        and not is_answered(f"ipc://{path}")
    ]


def _dead_sockets(rundir: RunDirectory) -> list[Path]:
    folders = {rundir.path, socket_path(rundir.path, "any.sock").parent}
    dead = []
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.is_socket() and not is_answered(f"ipc://{path}"):
                dead.append(path)
    return dead
