"""The process that runs one notebook: `python -m nautilus_lab.jobs._worker`.

It reads a `Task` from the first line of its input, notices by the input's end that its parent has
gone, and writes an `Outcome` to the descriptor that the task names.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from pathlib import Path

import msgspec
import psutil

from nautilus_lab.jobs._task import STOPPED, Outcome, Task


def main() -> None:
    """Run the task on standard input."""
    stopped = threading.Event()
    signal.signal(STOPPED, lambda *_: stopped.set())
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outcome = Outcome(error=_run(task))
    if Path(task.output).exists() and not stopped.is_set():
        from nautilus_lab.jobs._page import write_page

        write_page(Path(task.output), Path(task.page), title=task.title)
    os.write(task.answer, msgspec.json.encode(outcome))


def _end_with_parent() -> None:
    # Returns when the parent's end is closed, by whatever ended it. Unbuffered: a lock that a
    # daemon thread holds would abort this process at its own end.
    while os.read(sys.stdin.fileno(), 1024):
        continue
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


def _run(task: Task) -> str:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    try:
        papermill.execute_notebook(
            task.notebook,
            task.output,
            parameters=dict(task.parameters),
            cwd=str(Path(task.notebook).parent),
            progress_bar=False,
            start_timeout=task.start_timeout_s,
            execution_timeout=task.cell_timeout_s,
            store_widget_state=False,
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
    except papermill.PapermillExecutionError as error:
        return f"cell [{error.exec_count}]: {error.ename}: {error.evalue}"
    except CellTimeoutError:
        return f"{_last_cell(task)}: TimeoutError: it ran longer than {task.cell_timeout_s} s"
    except DeadKernelError:
        return f"{_last_cell(task)}: the kernel died"
    except Exception as error:  # whatever else Jupyter raises ends this run, and is told whole
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""


def _last_cell(task: Task) -> str:
    import nbformat

    started = 0
    for cell in nbformat.read(task.output, as_version=4).cells:
        marks = cell.metadata.get("papermill", {})
        started += cell.cell_type == "code" and marks.get("start_time") is not None
    return f"cell [{started}]"


if __name__ == "__main__":
    main()
