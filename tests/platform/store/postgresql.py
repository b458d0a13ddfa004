"""A real PostgreSQL of our own: a unix socket in a private folder, ended by its process."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def program(name: str) -> str | None:
    """Where a program of the server is; Debian puts them beside the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def available() -> None:
    """Skip a test where there is no server; in CI nothing may be skipped."""
    missing = [name for name in ("initdb", "postgres") if program(name) is None]
    missing += [] if shutil.which("psql") else ["psql"]
    if missing:
        why = f"{', '.join(missing)} is not installed: sudo apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why}; in CI nothing may be skipped", pytrace=False)
        pytest.skip(why)


class Server:
    """A server, and psql as whom one likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The server refuses root; who installed it from a package has its user.
        users = [u for u in ("postgres", "nobody") if u in {p.pw_name for p in pwd.getpwall()}]
        self.user = users[0] if os.getuid() == 0 else None
        self.process: subprocess.Popen | None = None

    def _as_user(self) -> dict[str, object]:
        return {} if self.user is None else {"user": self.user, "group": None, "extra_groups": []}

    def start(self) -> Server:
        if self.user is not None:
            found = pwd.getpwnam(self.user)
            os.chown(self.folder, found.pw_uid, found.pw_gid)
        data = self.folder / "data"
        subprocess.run(
            [
                program("initdb"),
                "-D",
                data,
                "-U",
                "boss",
                "--auth=trust",
                "--no-sync",
                "-E",
                "UTF8",
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as_user(),
        )
        self.process = subprocess.Popen(
            [
                *(program("postgres"), "-D", data, "-k", self.folder),
                *("-c", "listen_addresses=", "-c", "fsync=off"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **self._as_user(),
        )
        deadline = time.monotonic() + 60
        while self.sql("SELECT 1").returncode:
            assert self.process.poll() is None, "postgres ended"
            assert time.monotonic() < deadline, "postgres does not answer"
            time.sleep(0.05)
        return self

    def sql(self, script: str, *, role: str = "boss") -> subprocess.CompletedProcess[str]:
        """Run a script; an error in it ends it."""
        return subprocess.run(
            [
                *("psql", "-h", self.folder, "-U", role, "-d", "postgres", "-X", "-q", "-A", "-t"),
                *("-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"),
            ],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(30)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="nl-pg-", dir="/tmp"))  # its socket's path is short
    server = Server(folder)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
