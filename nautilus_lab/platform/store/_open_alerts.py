"""Reading what of the alerts is open, for those who look at it often."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from nautilus_lab.platform.messages import Severity
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._desk import DeskStore
from nautilus_lab.platform.store._rows import AlertRow
from nautilus_lab.platform.store._tables import alerts

_OPEN = (
    alerts.c.acknowledged_ns.is_(None),
    alerts.c.closed_ns.is_(None),
    alerts.c.repeat_of.is_(None),
    alerts.c.level != "ok",
)
_PRESSES = sa.case({"critical": 0, "warning": 1}, value=alerts.c.severity, else_=2)


def open_alerts(
    desk: DeskStore, *, traders: Collection[str] | None, most: int
) -> tuple[tuple[AlertRow, ...], dict[Severity, int]]:
    """Return what is open, the most severe first and of that the latest, and how many are.

    Parameters
    ----------
    desk : DeskStore
        Where they stand.
    traders : collection of str or None
        Whose; "" is the lab itself, None everybody.
    most : int
        At most so many are returned; all are counted.

    Returns
    -------
    tuple of AlertRow, dict of str to int
        The alerts, and how many there are of each severity.

    Raises
    ------
    StoreError
        When the store cannot be read, or what stands there is no alert.
    """
    mine = [*_OPEN] if traders is None else [*_OPEN, alerts.c.trader.in_(sorted(traders))]
    wanted = sa.select(alerts).where(*mine)
    wanted = wanted.order_by(_PRESSES, alerts.c.ts_ns.desc(), alerts.c.id.desc()).limit(most)
    counted = sa.select(alerts.c.severity, sa.func.count()).where(*mine)
    counted = counted.group_by(alerts.c.severity)
    with desk.reading("reading open alerts") as connection:
        rows = connection.execute(wanted).mappings().all()
        counts = {row[0]: row[1] for row in connection.execute(counted)}
    with intact(repr(desk)):
        return tuple([AlertRow(**row) for row in rows]), counts
