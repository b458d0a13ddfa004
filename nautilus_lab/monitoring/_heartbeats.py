"""Noticing that a node, or the supervisor, is not there any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.messages import AlertLevel
from nautilus_lab.platform.rundir import Home, ProcessRecord

NODE_RULE = "a node must beat"
SUPERVISOR_RULE = "the supervisor must run"
_BEATS = 3.0
# Who was not looking cannot say that nothing was to be seen.
_ABSENT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Heard:
    """That a heartbeat went missing, or came back.

    Attributes
    ----------
    trader : str
        Whose; empty for the supervisor's.
    level : {"breach", "ok"}
        Missing, or back.
    rule, detail, remedy : str
        For the alert.
    """

    trader: str
    level: AlertLevel
    rule: str
    detail: str
    remedy: str = ""


@dataclass
class _Seen:
    beat: int
    at_s: float


class Heartbeats:
    """Looks at the heartbeat of every node of a home, without asking anybody.

    A beat is told from another by the time of its file, and its age by this process' own clock:
    setting the time of the machine makes nobody late.

    Parameters
    ----------
    home : Home
        Whose nodes.
    late_s : float
        How old a beat may get, seconds; three of the node's own intervals are allowed in any case.
    late : collection of str, optional
        Those whose lateness was told already; "" is the supervisor.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(
        self,
        home: Home,
        *,
        late_s: float,
        late: tuple[str, ...] = (),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._home = home
        self._late_s = late_s
        self._now_s = now_s
        self._seen: dict[str, _Seen] = {}  # trader -> its last beat, and when it was new
        self._looked_s = now_s()
        self.late: set[str] = set(late)
        self._gone_since_s: float | None = None

    def look(self) -> tuple[Heard, ...]:
        """Return what changed since the last look; call it once or twice a second."""
        now = self._now_s()
        missed = now - self._looked_s
        self._looked_s = now
        if missed > _ABSENT_S:
            for seen in self._seen.values():
                seen.at_s += missed
            if self._gone_since_s is not None:
                self._gone_since_s += missed
        found = [heard for trader in self._home.trader_ids for heard in self._node(trader, now)]
        return (*found, *self._supervisor(now))

    def _node(self, trader: str, now: float) -> tuple[Heard, ...]:
        try:
            last = self._home.trader(trader).heartbeat.last()
        except LabError:
            # What cannot be read does not beat.
            last = (0, 0.0)
        if last is None:
            self._seen.pop(trader, None)
            return self._back(trader, NODE_RULE, "it is not meant to run now")
        beat, every_s = last
        seen = self._seen.get(trader)
        if seen is None or seen.beat != beat:
            fresh = seen is not None
            self._seen[trader] = _Seen(beat, now)
            return self._back(trader, NODE_RULE, "it beats again") if fresh else ()
        age_s = now - seen.at_s
        if trader in self.late or not age_s > max(self._late_s, _BEATS * every_s):
            return ()
        self.late.add(trader)
        return (
            Heard(
                trader=trader,
                level="breach",
                rule=NODE_RULE,
                detail=f"it has not for {age_s:.1f} s: it died, hangs, or has not come back yet",
                remedy="nautilus-lab node status; its orders may be working at the venue",
            ),
        )

    def _supervisor(self, now: float) -> tuple[Heard, ...]:
        # One that leaves in order takes its record along.
        record = ProcessRecord.read_or_set_aside(self._home.supervisor)
        if record is None or record.alive:
            self._gone_since_s = None
            return self._back("", SUPERVISOR_RULE, "there is one" if record else "it left in order")
        if self._gone_since_s is None:
            self._gone_since_s = now
        if "" in self.late or not now - self._gone_since_s >= _ABSENT_S:
            return ()
        self.late.add("")
        return (
            Heard(
                trader="",
                level="breach",
                rule=SUPERVISOR_RULE,
                detail=f"process {record.pid} is gone: what dies now is not brought back",
                remedy="nautilus-lab node start brings one, which takes over what still runs",
            ),
        )

    def _back(self, trader: str, rule: str, detail: str) -> tuple[Heard, ...]:
        if trader not in self.late:
            return ()
        self.late.discard(trader)
        return (Heard(trader=trader, level="ok", rule=rule, detail=detail),)
