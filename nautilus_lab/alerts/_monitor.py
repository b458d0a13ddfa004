"""Whether a monitor tells anybody of alerts."""

from __future__ import annotations

from nautilus_lab.exceptions import LabError, StoreError
from nautilus_lab.platform.commands import CommandClient, MonitorStanding, MonitorStatus
from nautilus_lab.platform.rundir import Home, ProcessRecord

_ANSWER_S = 1.5


async def monitor_standing(home: Home, *, timeout_s: float = _ANSWER_S) -> MonitorStanding:
    """Ask the monitor of a lab how it is.

    One that was killed left its record, one that ended in order took it along; one that is frozen
    lives and says nothing.

    Parameters
    ----------
    home : Home
        Whose monitor.
    timeout_s : float, default=1.5
        Seconds to wait for its answer.
    """
    try:
        record = ProcessRecord.read(home.monitor_files.record)
    except StoreError as error:
        return MonitorStanding(state="silent", detail=f"its record cannot be read: {error.rule}")
    if record is None:
        return MonitorStanding(state="absent")
    if not record.alive:
        return MonitorStanding(state="dead", detail=f"process {record.pid} is gone")
    try:
        status: MonitorStatus = await CommandClient(home.monitor_files.commands).call(
            "monitor.status", timeout_s=timeout_s, answer=MonitorStatus
        )
    except LabError as error:
        return MonitorStanding(state="silent", detail=f"process {record.pid}: {error.rule}")
    return MonitorStanding(state="runs", status=status)
