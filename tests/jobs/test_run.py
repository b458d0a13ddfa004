import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import InputError, RunFailed
from nautilus_lab.jobs import run_notebook, runs
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore

pytestmark = pytest.mark.processes

RUN = """
import sys
from nautilus_lab.config import load_settings
from nautilus_lab.jobs import run_notebook
run_notebook("slow.ipynb", settings=load_settings())
"""


@pytest.fixture
def settings(workspace):
    return load_settings(jobs={"cell_timeout_s": 60})


def texts(path):
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for c in cells for o in c.get("outputs", ()))


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def test_a_run_leaves_an_output_a_page_and_a_ledger_row(notebook, settings):
    path = notebook(
        "research/report",
        "print(window, start)",
        "import os; print(os.environ['NL_ROOT'], os.getcwd())",
        parameters='window = 252\nstart = "2010"',
    )
    record = run_notebook(path, {"window": 120}, settings=settings)

    assert record.status == "succeeded"
    assert record.output_path.parent.parent == settings.runs_path.resolve()
    assert "120 2010\n" in texts(record.output_path)
    assert f"{settings.root} {path.parent}" in texts(record.output_path)
    assert "120 2010" in record.html_path.read_text("utf-8")
    with DeskStore.open(Home(settings.home_path).store) as desk:
        (row,) = desk.runs()
    assert row.run_id == record.run_id
    assert (row.notebook, row.status, row.kernel) == (
        "research/report.ipynb",
        "succeeded",
        "nautilus-research",
    )
    assert row.parameters == {"window": 120}
    assert row.notebook_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert runs(settings=settings) == (record,)
    assert re.fullmatch(r"20[-0-9: ]{14}  succeeded +[\d.]+ s  research/report.ipynb", str(record))


def test_a_failing_cell_is_named_and_what_ran_is_kept(notebook, settings):
    notebook("bad", "print('before')", "raise ValueError('no prices')", "print('after')")
    with pytest.raises(RunFailed, match=r"cell \[2\]: ValueError: no prices") as caught:
        run_notebook("bad.ipynb", settings=settings, output_dir=settings.root / "kept")

    record = caught.value.value
    assert record.output_path == settings.root.resolve() / "kept" / "bad.ipynb"
    assert "before" in texts(record.output_path)
    assert "after" not in texts(record.output_path)
    assert "no prices" in record.html_path.read_text("utf-8")
    assert [(r.status, r.error) for r in runs(settings=settings)] == [
        ("failed", "cell [2]: ValueError: no prices")
    ]
    with pytest.raises(InputError, match="must not hold an earlier run"):
        run_notebook("bad.ipynb", settings=settings, output_dir=settings.root / "kept")


def test_a_cell_that_takes_too_long_ends_the_run(notebook, settings):
    notebook("slow", "print('before')", "import time; time.sleep(600)")
    limited = settings.model_copy(
        update={"jobs": settings.jobs.model_copy(update={"cell_timeout_s": 1})}
    )
    with pytest.raises(RunFailed, match=r"cell \[2\]: TimeoutError: it ran longer than 1 s"):
        run_notebook("slow.ipynb", settings=limited)


def test_a_run_that_takes_too_long_is_ended_and_keeps_its_output(notebook, settings):
    notebook("slow", "print('before')", "import time; time.sleep(600)")
    limited = settings.model_copy(
        update={"jobs": settings.jobs.model_copy(update={"run_timeout_s": 15})}
    )
    with pytest.raises(RunFailed, match="the run took longer than 15 s") as caught:
        run_notebook("slow.ipynb", settings=limited)
    assert "before" in texts(caught.value.value.output_path)
    assert caught.value.value.html_path.is_file()


def test_a_kernel_that_dies_is_named_with_its_cell(notebook, settings):
    notebook("dying", "1", "import os; os._exit(9)")
    with pytest.raises(RunFailed, match=r"cell \[2\]: the kernel died"):
        run_notebook("dying.ipynb", settings=settings)


@pytest.fixture
def slow_run(notebook, settings):
    """A process that runs a notebook which waits in its second cell."""
    begun = settings.root / "begun"
    notebook(
        "slow",
        "print('before')",
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\n"
        "for second in range(600):\n    print(second, flush=True); time.sleep(0.1)",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=settings.root,
        stderr=subprocess.PIPE,
        env={**os.environ, "NL_ROOT": str(settings.root)},
    )
    with process:
        wait_for(begun.exists)
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)]
)
def test_a_stopped_run_keeps_its_output_and_is_no_failure(slow_run, settings, number, code):
    assert [record.status for record in runs(settings=settings)] == ["running"]
    slow_run.send_signal(number)
    slow_run.wait(10)
    assert slow_run.returncode == code
    (record,) = runs(settings=settings)
    assert record.status == "interrupted"
    assert "before" in texts(record.output_path)
    assert "0\n" in texts(record.output_path)


def test_a_run_whose_process_was_killed_is_no_longer_called_running(slow_run, settings):
    slow_run.kill()
    slow_run.wait()
    (record,) = runs(settings=settings)
    assert (record.status, record.error) == ("failed", "the process that ran it died")
    assert record.output_path.is_file()
    assert runs(settings=settings) == (record,)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("absent.ipynb", "ends in .ipynb"), ("lab.toml", "ends in .ipynb"), ("/etc/hosts", "ends in")],
)
def test_what_is_no_notebook_is_refused(settings, name, rule):
    with pytest.raises(InputError, match=rule):
        run_notebook(name, settings=settings)


def test_a_notebook_outside_the_workspace_is_refused(notebook, settings, tmp_path):
    outside = tmp_path / "outside.ipynb"
    outside.write_bytes(notebook("inside").read_bytes())
    with pytest.raises(InputError, match="must lie in the workspace"):
        run_notebook(outside, settings=settings)


def test_a_link_out_of_the_workspace_is_refused(notebook, settings, tmp_path):
    outside = tmp_path / "outside.ipynb"
    outside.write_bytes(notebook("inside").read_bytes())
    (settings.root / "link.ipynb").symlink_to(outside)
    with pytest.raises(InputError, match="must lie in the workspace"):
        run_notebook("link.ipynb", settings=settings)


def test_a_kernel_that_is_not_registered_is_refused(notebook, settings):
    notebook("old", "1", kernel={"name": "julia-1.9", "display_name": "Julia"})
    with pytest.raises(InputError, match="there are nautilus-node, nautilus-research"):
        run_notebook("old.ipynb", settings=settings)


def test_a_refused_run_leaves_nothing(notebook, settings):
    notebook("report", "print(window)", parameters="window = 252")
    with pytest.raises(InputError):
        run_notebook("report.ipynb", {"windwo": 1}, settings=settings)
    with pytest.raises(InputError):
        run_notebook("report.ipynb", {"window": "long"}, settings=settings)
    assert not settings.runs_path.exists()
    assert not settings.home_path.exists()
    assert runs(settings=settings) == ()


def test_an_output_folder_that_cannot_be_made_is_refused(notebook, settings):
    notebook("report", "1")
    (settings.root / "file").write_text("")
    with pytest.raises(InputError, match="an output folder must be writable"):
        run_notebook("report.ipynb", settings=settings, output_dir=settings.root / "file" / "x")
    assert json.loads((settings.root / "report.ipynb").read_text())["cells"]
