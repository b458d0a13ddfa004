"""What a process tells of itself: logs without secrets, loop lag, memory."""

from nautilus_lab.platform.telemetry._follow import LogFollower
from nautilus_lab.platform.telemetry._limited import LimitedLog
from nautilus_lab.platform.telemetry._logs import configure_logging
from nautilus_lab.platform.telemetry._loop_lag import LoopLag
from nautilus_lab.platform.telemetry._redaction import redacted
from nautilus_lab.platform.telemetry._resources import ResourceUse, resource_use
from nautilus_lab.platform.telemetry._tail import LogTail

__all__ = [
    "LimitedLog",
    "LogFollower",
    "LogTail",
    "LoopLag",
    "ResourceUse",
    "configure_logging",
    "redacted",
    "resource_use",
]
