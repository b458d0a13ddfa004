"""Ending a process at a named place, to see what it comes back to."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "NL_FAILPOINT"

# [process:]name[@count][:action]
_SPELLING = re.compile(
    r"(?:(?P<process>[a-z]+):)?(?P<name>[a-z_]+\.[a-z_]+)(?:@(?P<count>[1-9][0-9]*))?"
    r"(?::(?P<action>exit|hang|raise))?"
)

# the module that a process was started with (`python -m ...`) -> what a plan calls it
_PROCESSES = {
    "nautilus_lab.trading.node": "node",
    "nautilus_lab.execution.paper": "venue",
    "nautilus_lab.trading.supervisor": "supervisor",
    "nautilus_lab.streaming": "gateway",
    "nautilus_lab.streaming.history": "history",
    "nautilus_lab.monitoring": "monitor",
}


class FailpointReached(RuntimeError):
    """Raised at a failpoint whose plan says ``raise``; nothing of ours expects it."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """At which place what happens to which process.

    Attributes
    ----------
    name : str
        The place: ``"gate.after_commit"``.
    count : int
        How many times it is reached before it happens; 1 is the first time.
    action : str
        ``"exit"`` ends the process as kill -9 does, ``"hang"`` blocks its thread for ever,
        ``"raise"`` raises `FailpointReached`.
    process : str
        Which process: ``"node"``, ``"venue"``, ``"supervisor"``, ``"gateway"``, ``"history"``,
        ``"monitor"``; empty means any.
    """

    name: str
    count: int = 1
    action: str = "exit"
    process: str = ""

    @classmethod
    def of(cls, text: str) -> Plan:
        """Read ``[process:]name[@count][:action]``.

        Raises
        ------
        ValueError
            When it is spelled otherwise.

        Examples
        --------
        >>> Plan.of("node:gate.after_commit@3:hang")
        Plan(name='gate.after_commit', count=3, action='hang', process='node')
        """
        found = _SPELLING.fullmatch(text.strip())
        if found is None:
            raise ValueError(
                f"{VARIABLE} must be [process:]name[@count][:exit|:hang|:raise]; got {text!r}"
            )
        return cls(
            name=found["name"],
            count=int(found["count"] or 1),
            action=found["action"] or "exit",
            process=found["process"] or "",
        )


class _Armed:
    """What is planned for this process, or the file in which plans for it are left."""

    def __init__(self, text: str) -> None:
        self._file = Path(text[1:]) if text.startswith("@") else None
        self._plan = None if self._file is not None else Plan.of(text)
        self._process = this_process()
        self._seen: dict[Plan, int] = {}  # plan -> how often its place was reached

    def reach(self, name: str) -> None:
        plan = self._plan if self._file is None else self._left(self._file)
        if plan is None or plan.name != name or plan.process not in ("", self._process):
            return
        seen = self._seen[plan] = self._seen.get(plan, 0) + 1
        if seen != plan.count:
            return
        self._seen.clear()
        if self._file is not None:
            # First: who comes back in this process' place must live.
            self._file.unlink(missing_ok=True)
        _happen(plan)

    @staticmethod
    def _left(file: Path) -> Plan | None:
        try:
            text = file.read_text("utf-8")
        except FileNotFoundError:
            return None
        return Plan.of(text) if text.strip() else None


def this_process() -> str:
    """Return what a plan calls this process; empty for one that is none of the lab's."""
    argv = sys.orig_argv
    module = argv[argv.index("-m") + 1] if "-m" in argv[:-1] else ""
    return _PROCESSES.get(module, "")


def arm(text: str) -> None:
    """Plan for this process what `VARIABLE` would have planned; an empty text disarms.

    ``@FILE`` names a file that is looked into each time a place is reached, and that is removed
    when its plan happens: a test arms processes that run already, one plan after the other.

    Raises
    ------
    ValueError
        When it is no plan.
    """
    global _armed
    _armed = _Armed(text) if text else None


def reach(name: str) -> None:
    """Say that the code is at the place `name`; nothing happens unless a plan names it.

    Examples
    --------
    >>> reach("gate.after_commit")
    """
    if _armed is not None:
        _armed.reach(name)


def _happen(plan: Plan) -> None:
    if plan.action == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.action == "raise":
        raise FailpointReached(plan.name)
    while True:
        time.sleep(3600)


_armed: _Armed | None = None
arm(os.environ.get(VARIABLE, ""))
