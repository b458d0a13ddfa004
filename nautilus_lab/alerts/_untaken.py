"""What a node raised that no monitor has taken over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nautilus_lab.platform.rundir import Home, RunDirectory

if TYPE_CHECKING:
    from nautilus_lab.platform.store import AlertRow, DeskStore


class UntakenAlerts:
    """Follows what one trader raised since its alerts were taken over last.

    Of one matter the latest level is kept and its repeats are counted, as the monitor would; what
    is "ok" again is over.

    Parameters
    ----------
    home : Home
        Whose trader.
    rundir : RunDirectory
        The trader's.
    """

    def __init__(self, home: Home, rundir: RunDirectory) -> None:
        self._rundir = rundir
        self._source = str(rundir.store.relative_to(home.path))
        self._positions: dict[str, tuple[int, int]] | None = None
        # component, rule, scope -> what is open of it
        self._open: dict[tuple[str, str, str], AlertRow] = {}

    def read(self, desk: DeskStore | None) -> tuple[AlertRow, ...]:
        """Return what is open; `desk` says what was taken over before the first call.

        Raises
        ------
        LabError
            When the trader's store cannot be read, or what stands there is no alert.
        """
        from nautilus_lab.platform.store import AlertLedger, TradingStore, alert_of

        trader = self._rundir.trader_id
        with TradingStore.open(self._rundir.store, read_only=True) as store:
            if self._positions is None:
                cursors = () if desk is None else AlertLedger(desk).cursors(trader)
                self._positions = {
                    one.writer: (one.epoch, one.seq)
                    for one in cursors
                    # Where another event has the number, another file stood here.
                    if store.event_id(one.writer, one.epoch, one.seq) == one.event_id
                }
            events, self._positions = store.alerts_since(self._positions)
        for event in events:
            self._take(alert_of(event, self._source, trader))
        return tuple(self._open.values())

    def _take(self, row: AlertRow) -> None:
        matter = row.component, row.rule, row.scope
        known = self._open.get(matter)
        if row.level == "ok":
            self._open.pop(matter, None)
        elif known is not None and known.level == row.level:
            self._open[matter] = replace(known, count=known.count + 1, last_ns=row.ts_ns)
        else:
            self._open[matter] = row
