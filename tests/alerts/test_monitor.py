"""Whether anybody is told of alerts is asked of the monitor itself."""

import subprocess
import sys

import pytest

from nautilus_lab.alerts import monitor_standing
from nautilus_lab.config import load_settings
from nautilus_lab.monitoring import Monitor
from nautilus_lab.platform.rundir import ProcessRecord


async def test_a_lab_that_has_none_says_so(home):
    assert (await monitor_standing(home)).state == "absent"


async def test_one_whose_process_is_gone_is_dead(home):
    files = home.monitor_files
    code = (
        "from pathlib import Path; from nautilus_lab.platform.rundir import ProcessRecord; "
        f"ProcessRecord.of_this_process('monitor').write(Path({str(files.record)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    found = await monitor_standing(home)
    assert found.state == "dead"
    assert "is gone" in found.detail


async def test_one_that_lives_and_does_not_answer_is_silent(home):
    ProcessRecord.of_this_process("monitor").write(home.monitor_files.record)
    found = await monitor_standing(home, timeout_s=0.2)
    assert (found.state, found.status) == ("silent", None)


async def test_a_record_that_cannot_be_read_is_no_sign_of_life(home):
    home.monitor_files.record.write_text("{")
    assert (await monitor_standing(home)).state == "silent"


@pytest.fixture
async def monitor(home):
    levels = {"l2": {"tighten": "REDUCE_ONLY"}, "l3": {"tighten": "HALTED", "cancel_orders": True}}
    made = Monitor(load_settings(home.path.parent, monitoring={"levels": levels}))
    await made.start()
    yield made
    await made.stop()


async def test_one_that_runs_says_whom_it_tells_and_what_its_levels_do(home, monitor):
    found = await monitor_standing(home)
    assert found.state == "runs"
    assert {one.name for one in found.status.channels} == {"log", "bus"}
    ladder = [(one.rank, one.tighten, one.cancel_orders) for one in found.status.levels]
    assert ladder == [
        *((0, "", False), (1, "", False), (2, "REDUCE_ONLY", False)),
        *((3, "HALTED", True), (4, "", False)),
    ]
    assert all(one.channels == ("log", "bus") for one in found.status.levels)
