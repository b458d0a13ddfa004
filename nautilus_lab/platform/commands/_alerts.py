"""What can be asked about alerts, of whoever answers for a lab: bodies and answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands._table import CommandBody, CommandSpec
from nautilus_lab.platform.messages import AlertLevel, Severity

MOST_ALERTS = 500  # alerts in one answer


class Acknowledge(CommandBody, frozen=True, kw_only=True):
    """Which alert somebody has seen to, and what was found or done."""

    alert_id: str
    note: str = ""


class AcknowledgedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that somebody has seen to: who did first, when, and what was said."""

    alert_id: str
    rule: str
    by: str
    acknowledged_ns: int
    note: str = ""


class ChannelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is: what it sent, what it refused, what went wrong last, and since when."""

    name: str
    sent: int = 0
    refused: int = 0
    trouble: str = ""
    trouble_ns: int = 0


class LevelStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What happens as an alert climbs to a level: who is told, what its trader falls to."""

    rank: int
    channels: tuple[str, ...] = ()
    tighten: str = ""
    cancel_orders: bool = False


class MonitorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the monitor is: what it took on, which channels it has, whose beats are late."""

    pid: int
    taken: int
    channels: tuple[ChannelStatus, ...]
    late: tuple[str, ...] = ()
    trouble: str = ""
    rss_mib: float = 0.0
    levels: tuple[LevelStatus, ...] = ()


class MonitorStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Whether alerts are delivered: what the monitor says, or that there is none that does.

    ``"absent"`` is a lab that has none, ``"dead"`` one whose process is gone, ``"silent"`` one that
    lives and does not answer.
    """

    state: Literal["runs", "silent", "dead", "absent"]
    detail: str = ""
    status: MonitorStatus | None = None

    @property
    def warning(self) -> tuple[str, str]:
        """What a desk must know of it, and what follows; both empty where it runs and is well."""
        if self.status is not None and self.status.trouble:
            return "the monitor cannot take alerts on", self.status.trouble
        return _WARNINGS[self.state]


_HOW = "nautilus-lab node start brings one"
_UNTOLD = f"nobody is told of alerts, and none climbs; {_HOW}"
_WARNINGS = {
    "runs": ("", ""),
    "absent": ("no monitor runs", _UNTOLD),
    "dead": ("the monitor is dead", _UNTOLD),
    "silent": (
        "the monitor does not answer",
        "whether anybody is told of alerts is not known; see nautilus-lab node status",
    ),
}


class AskAlerts(CommandBody, frozen=True, kw_only=True):
    """Whose open alerts, beside the lab's own; how many at most. No trader is every trader."""

    trader: str = ""
    most: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.most <= MOST_ALERTS:
            raise InputError(f"most must lie in [1, {MOST_ALERTS}]", value=self.most)


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that nobody has seen to and that is not over; long text is cut.

    `raised_ns` and `last_ns` are when it was raised first and last, `count` how often; `rank` is
    how high it climbed, 0 to 4, and `climbs_ns` when it climbs further unless somebody
    acknowledges it, None for never. `taken` says whether the monitor has taken it on: of one that
    it has not nobody was told.
    """

    id: str
    raised_ns: int
    severity: Severity
    component: str
    trader: str
    rule: str
    detail: str
    remedy: str
    scope: str = ""
    level: AlertLevel = ""
    count: int = 1
    last_ns: int = 0
    rank: int = 0
    climbs_ns: int | None = None
    taken: bool = True


class OpenAlerts(msgspec.Struct, frozen=True, kw_only=True):
    """What is open, the most severe first and of that the latest, and whether anybody is told.

    `counts` has how many are open of each severity, shown or not; `unread` what could not be read
    and is missing: store -> why. `as_of_ns` is when the stores were read.
    """

    alerts: tuple[OpenAlert, ...]
    counts: dict[Severity, int]
    monitor: MonitorStanding
    as_of_ns: int
    unread: dict[str, str] = {}


ASK_ALERTS = CommandSpec(
    name="alerts.open",
    permission=Permission.RISK_READ,
    body=AskAlerts,
    answer=OpenAlerts,
    summary="What somebody should look at, and whether the monitor tells anybody.",
    reads=True,
)
ACKNOWLEDGE = CommandSpec(
    name="alerts.acknowledge",
    permission=Permission.ALERTS_ACKNOWLEDGE,
    body=Acknowledge,
    answer=AcknowledgedAlert,
    summary="Say that an alert is seen to, which ends its climb; who says so first stays.",
)
