"""What is open of a lab's alerts, for those who look at it all the time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nautilus_lab.alerts._untaken import UntakenAlerts
from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import MOST_ALERTS, MonitorStanding, OpenAlert, OpenAlerts
from nautilus_lab.platform.messages import Severity
from nautilus_lab.platform.rundir import Home

if TYPE_CHECKING:
    from nautilus_lab.platform.store import AlertRow, DeskStore, StoreWatch

_FRESH_S = 1.0
_REST = 10.0  # of hundreds of thousands a look takes long: it does so a tenth of the time at most
_LONGEST = 1_000  # characters of what an alert says
_PRESSES: Mapping[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


class AlertBoard:
    """The open alerts of a home, read anew when a store was written, once a second at most.

    However many look, the stores are read as often as for one. It must be used from one thread.

    Parameters
    ----------
    home : Home
        Whose.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(self, home: Home, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._now_s = now_s
        self._watches: dict[str, StoreWatch] = {}  # trader -> of its store; "" is the desk's
        self._untaken: dict[str, UntakenAlerts] = {}  # trader -> while no monitor takes them over
        self._changes = 0  # how often a store was found written
        # trader, whether a monitor runs -> what was read, after which change, how long it is fresh
        self._read: dict[tuple[str, bool], tuple[OpenAlerts, int, float]] = {}

    def close(self) -> None:
        """Let go of the stores."""
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()

    def forget(self) -> None:
        """Have the next look read anew: what is open has just been changed."""
        self._read.clear()

    def look(self, trader: str, most: int, monitor: MonitorStanding) -> OpenAlerts:
        """Return what is open of a trader and of the lab itself; of every trader when not named.

        What cannot be read is named in the answer, not raised: what can is the more needed then.

        Parameters
        ----------
        trader : str
            Whose, "" for every trader's.
        most : int
            At most so many, of which the most severe and the latest.
        monitor : MonitorStanding
            How the monitor is. While none runs, the stores of nodes are read as well.
        """
        runs = monitor.state == "runs"
        key, begun_s = (trader, runs), self._now_s()
        self._changes += self._written(trader)
        known = self._read.get(key)
        if known is None or (known[1] != self._changes and begun_s >= known[2]):
            found = self._look(trader, runs)
            took_s = self._now_s() - begun_s
            known = found, self._changes, begun_s + max(_FRESH_S, _REST * took_s)
            self._read[key] = known
        return replace(known[0], monitor=monitor, alerts=known[0].alerts[:most])

    def _written(self, trader: str) -> bool:
        from nautilus_lab.platform.store import StoreWatch

        for name in ("", *self._traders(trader)):
            if name not in self._watches:
                path = self._home.trader(name).store if name else self._home.store
                self._watches[name] = StoreWatch(path)
        # Each is asked: one that changed must not hide another.
        changed = [watch.changed() for watch in self._watches.values()]
        return any(changed)

    def _traders(self, trader: str) -> tuple[str, ...]:
        return (trader,) if trader else self._home.trader_ids

    def _look(self, trader: str, runs: bool) -> OpenAlerts:
        from nautilus_lab.platform.store import DeskStore, open_alerts

        as_of_ns = time.time_ns()
        rows: tuple[AlertRow, ...] = ()
        untaken: list[AlertRow] = []
        counts: Counter[Severity] = Counter()
        unread: dict[str, str] = {}
        if self._home.store.exists():
            try:
                with DeskStore.open(self._home.store, read_only=True) as desk:
                    whose = ("", trader) if trader else None
                    rows, found = open_alerts(desk, traders=whose, most=MOST_ALERTS)
                    counts.update(found)
                    untaken = self._not_taken(trader, desk, unread, runs=runs)
            except LabError as error:
                unread[self._home.store.name] = str(error)
                untaken = self._not_taken(trader, None, unread, runs=runs)
        else:
            untaken = self._not_taken(trader, None, unread, runs=runs)
        counts.update(one.severity for one in untaken)
        shown = sorted([*rows, *untaken], key=lambda one: (_PRESSES[one.severity], -one.ts_ns))
        return OpenAlerts(
            alerts=tuple([_told(one) for one in shown[:MOST_ALERTS]]),
            counts=dict(counts),
            monitor=MonitorStanding(state="absent"),
            as_of_ns=as_of_ns,
            unread=unread,
        )

    def _not_taken(
        self, trader: str, desk: DeskStore | None, unread: dict[str, str], *, runs: bool
    ) -> list[AlertRow]:
        """Return what nodes raised that no monitor has: only where none runs is there any."""
        if runs:
            self._untaken.clear()
            return []
        found: list[AlertRow] = []
        for name in self._traders(trader):
            rundir = self._home.trader(name)
            if not rundir.store.exists():
                continue
            follower = self._untaken.setdefault(name, UntakenAlerts(self._home, rundir))
            try:
                found += follower.read(desk)
            except LabError as error:
                del self._untaken[name]
                unread[str(rundir.store.relative_to(self._home.path))] = str(error)
        return found


def _told(row: AlertRow) -> OpenAlert:
    return OpenAlert(
        id=row.id,
        raised_ns=row.ts_ns,
        severity=row.severity,
        component=row.component[:_LONGEST],
        trader=row.trader,
        rule=row.rule[:_LONGEST],
        detail=row.detail[:_LONGEST],
        remedy=row.remedy[:_LONGEST],
        scope=row.scope[:_LONGEST],
        level=row.level,
        count=row.count,
        last_ns=row.last_ns or row.ts_ns,
        rank=row.rank,
        climbs_ns=row.climbs_ns,
        taken=row.taken_ns is not None,
    )
