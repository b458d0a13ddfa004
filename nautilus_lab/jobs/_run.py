"""Running a notebook as a job, and the ledger of such runs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import psutil

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import InputError, RunFailed
from nautilus_lab.jobs._parameters import check_parameters, declared_parameters
from nautilus_lab.jobs._record import RunRecord
from nautilus_lab.jobs._task import STOPPED, Outcome, Task
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import DeskStore, RunRow, RunStatus

_DEFAULT_KERNEL = "nautilus-research"
# How long a run that is ended has for its cell to unwind, to write the notebook, and the page.
_GRACE_S = 0.8
_WRITE_S = 2.0
_PAGE_S = 30.0


def run_notebook(
    notebook: Path | str,
    parameters: Mapping[str, Any] | None = None,
    *,
    settings: Settings,
    output_dir: Path | str | None = None,
) -> RunRecord:
    """Run a notebook in processes of its own; keep its output, a page and a ledger row.

    Parameters
    ----------
    notebook : path
        A notebook of the workspace; relative to the current folder or to the workspace's root.
    parameters : mapping, optional
        Values for names that the notebook's cell tagged ``parameters`` assigns. Plain data.
    settings : Settings
        The workspace, its stores and the limits of a run.
    output_dir : path, optional
        Where the executed notebook, ``.html`` page and ``.log`` go; made when missing. A new
        folder below `Settings.runs_path` when not given.

    Returns
    -------
    RunRecord
        Of a run whose cells all ran.

    Raises
    ------
    InputError
        When the notebook, a parameter or the output folder is refused; nothing has run.
    RunFailed
        When a cell fails or a limit is passed. The output up to there is kept; `value` is the
        `RunRecord`.

    Notes
    -----
    An interrupt (the stop button, Ctrl-C, SIGTERM) interrupts the cell that runs, ends its kernel
    within two seconds, keeps the output and leaves the run ``interrupted`` in the ledger.
    """
    root = settings.root.resolve()
    path = _inside(root, notebook)
    given = dict(parameters or {})
    check_parameters(given, declared_parameters(path))
    kernel = _kernel_of(path)
    run_id = new_id()
    files = _Files.make(path, run_id, settings, output_dir)
    row = RunRow(
        run_id=run_id,
        notebook=str(path.relative_to(root)),
        parameters=given,
        notebook_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        git_revision=git_revision(root),
        kernel=kernel,
        data_manifest_hash=_hash_of(settings.data_path / "manifest.json"),
        started_ns=time.time_ns(),
    )
    with _Ledger.open(settings) as ledger, _terminable():
        ledger.begin(row, files)
        begun = time.monotonic()
        status: RunStatus = "failed"
        error = ""
        try:
            error = _execute(run_id, path, given, files, settings)
            status = "failed" if error else "succeeded"
        except BaseException as cause:
            stopped = isinstance(cause, KeyboardInterrupt | SystemExit)
            status, error = ("interrupted", "stopped") if stopped else ("failed", str(cause))
            raise
        finally:
            record = ledger.end(run_id, status, time.monotonic() - begun, error)
    if error:
        raise RunFailed(
            f"every cell must run; {error}",
            value=record,
            remedy=f"open {record.html_path or files.log}",
        )
    return record


def runs(
    *, settings: Settings, notebook: str | None = None, limit: int | None = None
) -> tuple[RunRecord, ...]:
    """Return the runs in the ledger, the latest first.

    A run whose process has died without a word is entered as failed first.

    Parameters
    ----------
    settings : Settings
        The workspace.
    notebook : str, optional
        Only the runs of this notebook, relative to the workspace.
    limit : int, optional
        At most so many.
    """
    root = settings.root.resolve()
    with _Ledger.open(settings) as ledger:
        ledger.bury_the_dead()
        rows = ledger.desk.runs(notebook=notebook, limit=limit)
    return tuple(RunRecord.of(row, root) for row in rows)


# --- what a run reads and writes ---------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Files:
    """The three files that a run leaves behind."""

    output: Path
    page: Path
    log: Path

    @classmethod
    def make(
        cls, notebook: Path, run_id: str, settings: Settings, output_dir: Path | str | None
    ) -> _Files:
        name = notebook.stem
        if output_dir is None:
            now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            folder = settings.runs_path / f"{now}-{name}-{run_id[-6:]}"
        else:
            folder = Path(output_dir)
        folder = folder.resolve()
        files = cls(
            output=folder / f"{name}.ipynb",
            page=folder / f"{name}.html",
            log=folder / f"{name}.log",
        )
        if taken := [each for each in (files.output, files.page) if each.exists()]:
            raise InputError(
                "an output folder must not hold an earlier run of the notebook",
                value=str(taken[0]),
                remedy="name another folder, or none: each run gets one of its own",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"an output folder must be writable: {error.strerror}",
                value=str(folder),
                remedy="name another folder",
            ) from None
        return files


def _inside(root: Path, notebook: Path | str) -> Path:
    given = Path(notebook)
    path = next((p for p in (given.resolve(), (root / given).resolve()) if p.is_file()), None)
    if path is None or path.suffix != ".ipynb":
        raise InputError(
            "a notebook must be a file that ends in .ipynb",
            value=str(notebook),
            remedy="name it relative to the current folder or to the workspace",
        )
    if not path.is_relative_to(root):
        raise InputError(
            f"a notebook must lie in the workspace, {root}",
            value=str(path),
            remedy="copy it there, or work in its own workspace",
        )
    return path


def _kernel_of(path: Path) -> str:
    from jupyter_client.kernelspec import KernelSpecManager

    metadata = json.loads(path.read_text("utf-8")).get("metadata", {})
    name = str(metadata.get("kernelspec", {}).get("name", _DEFAULT_KERNEL))
    installed = KernelSpecManager().find_kernel_specs()
    if name not in installed:
        raise InputError(
            f"a notebook's kernel must be registered: there are {', '.join(sorted(installed))}",
            value=name,
            remedy=f"save it with the kernel {_DEFAULT_KERNEL}; `make` registers it",
        )
    return name


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def git_revision(root: Path) -> str:
    """Return the revision of the code at `root`; empty outside a repository."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True
        )
    except FileNotFoundError:
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


