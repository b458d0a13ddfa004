import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nautilus_lab.config import load_settings

MARKED = """
import pytest
@pytest.mark.{marker}
def test_with_a_server(): pass
"""
LEAKING = """
import subprocess, sys
KEPT = []
def test_that_leaves_a_process():
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    KEPT.append(subprocess.Popen(words, start_new_session=True))
"""


@pytest.fixture
def run(repository, tmp_path):
    """Run one test file under the suite's own conftest, on a machine without servers."""

    def run(source, **environment):
        shutil.copy(repository / "tests" / "conftest.py", tmp_path)
        (tmp_path / "test_it.py").write_text(source)
        inherited = {k: v for k, v in os.environ.items() if k not in ("CI", "TESTED_BY")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-c", repository / "pyproject.toml",
             "--rootdir", tmp_path, "-p", "no:cacheprovider", tmp_path / "test_it.py"],
            capture_output=True, text=True, env={**inherited, "PATH": "", **environment},
        )  # fmt: skip
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("marker", "line"),
    [
        ("redis", "redis-server is not installed: sudo apt-get install redis-server"),
        ("browser", "chromium is not installed: sudo apt-get install chromium"),
    ],
)
def test_a_missing_program_skips_and_gives_the_install_line(run, marker, line):
    report = run(MARKED.format(marker=marker))
    assert "1 skipped" in report
    assert line in report


def test_in_ci_a_missing_program_is_a_failure(run):
    report = run(MARKED.format(marker="redis"), CI="true")
    assert "1 error" in report
    assert "in CI nothing may be skipped" in report


def test_a_process_that_outlives_its_tests_is_killed_and_named(run):
    report = run(LEAKING)
    assert "1 passed, 1 error" in report
    assert "left running" in report
    assert "time.sleep(600)" in report


def test_settings_of_the_shell_do_not_reach_a_test():
    assert [name for name in os.environ if name.startswith("NL_")] == []


def test_a_workspace_is_found_from_anywhere_and_its_sockets_fit(workspace, tmp_path):
    settings = load_settings()
    assert settings.root == workspace
    assert Path.cwd() == tmp_path
    socket = settings.home_path / "traders" / "PAPER-001" / "commands.sock"
    assert len(os.fsencode(socket)) < 100
