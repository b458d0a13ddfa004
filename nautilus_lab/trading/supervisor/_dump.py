"""What a process that does not answer is doing, as the system tells it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

_MOST_THREADS = 100


def is_stopped(pid: int) -> bool:
    """Whether somebody stopped the process, as SIGSTOP and debuggers do."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    return False


def threads_of(pid: int) -> tuple[str, ...]:
    """Return a line for each thread, the main one first: its name, its state, where it waits.

    Examples
    --------
    >>> import os
    >>> "running" in threads_of(os.getpid())[0]
    True
    """
    # A system that ran out of numbers begins again: a later thread may have a lower one.
    tasks = sorted(_tasks(pid), key=lambda p: (int(p.name) != pid, int(p.name)))
    return tuple(_thread(path) for path in tasks)


def _tasks(pid: int) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(Path(f"/proc/{pid}/task").iterdir())[:_MOST_THREADS]
    return []


def _thread(path: Path) -> str:
    told = {}
    for line in _read(path / "status").splitlines():
        name, _, value = line.partition(":")
        told[name] = value.strip()
    state = told.get("State", "? (gone)").partition("(")[2].rstrip(")")
    where = _read(path / "wchan").strip("\x000")
    return f"thread {path.name} {told.get('Name', '')}: {state}{f', in {where}' if where else ''}"


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""
