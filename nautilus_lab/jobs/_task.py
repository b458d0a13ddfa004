"""What a run and the process that executes it say to each other."""

from __future__ import annotations

import signal

import msgspec

# tells the worker that nobody waits for the page any more
STOPPED = signal.SIGUSR1


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, and how long it may take; paths are absolute, times in seconds."""

    notebook: str
    output: str
    page: str
    title: str
    parameters: dict[str, object]
    cell_timeout_s: int
    start_timeout_s: int
    answer: int  # the descriptor the outcome goes to


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How it went: `error` is empty when every cell ran."""

    error: str = ""
