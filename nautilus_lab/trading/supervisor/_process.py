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
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import psutil

from nautilus_lab.exceptions import LabError, NodeError
from nautilus_lab.platform.rundir import Failure, Lock, ProcessRecord
from nautilus_lab.trading.commands import Ending, HowEnded
from nautilus_lab.trading.supervisor._dump import is_stopped, threads_of
from nautilus_lab.trading.supervisor._output import rotate_output
from nautilus_lab.trading.supervisor._session import Session
from nautilus_lab.trading.supervisor._usage import Meter, Usage

log = logging.getLogger(__name__)

_TICK_S = 0.05
_KILL_S = 5.0  # what the system needs to take away a killed process
# How long a process that does not answer has to write where it hangs.
_DUMP_S = 1.0
_QUIET_S = 0.1  # it has written all when it writes no more for so long


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
    lock : Lock, optional
        What it holds while it runs, also before it wrote its record. A record without it came
        here with a copied folder, and is of a process that belongs elsewhere.
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
        lock: Lock | None = None,
    ) -> None:
        self.name = name
        # -P: what lies in the current folder is no module of ours.
        self._argv = [sys.executable, "-P", "-m", module, *arguments]
        self._record = record
        self._output = output
        self._failure = failure
        self._lock = lock
        self.unwanted = False  # whether a start that is under way is to be given up
        self._process: psutil.Process | subprocess.Popen[bytes] | None = None
        self._session: Session | None = None
        self._meter = Meter()

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

    @property
    def address(self) -> str:
        """Where it answers; empty when it does not run."""
        record = ProcessRecord.read_or_set_aside(self._record)
        return record.address if record is not None and self.alive else ""

    def usage(self) -> Usage:
        """Return what the process uses of the machine."""
        return self._meter.read(self.pid)

    def adopt(self) -> bool:
        """Take over a process that runs already; returns whether there is one."""
        record = ProcessRecord.read_or_set_aside(self._record)
        if record is None or not record.alive:
            return False
        if self._lock is not None and not self._lock.held_elsewhere:
            return False
        try:
            self._process = psutil.Process(record.pid)
        except psutil.NoSuchProcess:
            return False
        self._session = Session(record.pid)
        return True

    async def start(self, timeout_s: float) -> None:
        """Run the module and return when it wrote its record.

        Raises
        ------
        NodeError
            When it ended, did not write its record in time, or is not wanted any more; carries
            the process' own words.
        """
        if self.alive or await self._found(timeout_s):
            return
        await self._end_session()
        self._record.unlink(missing_ok=True)
        if self._failure is not None:
            self._failure.unlink(missing_ok=True)
        process = self._process = self._spawn()
        self._session = Session(process.pid)
        deadline = time.monotonic() + timeout_s
        while not self._serves(process.pid):
            if process.poll() is not None:
                raise self._failed(f"it ended with code {process.returncode}")
            if self.unwanted:
                await self.stop(2.0)
                raise NodeError(
                    f"the {self.name} must not be stopped while it starts",
                    value="somebody asked for its end",
                    remedy="start it again",
                )
            if time.monotonic() > deadline:
                await self.stop(2.0)
                raise self._failed(f"it was not ready after {timeout_s:g} s")
            await asyncio.sleep(_TICK_S)

    async def _found(self, timeout_s: float) -> bool:
        """Adopt what runs, also one that an earlier supervisor left half started."""
        deadline = time.monotonic() + timeout_s
        while not self.adopt():
            held = self._lock is not None and self._lock.held_elsewhere
            if not held or self.unwanted or time.monotonic() > deadline:
                return False
            await asyncio.sleep(_TICK_S)
        return True

    async def stop(
        self,
        terminate_s: float,
        *,
        ask: Callable[[], Awaitable[object]] | None = None,
        ask_s: float = 0.0,
    ) -> Ending:
        """End the process: ask, then SIGTERM, then SIGKILL of its session; say what did it.

        Parameters
        ----------
        terminate_s : float
            Seconds it has after SIGTERM.
        ask : callable, optional
            Asks the process itself; what goes wrong with it leads to the next step at once.
        ask_s : float, default=0
            Seconds it has after it was asked.
        """
        begun = time.monotonic()
        how: HowEnded = "gone"
        if self.alive and ask is not None and ask_s > 0:
            how = "asked" if await self._by_asking(ask, ask_s) else "gone"
        if self.alive and await self._by_signal(signal.SIGTERM, terminate_s):
            how = "terminated"
        if self.alive:
            log.error("the %s did not stop in time and is killed", self.name)
            await self.kill()
            how = "killed"
        await self._end_session()
        self._record.unlink(missing_ok=True)
        seconds = round(time.monotonic() - begun, 3)
        return Ending(process=self.name, how=how, seconds=seconds)

    async def kill(self) -> None:
        """Take the process and all of its session away; a stopped one, too."""
        process = self._process
        if process is None or not self.alive:
            return
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.send_signal(signal.SIGKILL)  # somebody ran it in a session of his own
            await self._ended(_KILL_S)

    async def dump(self) -> str:
        """Write down where a process is that does not answer; returns what it is, in a word.

        The log gets what the system knows of its threads; the process, unless it was stopped,
        adds its own to its output. One that was stopped stays so: it must not act again.
        """
        pid = self.pid
        if not pid:
            return "gone"
        for line in threads_of(pid):
            log.error("the %s (pid %d) does not answer: %s", self.name, pid, line)
        if is_stopped(pid):
            return "stopped by a signal"
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            assert self._process is not None
            before = self._written()
            self._process.send_signal(signal.SIGUSR1)
            if await self._told(before):
                return f"hanging; {self._output} tells where"
        return "hanging"

    def rotate(self) -> None:
        """Keep the file of its output from growing for ever."""
        rotate_output(self._output)

    def _written(self) -> int:
        with contextlib.suppress(OSError):
            return self._output.stat().st_size
        return 0

    async def _told(self, before: int) -> bool:
        """Wait until the output grew beyond `before` and then stood still; whether it did."""
        deadline = time.monotonic() + _DUMP_S
        last, still_since = before, time.monotonic()
        while time.monotonic() < deadline:
            await asyncio.sleep(_TICK_S)
            if (now := self._written()) != last:
                last, still_since = now, time.monotonic()
            elif last > before and time.monotonic() - still_since > _QUIET_S:
                break
        return last > before

    async def _end_session(self) -> None:
        """Kill what the process started and left behind: it must not act for it."""
        session, self._session = self._session, None
        if session is not None and not self.alive:
            ended = await asyncio.to_thread(session.end)
            if ended:
                log.warning("the %s left processes behind, killed: %s", self.name, ended)

    async def _by_asking(self, ask: Callable[[], Awaitable[object]], seconds: float) -> bool:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await ask()
        except (LabError, TimeoutError) as error:
            log.warning("the %s could not be asked to stop: %s", self.name, error)
            return not self.alive
        if await self._ended(seconds - (time.monotonic() - begun)):
            return True
        log.warning("the %s did not stop in %g s after it was asked", self.name, seconds)
        return False

    async def _by_signal(self, number: signal.Signals, seconds: float) -> bool:
        process = self._process
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if process is not None:
                process.send_signal(number)
        return await self._ended(seconds)

    async def _ended(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.alive:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_TICK_S)
        return True

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"}
        self.rotate()
        try:
            with open(self._output, "ab", opener=_privately) as output:
                return subprocess.Popen(
                    self._argv,
                    cwd=self._record.parent,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    umask=0o077,  # whatever a library makes is its owner's alone
                    env=environment,
                )
        except OSError as error:
            raise NodeError(
                f"the {self.name} must start: {error.strerror}",
                value=str(self._output),
                remedy="see that the folder is there and is yours",
            ) from None

    def _serves(self, pid: int) -> bool:
        record = ProcessRecord.read_or_set_aside(self._record)
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


def _privately(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CLOEXEC, 0o600)


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2_000))
            lines = file.read().decode("utf-8", "replace").split("\n")
        # Not the rules that frame the traceback of a group.
        return next((ln.strip() for ln in reversed(lines) if any(map(str.isalpha, ln))), "")
    return ""
