"""Alerts in the monitor's own log."""

from __future__ import annotations

import logging

from nautilus_lab.monitoring._channel import Notice, Outcome

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


class LogChannel:
    """Writes a line for each alert to the log of its process, logger ``nautilus_lab.alerts``."""

    name = "log"

    def __init__(self) -> None:
        self._log = logging.getLogger("nautilus_lab.alerts")

    def __repr__(self) -> str:
        return "LogChannel()"

    async def send(self, notice: Notice) -> Outcome:
        """Write it."""
        remedy = f" ({notice.alert.remedy})" if notice.alert.remedy else ""
        level = _LEVELS[notice.alert.severity]
        self._log.log(level, "%s%s, id %s", notice.line, remedy, notice.alert.id)
        return Outcome(how="sent")

    def close(self) -> None:
        """Do nothing: the log is its process'."""
