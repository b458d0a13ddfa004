"""Alerts of what could not be measured: each raised once, and seen to when it is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore

log = logging.getLogger(__name__)

_BY = "measures"
_LONGEST = 1_000
# Whoever holds the trail is waited for each time: not at every look.
_AGAIN_S = 30.0


class Trouble:
    """One thing that must hold for a trader; a breach is an alert until it is over.

    Parameters
    ----------
    home : Home
        Whose `store` keeps alerts.
    trader : str
        Whose matter it is.
    rule, remedy : str
        What must hold, and what to do where it does not.
    acknowledge : callable
        Takes the id of an alert, who has seen to it, and a note: `nautilus_lab.alerts.acknowledge`,
        which has it in the trader's audit trail. What it refuses is tried again the next time.
    """

    def __init__(
        self,
        home: Home,
        trader: str,
        rule: str,
        *,
        remedy: str,
        acknowledge: Callable[[str, str, str], object],
    ) -> None:
        self.rule = rule
        self._home = home
        self._trader = trader
        self._remedy = remedy
        self._acknowledge = acknowledge
        self._over: list[str] = []  # ids of alerts that are over and still open
        self._not_before_s = 0.0  # time.monotonic(), after one could not be seen to
        self._told = ""  # what was told last is about this; empty while all is well
        self._alert = ""  # the id of that alert; empty when it could not be stored

    @property
    def open(self) -> bool:
        """Whether it does not hold now."""
        return bool(self._told)

    def is_(self, found: str, *, about: str = "") -> None:
        """Say what is found now, empty when all is well; never raises.

        What is `about` the same as before is told once, whatever its words.
        """
        about = found and (about or found)
        self._see_to()
        if about == self._told and (self._alert or not about):
            return
        if self._told and about != self._told:
            log.info("%s: no longer: %s", self._trader, self._told)
            if self._alert:
                self._over.append(self._alert)
                self._alert = ""
            self._see_to()
        if found:
            log.warning("%s: %s; %s", self._trader, self.rule, found)
            self._raise(found)
        self._told = about

    def _raise(self, found: str) -> None:
        try:
            with DeskStore.open(self._home.store) as store:
                raised = store.raise_alert(
                    "critical",
                    _BY,
                    self.rule,
                    detail=found[:_LONGEST],
                    remedy=self._remedy,
                    trader=self._trader,
                )
            self._alert = raised.id
        except LabError as error:
            log.error("an alert could not be stored: %s", error)

    def _see_to(self) -> None:
        if time.monotonic() < self._not_before_s:
            return
        for alert in tuple(self._over):
            try:
                self._acknowledge(alert, _BY, "it is over")
            except LabError as error:
                self._not_before_s = time.monotonic() + _AGAIN_S
                log.error("the alert %s stays open for now: %s", alert, error)
            else:
                self._over.remove(alert)
