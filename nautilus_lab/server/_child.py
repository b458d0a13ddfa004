"""What the child processes of `nautilus_lab.server` share: how they hear and speak."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, kw_only=True)
class ChildSettings:
    """What a child is told by its parent."""

    root: str
    host: str
    port: int
    token: str
    theme: str = "dark"
    cull_idle_s: int = 120

    def __repr__(self) -> str:
        return f"ChildSettings(root={self.root!r}, host={self.host!r}, port={self.port})"


def heard() -> ChildSettings:
    """Read the settings from standard input; end with the parent, who holds the other end."""
    # Unbuffered: at the end of the interpreter a buffer that a thread reads cannot be closed.
    settings = ChildSettings(**json.loads(_line(sys.stdin.fileno())))

    def wait_for_the_end() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_the_end, daemon=True, name="parent").start()
    return settings


def _line(handle: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(handle, 4096)):
        line += piece
    return line


def say(**words: object) -> None:
    """Tell the parent, in one line of JSON."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def busy(error: OSError) -> bool:
    """Whether the port is another process'."""
    return error.errno == errno.EADDRINUSE


def end_busy(host: str, port: int) -> NoReturn:
    """Tell the parent that the port is taken, and end."""
    say(busy=f"{host}:{port}")
    sys.exit(2)


def is_taken(host: str, port: int) -> bool:
    """Whether another process listens at `port`; never for 0."""
    if port == 0:
        return False
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return busy(error)
    return False
