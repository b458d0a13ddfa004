"""What somebody should look at, and whether anybody is told of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Coroutine
from typing import Any

import traitlets as t

from nautilus_lab.client import MonitorStanding, OpenAlert, OpenAlerts
from nautilus_lab.platform.commands import MonitorStatus
from nautilus_lab.platform.messages import Severity
from nautilus_lab.widgets._asking import Answer, Asking, Spawn
from nautilus_lab.widgets._grid import Cell
from nautilus_lab.widgets._library import Theme

_NS = 1_000_000_000
_OURS = frozenset({"log", "bus"})  # channels that reach no person by themselves
# What a limit says of itself behind its name and scope.
_MEASURED = re.compile(r"(?P<value>\S+), (?P<used>[\d.]+)% of (?P<bound>\S+)(?P<unit> .*)?")
_HIGHEST = 4
_SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


class AlertsPanel(Asking):
    """The open alerts, the most severe first, each with what happens unless it is acknowledged.

    That nothing is listed is said only together with whether the monitor runs: with a dead one
    it would not mean that all is well.

    Parameters
    ----------
    ask : callable
        A coroutine function that takes ``id`` and ``note`` and returns an `Answer`. It decides
        whether the one who asks may.
    spawn : callable
        Runs a coroutine on the kernel's loop.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Attributes
    ----------
    who : str
        By which name an alert would be acknowledged; empty where the page may not.
    """

    rows = t.List(t.Dict()).tag(sync=True)
    state = t.Dict().tag(sync=True)
    who = t.Unicode().tag(sync=True)

    def __init__(
        self,
        *,
        ask: Callable[[str, str], Coroutine[Any, Any, Answer]],
        spawn: Spawn,
        theme: Theme = "auto",
    ) -> None:
        state = {
            "known": False,
            "loud": "",
            "why": "",
            "monitor": "asking for alerts",
            "level": "warn",
            "counts": [],
            "total": 0,
            "shown": 0,
            "now": time.time(),
        }
        super().__init__(theme=theme, state=state)
        self._ask = ask
        self._spawn = spawn

    def put(self, found: OpenAlerts) -> None:
        """Show what is open."""
        monitor = found.monitor
        loud, why = monitor.warning
        if monitor.status is not None and not loud:
            loud, why = _reaches_nobody(monitor.status)
        if found.unread:
            missing = "; ".join(f"{name}: {error}" for name, error in found.unread.items())
            loud = ", and ".join(filter(None, (loud, "alerts are missing here")))
            why = "; ".join(filter(None, (why, missing)))
        said, level = _said(monitor)
        self._tell(
            [_row(one, monitor) for one in found.alerts],
            known=True,
            loud=f"{loud[:1].upper()}{loud[1:]}",
            why=why,
            monitor=said,
            level="down" if loud else level,
            counts=[[name, found.counts.get(name, 0)] for name in _SEVERITIES],
            total=sum(found.counts.values()),
            shown=len(found.alerts),
        )

    def lost(self, why: str) -> None:
        """Say that what is open cannot be asked for; what was known stays, marked as such."""
        self._tell(
            self.rows,
            loud="Alerts cannot be seen",
            why=f"{why}; whether anybody is told of them is not known",
            monitor="not known",
            level="down",
            known=False,
        )

    def _tell(self, rows: list[dict[str, Cell]], **state: Any) -> None:
        # In place: a page that opens reads the traits, open ones get the news.
        changed = rows != self.rows
        self.rows[:] = rows
        self.state.update(state, now=time.time())
        news: dict[str, Any] = {"kind": "news", "state": self.state}
        self.send(news | {"rows": self.rows} if changed else news)

    def _send_all(self) -> None:
        self.send({"kind": "news", "state": self.state, "rows": self.rows})

    def _take(self, content: dict[str, Any]) -> None:
        alert = str(content.get("id", ""))
        # A page can say what it likes: only what is listed can be acknowledged here.
        if content.get("kind") == "acknowledge" and any(row["id"] == alert for row in self.rows):
            note = str(content.get("note", "")).strip()
            self._spawn(self.attempt(self._ask(alert, note), of=alert))


def _row(alert: OpenAlert, monitor: MonitorStanding) -> dict[str, Cell]:
    limit = alert.rule.removesuffix(" must hold")
    is_limit = limit != alert.rule
    return {
        "id": alert.id,
        "severity": alert.severity,
        "what": limit.replace("_", " ") if is_limit else alert.rule,
        "scope": alert.scope,
        "trader": alert.trader or "the lab",
        "detail": _found(alert, limit),
        "level": alert.level,
        "since": alert.raised_ns / _NS,
        "count": alert.count,
        "rank": f"L{alert.rank}" if alert.taken else "",
        "climbs": None if alert.climbs_ns is None else alert.climbs_ns / _NS,
        "then": _then(alert, monitor),
        "remedy": alert.remedy,
        "component": alert.component,
    }


def _found(alert: OpenAlert, limit: str) -> str:
    """Say what was found, without what stands beside it already: level, limit and scope."""
    text = alert.detail.removeprefix(f"{alert.level}: ")
    text = text.removeprefix(f"{limit} of {alert.scope} is ")
    text = text.removeprefix(f"{limit} of {alert.scope}").removeprefix(": ").strip()
    measured = _MEASURED.fullmatch(text)
    if measured is None:
        return text
    value, bound = _amount(measured["value"]), _amount(measured["bound"])
    return f"{value} of {bound}{measured['unit'] or ''} ({measured['used']} %)"


def _amount(text: str) -> str:
    try:
        return f"{float(text):,.10g}"
    except ValueError:
        return text


def _then(alert: OpenAlert, monitor: MonitorStanding) -> str:
    """Say what happens at its deadline; or why nothing does."""
    if not alert.taken:
        return "nobody was told: no monitor has taken it on"
    if alert.climbs_ns is None:
        return "climbs no further"
    rank = min(alert.rank + 1, _HIGHEST)
    levels = () if monitor.status is None else monitor.status.levels
    level = next((one for one in levels if one.rank == rank), None)
    if level is None:
        return f"L{rank}, once a monitor runs"
    told = ", ".join(level.channels) or "nobody"
    if not (level.tighten and alert.trader):
        return f"L{rank}: tells {told}"
    cancelled = ", its orders are cancelled" if level.cancel_orders else ""
    return f"L{rank}: {alert.trader} to {level.tighten.replace('_', ' ')}{cancelled}; tells {told}"


def _reaches_nobody(status: MonitorStatus) -> tuple[str, str]:
    """Say, of a monitor that runs, that no person hears of it, and why; empty where one does."""
    people = [one for one in status.channels if one.name not in _OURS]
    if people and all(one.trouble for one in people):
        why = "; ".join(f"{one.name}: {one.trouble}" for one in people)
        return "alerts reach nobody", f"not one webhook or mail takes them: {why}"
    return "", ""


def _said(monitor: MonitorStanding) -> tuple[str, str]:
    """Say in a line how the monitor is, and how well that is."""
    status = monitor.status
    if status is None:
        return " · ".join(filter(None, (monitor.warning[0], monitor.detail))), "down"
    troubled = ", ".join(one.name for one in status.channels if one.trouble)
    told = ", ".join(one.name for one in status.channels if not one.trouble) or "nobody"
    if troubled:
        return f"monitor runs, tells {told}, not {troubled}", "warn"
    if _OURS.issuperset(one.name for one in status.channels):
        return f"monitor runs, tells {told}: no webhook or mail is set", "warn"
    return f"monitor runs, tells {told}", "ok"
