"""Alerts of what could not be measured: each raised once, and seen to when it is over."""

from __future__ import annotations

import logging

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import AlertLedger, DeskStore

log = logging.getLogger(__name__)

_BY = "measures"
_LONGEST = 1_000


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
    """

    def __init__(self, home: Home, trader: str, rule: str, *, remedy: str) -> None:
        self.rule = rule
        self._home = home
        self._trader = trader
        self._remedy = remedy
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
        if about == self._told and (self._alert or not about):
            return
        if self._told and about != self._told:
            log.info("%s: no longer: %s", self._trader, self._told)
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
        alert, self._alert = self._alert, ""
        if not alert:
            return
        try:
            with DeskStore.open(self._home.store) as store:
                AlertLedger(store).acknowledge(alert, by=_BY, note="it is over")
        except LabError as error:
            log.error("the alert %s stays open: %s", alert, error)
