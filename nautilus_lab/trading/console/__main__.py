"""The process that runs an operator's cells; a node starts it and it ends with the node."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading

from nautilus_lab.trading.console._cells import Cells
from nautilus_lab.trading.console._wire import (
    LENGTH_BYTES,
    Ended,
    Ready,
    Shown,
    Told,
    frame,
    read_cell,
)

_NICE = 10  # behind the node and everything that serves it
_MOST_MEMORY = 4 << 30  # bytes of address space
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run cells until the node closes the pipe."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1  # it died before it could be watched
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    # A node has it blocked, and what it starts inherits that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    requests, answers = _pipes()

    alone = threading.Lock()  # a cell may write from threads of its own

    def send(message: Ready | Told | Shown | Ended) -> None:
        data = memoryview(frame(message))
        with alone:
            while data:
                data = data[os.write(answers, data) :]

    cells = Cells(send)
    send(Ready())
    with os.fdopen(requests, "rb") as stream:
        while len(head := stream.read(LENGTH_BYTES)) == LENGTH_BYTES:
            cell = read_cell(stream.read(int.from_bytes(head, "big")))
            # An interrupt that comes as the cell ends has nothing left to interrupt.
            with contextlib.suppress(KeyboardInterrupt):
                cells.run(cell)
    return 0


def _pipes() -> tuple[int, int]:
    """Return the two pipes to the node, and leave cells with neither."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, answers


if __name__ == "__main__":
    sys.exit(main())
