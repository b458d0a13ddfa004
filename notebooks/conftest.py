"""Notebooks under test trade in a home of their own and leave nothing running."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid

import pytest

from scripts.leftovers import MARK, left_running

_HOMES = "NOTEBOOK_HOMES"


def pytest_configure(config: pytest.Config) -> None:
    """Give every worker a home, so that two notebooks never meet at one trader."""
    if not hasattr(config, "workerinput"):
        os.environ[_HOMES] = tempfile.mkdtemp(prefix="nl-", dir="/tmp")
        os.environ[MARK] = uuid.uuid4().hex
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    os.environ["NL_HOME"] = os.path.join(os.environ[_HOMES], worker)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a node or a kernel outlives it."""
    if hasattr(session.config, "workerinput"):
        return
    if left := left_running(os.environ[MARK], seconds=5):
        print(f"\nleft running: {left}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(os.environ[_HOMES], ignore_errors=True)
