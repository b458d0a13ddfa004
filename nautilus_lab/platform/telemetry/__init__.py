"""What a process tells of itself: logs, loop lag, memory."""

from nautilus_lab.platform.telemetry._limited import LimitedLog

__all__ = ["LimitedLog"]
