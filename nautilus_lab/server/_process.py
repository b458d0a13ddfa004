"""A web server as a child process: started, asked whether it answers, and stopped for sure."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psutil

from nautilus_lab.exceptions import (
    DeadlineExceeded,
    InputError,
    LifecycleError,
    NotReachable,
    PortBusy,
)
from nautilus_lab.server._child import ChildSettings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class WebServer:
    """What both servers share: one child process on a loopback port, behind a token.

    Attributes
    ----------
    root : Path
        The folder it serves.
    token : str
        What a browser must show once; then a cookie does.
    log : Path
        Where the child writes its log.
    """

    _module: ClassVar[str]
    _name: ClassVar[str]
    _probe: ClassVar[str]  # a path that answers 200 to those with the token

    def __init__(
        self,
        root: Path | str,
        *,
        workspace: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        log: Path | str | None = None,
    ) -> None:
        self.root = Path(root).resolve()
        if not self.root.is_dir():
            raise InputError(
                f"{self._name} needs a folder to serve",
                value=str(root),
                remedy="pass one that exists",
            )
        if host not in _LOOPBACK:
            raise InputError(
                f"{self._name} listens on this machine only",
                value=host,
                remedy="put a proxy with TLS in front of it",
            )
        if not 0 <= port <= 65_535:
            raise InputError("a port must lie in [0, 65535]", value=port)
        self.workspace = Path(workspace).resolve() if workspace is not None else None
        self.host = host
        self.port = port
        self.token = token or secrets.token_urlsafe(24)
        self.log = Path(log) if log is not None else _own_log(self._name)
        self._process: subprocess.Popen[bytes] | None = None
        self._bound = 0

    @property
    def alive(self) -> bool:
        """Whether the child process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The child's process id; 0 when none runs."""
        return self._process.pid if self._process is not None and self.alive else 0

    @property
    def url(self) -> str:
        """Where it answers, with the token; empty when it does not run."""
        return self._address() if self.alive else ""

    def start(self, timeout_s: float = 60.0) -> str:
        """Start the child and return its address with the token, once it has its port.

        Raises
        ------
        PortBusy
            When another process holds the port; nothing runs then.
        NotReachable
            When the child ended, with the end of its log.
        DeadlineExceeded
            When it has no port after `timeout_s` seconds; it is stopped then.
        LifecycleError
            When it runs already.
        """
        if self.alive:
            raise LifecycleError(f"{self._name} starts once", value=self.pid, remedy="stop it")
        self.stop()  # what is left of one that ended by itself
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(),
                cwd=self.root,
                start_new_session=True,  # Ctrl-C is for the one who started us; he stops us
            )
        try:
            self._bound = self._introduce(self._process, timeout_s)
        except BaseException:
            self.stop()
            raise
        return self._address()

    def ready(self, timeout_s: float = 30.0) -> None:
        """Return when it answers with a page.

        Raises
        ------
        DeadlineExceeded
            When it does not within `timeout_s` seconds.
        NotReachable
            When the child has ended.
        """
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if not self.alive:
                raise self._ended()
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"{self._name} must answer", value=f"{timeout_s:g} s passed", remedy=self._look
                )
            time.sleep(0.1)

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the child and every kernel it started; harmless when it does not run.

        It is asked first; what is left after `timeout_s` seconds is killed.
        """
        if self._process is None:
            return
        family = _family(self._process.pid)
        if self._process.poll() is None:
            self._process.terminate()
            deadline = time.monotonic() + timeout_s
            while self._process.poll() is None and time.monotonic() < deadline:
                # Kernels may still be starting while their server is told to end.
                family |= _family(self._process.pid)
                time.sleep(0.05)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def __enter__(self) -> WebServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = f"http://{self.host}:{self._bound}" if self.alive else "stopped"
        return f"{type(self).__name__}({where}, root={str(self.root)!r})"

    # --- the child ---------------------------------------------------------------------------

    def _settings(self) -> ChildSettings:
        return ChildSettings(root=str(self.root), host=self.host, port=self.port, token=self.token)

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        if self.workspace is not None:
            environment["NL_ROOT"] = str(self.workspace)
        # In a checkout the templates are here; an installed package has them where Jupyter looks.
        shared = Path(__file__).resolve().parents[2] / "share" / "jupyter"
        if shared.is_dir():
            known = environment.get("JUPYTER_PATH")
            environment["JUPYTER_PATH"] = f"{shared}{os.pathsep}{known}" if known else str(shared)
        environment["JUPYTER_PREFER_ENV_PATH"] = "1"
        environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1,localhost,::1"
        return environment

    def _introduce(self, child: subprocess.Popen[bytes], timeout_s: float) -> int:
        """Tell the child its settings, and be told its port."""
        assert child.stdin is not None
        assert child.stdout is not None
        # On its standard input: arguments and environment can be read by others.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(self._settings().__dict__).encode() + b"\n")
            child.stdin.flush()
        readable, _, _ = select.select([child.stdout], [], [], timeout_s)
        line = child.stdout.readline() if readable else b""
        if not readable:
            raise DeadlineExceeded(
                f"{self._name} must open its port", value=f"{timeout_s:g} s", remedy=self._look
            )
        if not line:
            child.wait()
            raise self._ended()
        said = json.loads(line)
        if "port" not in said:
            raise PortBusy(
                f"the port of {self._name} must be free",
                value=f"{self.host}:{self.port}",
                remedy="pass another port, or 0 for any free one",
            )
        return int(said["port"])

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self._bound, timeout=2)
        try:
            connection.request("GET", self._probe, headers={"Authorization": f"token {self.token}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _address(self, path: str = "/") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self._bound}{path}?token={quote(self.token)}"

    @property
    def _look(self) -> str:
        return f"see its log: {self.log}"

    def _ended(self) -> NotReachable:
        tail = self.log.read_text("utf-8", "replace").strip().splitlines()[-3:]
        return NotReachable(
            f"{self._name} must not end by itself", value=" | ".join(tail), remedy=self._look
        )


def _family(pid: int) -> set[psutil.Process]:
    try:
        return set(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def _own_log(name: str) -> Path:
    handle, path = tempfile.mkstemp(prefix=f"{name.lower().replace('à', 'a')}-", suffix=".log")
    os.close(handle)
    return Path(path)
