"""Find the processes that a test started, detached ones too, by a mark in their environment."""

from __future__ import annotations

import time

import psutil

MARK = "TESTED_BY"


def left_running(mark: str, seconds: float) -> list[str]:
    """Wait for the processes that carry `mark` to end; kill and name those that did not."""
    deadline = time.monotonic() + seconds
    while (left := _carrying(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    named = [_words(process) for process in left]
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return named


def _carrying(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and not _belongs_to_python(process):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def _belongs_to_python(process: psutil.Process) -> bool:
    # multiprocessing keeps one tracker for the life of its parent
    return "resource_tracker" in " ".join(process.cmdline())


def _words(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:150]}"
    except psutil.Error:
        return str(process.pid)
