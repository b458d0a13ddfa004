"""A process that is nobody's child for long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.rundir import Failure, ProcessRecord

log = logging.getLogger(__name__)

_TICK_S = 0.05


class Child:
    """A python module run in a session of its own, known by the record it writes.

    Parameters
    ----------
    name : str
        What it is, for logs and errors: ``"venue"``.
    module : str
        The module that is run: ``"nautilus_lab.execution.paper"``.
    arguments : sequence of str
        What it is given.
    record : Path
        Where it writes its `ProcessRecord` once it serves.
    output : Path
        Where its standard output and error go.
    failure : Path, optional
        Where it leaves a `Failure` when it cannot start.
    """

    def __init__(
        self,
        *,
        name: str,
        module: str,
        arguments: Sequence[str],
        record: Path,
        output: Path,
        failure: Path | None = None,
    ) -> None:
        self.name = name
        self._argv = [sys.executable, "-m", module, *arguments]
        self._record = record
        self._output = output
        self._failure = failure
        self._process: psutil.Process | subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 when none runs."""
        process = self._process
        return 0 if process is None or not self.alive else process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll() is None
        if self._process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        return False

    def adopt(self) -> bool:
        """Take over a process that runs already; returns whether there is one."""
        record = ProcessRecord.read(self._record)
        if record is None or not record.alive:
            return False
        self._process = psutil.Process(record.pid)
        return True

    async def start(self, timeout_s: float) -> None:
        """Run the module and return when it wrote its record.

        Raises
        ------
        NodeError
            When it ended or did not write its record in time; carries the process' own words.
        """
        if self.adopt():
            return
        self._record.unlink(missing_ok=True)
        if self._failure is not None:
            self._failure.unlink(missing_ok=True)
        process = self._process = self._spawn()
        deadline = time.monotonic() + timeout_s
        while not self._serves(process.pid):
            if process.poll() is not None:
                raise self._failed(f"it ended with code {process.returncode}")
            if time.monotonic() > deadline:
                await self.stop(2.0)
                raise self._failed(f"it was not ready after {timeout_s:g} s")
            await asyncio.sleep(_TICK_S)

    async def stop(self, timeout_s: float) -> None:
        """End the process: ask, wait `timeout_s`, then kill its whole session."""
        process = self._process
        if process is None or not self.alive:
            return
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
            if not await self._ended(timeout_s):
                log.error("the %s did not stop in %g s and is killed", self.name, timeout_s)
                os.killpg(process.pid, signal.SIGKILL)
                await self._ended(timeout_s)
        self._record.unlink(missing_ok=True)

    async def _ended(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.alive:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_TICK_S)
        return True

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"}
        with self._output.open("ab") as output:
            return subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
            )

    def _serves(self, pid: int) -> bool:
        record = ProcessRecord.read(self._record)
        return record is not None and record.pid == pid

    def _failed(self, how: str) -> NodeError:
        told = Failure.read(self._failure) if self._failure is not None else None
        if told is not None:
            return NodeError(told.rule, value=told.value or told.kind, remedy=told.remedy)
        return NodeError(
            f"the {self.name} must start",
            value=f"{how}: {_last_line(self._output)}",
            remedy=f"see {self._output}",
        )


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2_000))
            lines = file.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""
