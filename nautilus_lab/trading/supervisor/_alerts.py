"""Speaking when a node cannot."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.messages import Severity
from nautilus_lab.platform.rundir import Home

log = logging.getLogger(__name__)

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


class Alerts(Protocol):
    """Where a supervisor's alerts go."""

    async def __call__(
        self, severity: Severity, rule: str, *, detail: str = "", remedy: str = "", trader: str = ""
    ) -> None:
        """Tell whoever watches; never raises."""
        ...


class DeskAlerts:
    """Writes alerts to the log and to the store that the processes of a lab share.

    Parameters
    ----------
    home : Home
        Whose `store`.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    async def __call__(
        self, severity: Severity, rule: str, *, detail: str = "", remedy: str = "", trader: str = ""
    ) -> None:
        """Log the alert, then store it; a store that cannot be written leaves the log."""
        log.log(_LEVELS[severity], "%s%s; %s", f"{trader}: " if trader else "", rule, detail)
        try:
            await asyncio.to_thread(self._store, severity, rule, detail, remedy, trader)
        except LabError as error:
            log.error("an alert could not be stored: %s", error)

    def _store(self, severity: Severity, rule: str, detail: str, remedy: str, trader: str) -> None:
        # Late: a supervisor that never has to speak need not know databases.
        from nautilus_lab.platform.store import DeskStore

        with DeskStore.open(self._home.store) as store:
            store.raise_alert(
                severity, "supervisor", rule, detail=detail, remedy=remedy, trader=trader
            )
