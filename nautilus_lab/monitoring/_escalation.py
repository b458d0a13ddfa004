"""Who is told of an alert, and who next when nobody answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from nautilus_lab.config import LevelSettings, MonitoringSettings, SeverityName
from nautilus_lab.platform.store import AlertPlan, AlertRow

CHANNEL_RULE = "a channel must deliver"
_HIGHEST = 4
_PRESSES: dict[SeverityName, int] = {"info": 0, "warning": 1, "critical": 2}
_S = 1_000_000_000


class Escalation:
    """The ladder of five levels.

    Parameters
    ----------
    rules : MonitoringSettings
        The section ``[monitoring]``.
    channels : collection of str
        Those that there are.
    now_ns : callable, optional
        UNIX nanoseconds UTC.

    Examples
    --------
    >>> ladder = Escalation(MonitoringSettings(), ("log",), now_ns=lambda: 0)
    >>> alert = AlertRow(id="", ts_ns=0, severity="critical", component="risk", trader="T-1",
    ...                  rule="gross must hold", detail="", remedy="")
    >>> ladder.begin(alert)
    AlertPlan(rank=1, channels=('log',), climbs_ns=60000000000, tighten='')
    """

    def __init__(
        self,
        rules: MonitoringSettings,
        channels: Collection[str],
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._rules = rules
        self._channels = tuple(channels)
        self._now_ns = now_ns
        self._least: dict[str, SeverityName] = {
            name: hook.least for name, hook in rules.webhooks.items()
        } | {name: mail.least for name, mail in rules.mails.items()}

    def level(self, rank: int) -> LevelSettings:
        """Return the settings of a level, 0 to 4."""
        level: LevelSettings = getattr(self._rules.levels, f"l{rank}")
        return level

    def begin(self, alert: AlertRow) -> AlertPlan:
        """Return what is to be done about a new alert."""
        rank = self._rules.begin[alert.severity]
        if self.is_old(alert):
            return AlertPlan(rank=rank, channels=("log",))
        presses = _PRESSES[alert.severity]
        channels = tuple(
            name
            for name in self._named(rank, alert)
            if presses >= _PRESSES[self._least.get(name, "info")]
        )
        return AlertPlan(rank=rank, channels=channels, climbs_ns=self._deadline(rank, alert))

    def is_old(self, alert: AlertRow) -> bool:
        """Whether an alert was raised too long ago to be told as news."""
        return self._now_ns() - alert.ts_ns > self._rules.give_up_hours * 3_600 * _S

    def climb(self, alert: AlertRow) -> AlertPlan:
        """Return what is to be done about an alert that nobody acknowledged in time.

        Who is told only of what is severe is told of what nobody answered, too.
        """
        rank = min(alert.rank + 1, _HIGHEST)
        return AlertPlan(
            rank=rank,
            channels=self._named(rank, alert),
            climbs_ns=self._deadline(rank, alert),
            tighten=self.level(rank).tighten or alert.tighten,
        )

    def told_at(self, rank: int) -> tuple[str, ...]:
        """Return the channels that a level tells."""
        wanted = self.level(rank).channels
        # The log has everything.
        return tuple(
            [one for one in self._channels if one == "log" or "all" in wanted or one in wanted]
        )

    def _named(self, rank: int, alert: AlertRow) -> tuple[str, ...]:
        named = self.told_at(rank)
        if alert.rule == CHANNEL_RULE:
            named = tuple([name for name in named if name != alert.scope])
        return named

    def _deadline(self, rank: int, alert: AlertRow) -> int | None:
        seconds = self.level(rank).unanswered_s
        if seconds is None or _PRESSES[alert.severity] < _PRESSES[self._rules.climb]:
            return None
        return self._now_ns() + round(seconds * _S)