# --- the process -------------------------------------------------------------------------------


def _execute(
    run_id: str, notebook: Path, parameters: dict[str, Any], files: _Files, settings: Settings
) -> str:
    """Run the notebook; return the error that ended it, or nothing."""
    answer, theirs = os.pipe()
    task = Task(
        notebook=str(notebook),
        output=str(files.output),
        page=str(files.page),
        title=notebook.stem.replace("_", " "),
        parameters=parameters,
        cell_timeout_s=settings.jobs.cell_timeout_s,
        start_timeout_s=settings.jobs.start_timeout_s,
        answer=theirs,
    )
    try:
        with files.log.open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "nautilus_lab.jobs._worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Its cells may say which run they are of: see `publish_targets`.
                env={**os.environ, "NL_ROOT": str(settings.root), "NL_RUN": run_id},
                pass_fds=(theirs,),
                start_new_session=True,  # the terminal's Ctrl-C is for us alone
            )
        os.close(theirs)
        with worker:
            try:
                # The pipe stays open: its end tells the worker that we have gone.
                assert worker.stdin is not None
                worker.stdin.write(msgspec.json.encode(task) + b"\n")
                worker.stdin.flush()
                worker.wait(settings.jobs.run_timeout_s)
            except subprocess.TimeoutExpired:
                _end(worker, patience_s=_PAGE_S)
                return f"the run took longer than {settings.jobs.run_timeout_s} s"
            except BaseException:
                worker.send_signal(STOPPED)
                _end(worker, patience_s=_WRITE_S)
                raise
        said = os.read(answer, 1 << 20)
    finally:
        os.close(answer)
    if not said:
        return f"the run ended without a word, exit code {worker.returncode}; see {files.log}"
    return msgspec.json.decode(said, type=Outcome).error


def _end(worker: subprocess.Popen[bytes], *, patience_s: float) -> None:
    """End the kernel and what it started; then the worker, which writes what there is."""
    if worker.poll() is not None:
        return
    children = psutil.Process(worker.pid).children(recursive=True)
    for child in children:  # the cell sees KeyboardInterrupt and may clean up
        _signal(child, signal.SIGINT)
    _, left = psutil.wait_procs(children, _GRACE_S)
    for child in left:
        _signal(child, signal.SIGKILL)
    try:
        worker.wait(patience_s)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind like Ctrl-C, so that the run is stopped and entered as such."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread: whoever owns it decides
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- the ledger --------------------------------------------------------------------------------


class _Ledger:
    """The runs of `desk.db`, and beside it who runs each open one."""

    def __init__(self, desk: DeskStore, root: Path, folder: Path) -> None:
        self.desk = desk
        self.root = root
        self.folder = folder  # run id -> process record, while it runs

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator[_Ledger]:
        home = Home(settings.home_path).make()
        folder = home.path / "jobs"
        folder.mkdir(mode=0o700, exist_ok=True)
        timeout = settings.store.busy_timeout_ms
        with DeskStore.open(home.store, busy_timeout_ms=timeout) as desk:
            yield cls(desk, settings.root.resolve(), folder)

    def begin(self, row: RunRow, files: _Files) -> None:
        detail = {"output": str(files.output), "page": str(files.page)}
        process = ProcessRecord.of_this_process("job", detail=detail)
        process.write(self._process(row.run_id))
        try:
            self.desk.add_run(row)
        except BaseException:
            self._process(row.run_id).unlink()
            raise

    def end(self, run_id: str, status: RunStatus, seconds: float, error: str) -> RunRecord:
        process = ProcessRecord.read(self._process(run_id))
        left = {} if process is None else process.detail
        row = self.desk.finish_run(
            run_id,
            status=status,
            seconds=seconds,
            output_path=self._kept(left.get("output")),
            html_path=self._kept(left.get("page")),
            error=error,
        )
        self._process(run_id).unlink(missing_ok=True)
        return RunRecord.of(row, self.root)

    def bury_the_dead(self) -> None:
        for row in self.desk.runs(status="running"):
            process = ProcessRecord.read(self._process(row.run_id))
            if process is None or not process.alive:
                seconds = max(0.0, (time.time_ns() - row.started_ns) / 1e9)
                self.end(row.run_id, "failed", seconds, "the process that ran it died")

    def _process(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    def _kept(self, path: str | None) -> str:
        """Return a file's path, from the workspace if it lies there; nothing if it is not there."""
        if path is None or not Path(path).is_file():
            return ""
        inside = Path(path).is_relative_to(self.root)
        return str(Path(path).relative_to(self.root) if inside else path)
