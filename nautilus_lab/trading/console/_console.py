"""The node's end of an operator's console."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.trading.console._wire import (
    LARGEST_FRAME,
    LENGTH_BYTES,
    Cell,
    Ended,
    Output,
    Ready,
    Shown,
    Told,
    frame,
    read_answer,
)

log = logging.getLogger(__name__)

_START_S = 20.0
# How long a cell that is out of time has to end by itself, after an interrupt.
_GRACE_S = 1.0


class OperatorConsole:
    """Runs an operator's cells in a process of their own; names live on from cell to cell.

    A cell that blocks, fills the memory or ends its interpreter does that to its own process: the
    node's loop only waits for it, as it waits for any socket. What a cell sees of the node are
    copies. Past its time a cell is interrupted, then its process is killed, names and all.

    Parameters
    ----------
    cell_s : float, default=30
        Seconds a cell may take.

    Examples
    --------
    The process starts with the first cell::

        console = OperatorConsole()
        ended = await console.run(cell, tell=print)
        await console.close()
    """

    def __init__(self, *, cell_s: float = 30.0) -> None:
        if not 0 < cell_s <= 3_600:
            raise InputError("cell_s must lie in (0, 3600]", value=cell_s)
        self.cell_s = cell_s
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._running = False  # whether a cell runs
        self._alone = asyncio.Lock()

    @property
    def pid(self) -> int:
        """The process of the cells; 0 when there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    async def run(self, cell: Cell, tell: Callable[[Output], None]) -> Ended:
        """Run a cell, hand what it writes and shows to `tell`, and return how it ended."""
        async with self._alone:
            try:
                reader, writer = await self._ready()
                writer.write(frame(cell))
                self._running = True
                return await self._until_ended(reader, tell)
            except (EOFError, OSError, TimeoutError, msgspec.DecodeError) as error:
                return await self._lost(error)
            finally:
                self._running = False

    def interrupt(self) -> None:
        """Interrupt the cell that runs, if one does; from any thread."""
        process = self._process
        if self._running and process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)

    async def close(self) -> None:
        """End the process; harmless when there is none."""
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe[1].close()
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.wait)

    def __repr__(self) -> str:
        return f"OperatorConsole({f'pid {self.pid}' if self.pid else 'no process'})"

    async def _ready(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._pipe is not None and self.pid:
            return self._pipe
        await self.close()
        # Not asyncio's own subprocesses: Nautilus sets a policy of uvloop's, which has none for
        # the loop that runs here.
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it forks, and returns
                # -P: what lies in the current folder is no module of ours.
                [sys.executable, "-P", "-m", "nautilus_lab.trading.console"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
            )
        self._pipe = reader, _ = await asyncio.open_connection(sock=ours)
        async with asyncio.timeout(_START_S):
            while not isinstance(await _answer(reader), Ready):
                pass
        return self._pipe

    async def _until_ended(
        self, reader: asyncio.StreamReader, tell: Callable[[Output], None]
    ) -> Ended:
        deadline = asyncio.get_running_loop().time() + self.cell_s
        late = False
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    answer = await _answer(reader)
            except TimeoutError:
                if late:
                    raise
                late = True
                deadline += _GRACE_S
                self.interrupt()
                continue
            if isinstance(answer, Ended):
                return self._too_late() if late else answer
            if isinstance(answer, Told | Shown):
                tell(answer)

    async def _lost(self, error: Exception) -> Ended:
        await self.close()
        log.warning("the console's process was given up: %r", error)
        if isinstance(error, TimeoutError):
            return self._too_late(names="; its names are gone")
        return Ended(
            ename="ConsoleEnded",
            evalue="the console's process ended within the cell; its names are gone",
        )

    def _too_late(self, names: str = "") -> Ended:
        return Ended(ename="CellTimeout", evalue=f"a cell must end within {self.cell_s:g} s{names}")


async def _answer(reader: asyncio.StreamReader) -> Ready | Told | Shown | Ended:
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
    if length > LARGEST_FRAME:
        raise EOFError(f"a frame of {length} bytes")
    return read_answer(await reader.readexactly(length))
