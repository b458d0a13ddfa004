"""Failpoints: nothing unless armed, then exactly what the plan says, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nautilus_lab.platform.failpoint import FailpointReached, Plan, arm, reach


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def test_an_unarmed_place_is_passed() -> None:
    reach("gate.after_commit")


def test_a_plan_happens_at_its_place_and_nowhere_else() -> None:
    arm("gate.after_commit:raise")
    reach("gate.before_commit")
    with pytest.raises(FailpointReached, match=r"gate\.after_commit"):
        reach("gate.after_commit")


def test_a_plan_waits_for_its_count_and_happens_once() -> None:
    arm("outbox.after_store@3:raise")
    reach("outbox.after_store")
    reach("outbox.after_store")
    with pytest.raises(FailpointReached):
        reach("outbox.after_store")
    reach("outbox.after_store")


def test_a_plan_for_another_process_is_passed() -> None:
    arm("venue:venue.after_ledger:raise")
    reach("venue.after_ledger")


def test_a_file_arms_a_running_process_and_is_gone_when_its_plan_happened(tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    arm(f"@{plan}")
    reach("latch.after_write")
    plan.write_text("latch.after_write:raise\n", "utf-8")
    with pytest.raises(FailpointReached):
        reach("latch.after_write")
    assert not plan.exists()
    reach("latch.after_write")


def test_exit_ends_the_process_as_kill_9_does() -> None:
    code = "from nautilus_lab.platform.failpoint import reach; reach('gate.after_commit'); print(1)"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"NL_FAILPOINT": "gate.after_commit"},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b""


@pytest.mark.parametrize(
    "text", ["gate", "gate.after_commit@0", "gate.after_commit:burn", "a:b:gate.x", "@@", "x.y z"]
)
def test_a_plan_that_is_misspelled_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NL_FAILPOINT must be"):
        Plan.of(text)
