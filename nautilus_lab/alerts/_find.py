"""Finding what somebody should look at, wherever it was raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, LabError
from nautilus_lab.platform.rundir import Home, RunDirectory

if TYPE_CHECKING:
    from nautilus_lab.platform.store import AlertRow


@dataclass(frozen=True, kw_only=True)
class FoundAlerts:
    """The alerts of a workspace.

    Attributes
    ----------
    alerts : tuple of AlertRow
        The latest first.
    unread : dict of str to LabError
        store -> why it could not be read; what stands there is missing above.
    """

    alerts: tuple[AlertRow, ...]
    unread: dict[str, LabError]


def find_alerts(
    home: Home, *, trader: str | None = None, open_only: bool = True, limit: int | None = None
) -> FoundAlerts:
    """Return what the supervisor and every node of a home raised; asks no process.

    All of it stands in ``desk.db`` where the lab's monitor runs; what it has not taken over yet
    is read where it was raised.

    Parameters
    ----------
    home : Home
        Whose stores are read.
    trader : str, optional
        Only what is this one's matter.
    open_only : bool, default=True
        Leave out what somebody has seen to, what is over, and what repeats another.
    limit : int, optional
        At most so many.

    Raises
    ------
    InputError
        When `limit` is not positive, or `trader` is no plain name.
    """
    # Late: to halt takes no database.
    from nautilus_lab.platform.store import DeskStore

    if limit is not None and not limit > 0:
        raise InputError("limit must be positive", value=limit, remedy="ask for 1 or more")
    found: list[AlertRow] = []
    known: set[str] = set()  # the ids of what was taken over
    unread: dict[str, LabError] = {}
    if home.store.exists():
        try:
            with DeskStore.open(home.store, read_only=True) as desk:
                found += desk.alerts(trader=trader, open_only=open_only, limit=limit)
                known = desk.alert_ids(trader=trader)
        except LabError as error:
            unread[home.store.name] = error
    for rundir in map(home.trader, home.trader_ids if trader is None else (trader,)):
        if not rundir.store.exists():
            continue
        try:
            rows = of_a_node(home, rundir, limit)
        except LabError as error:
            unread[_source(home, rundir)] = error
        else:
            # What is over is not news, though nobody took it over.
            found += [r for r in rows if r.id not in known and not (open_only and r.level == "ok")]
    found.sort(key=lambda one: (one.ts_ns, one.id), reverse=True)
    return FoundAlerts(alerts=tuple(found[:limit]), unread=unread)


def _source(home: Home, rundir: RunDirectory) -> str:
    return str(rundir.store.relative_to(home.path))


def of_a_node(home: Home, rundir: RunDirectory, limit: int | None) -> list[AlertRow]:
    """Return what stands in the store of a trader, the latest first; raises `LabError`."""
    from nautilus_lab.platform.store import TradingStore, alert_of

    source = _source(home, rundir)
    with TradingStore.open(rundir.store, read_only=True) as store:
        return [alert_of(one, source, rundir.trader_id) for one in store.alerts(limit=limit)]
