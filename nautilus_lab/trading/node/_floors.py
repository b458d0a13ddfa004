"""The floors of limits that adjust themselves: told when one is reached, and when that is over."""

from __future__ import annotations

from collections.abc import Callable

from nautilus_lab.execution.gate import Adjusting
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.risk.adjustment import AdjustmentRecord

_AGAIN_S = 1_800.0


class Floors:
    """Alerts when a limit came to its floor, or its rule failed, and says when that is over.

    It is over when the limit is back at its base, or has stood above its floor for half an hour:
    one that goes back by steps and arrives again is no news with each of them.

    Parameters
    ----------
    adjusting : Adjusting
        Where the limits stand.
    alert : callable
        Takes an alert.
    now_s : callable
        Seconds that only go up.
    """

    def __init__(
        self,
        adjusting: Adjusting,
        *,
        alert: Callable[[AlertRaised], object],
        now_s: Callable[[], float],
    ) -> None:
        self._adjusting = adjusting
        self._alert = alert
        self._now_s = now_s
        self._told_s: dict[str, float] = {}  # key of a limit that was told of -> when
        self._above_s: dict[str, float] = {}  # the same -> since when it stands above its floor

    def begin(self) -> None:
        """Take it that an earlier process told of what does not stand at its base."""
        now_s = self._now_s()
        self._told_s = {key: now_s for key, part in self._adjusting.standing.values() if part < 1}

    def changed(self, record: AdjustmentRecord) -> None:
        """Alert if a limit arrived at its floor, or its rule failed."""
        key, now_s = record.limit, self._now_s()
        arrived = record.after < record.before and self._adjusting.at_floor(key)
        if record.change != "failed_tight" and not arrived:
            return
        told_s = self._told_s.get(key)
        if told_s is None or now_s - told_s >= _AGAIN_S:
            self._told_s[key] = now_s
            self._alert(
                AlertRaised(
                    severity="warning",
                    component="risk",
                    rule=_rule(key),
                    detail=f"{record.change}: {record.after:.0%} of its base: {record.reason}",
                    remedy="find out why; two people loosen it for a session: "
                    "nautilus-lab limits propose",
                    level="warn",
                )
            )

    def look(self) -> None:
        """Say of which limits it is over."""
        now_s = self._now_s()
        parts = dict(self._adjusting.standing.values())
        for key in tuple(self._told_s):
            if self._adjusting.at_floor(key):
                self._above_s.pop(key, None)
                continue
            above_s = self._above_s.setdefault(key, now_s)
            if parts[key] >= 1 or now_s - above_s >= _AGAIN_S:
                del self._told_s[key], self._above_s[key]
                self._alert(
                    AlertRaised(
                        severity="info",
                        component="risk",
                        rule=_rule(key),
                        detail=f"it stands at {parts[key]:.0%} of its base",
                        level="ok",
                    )
                )


def _rule(key: str) -> str:
    return f"{key} should stand above its floor"
