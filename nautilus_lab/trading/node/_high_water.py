"""The highest equity of a node: held against its audit trail, and set anew by a person."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate import Book, HighWater
from nautilus_lab.platform.commands import AcceptDrawdown, Handler, LimitsView, Request
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.platform.store import TradingStore

log = logging.getLogger(__name__)

_KIND = "equity.high_water"
_BY = "limits"
# A market that rises all day makes a high with every look.
_EVERY_S = 600.0


def audited_high_water(store: TradingStore) -> float:
    """Return the highest equity that the trail of a node has last; NaN when it has none."""
    for row in store.audit_tail(1, kind=_KIND):
        return float(msgspec.json.decode(row.body)["equity"])
    return math.nan


class HighWaterDesk:
    """Writes the highest equity down, and lets a person accept what was lost since.

    It has a row as the node begins and ends, and as it rises, at most each ten minutes: so much a
    file that is taken away while no node runs can lower it after a node was killed.

    Parameters
    ----------
    high_water : HighWater
        Where it is kept.
    book : Book
        Whose equity it is.
    audit : callable
        Takes kind, facts and actor of a row, and writes it.
    later : callable
        Takes what is done as soon as the store takes it.
    alert : callable
        Tells a person.
    view : callable
        Returns the limits, as commands about them answer.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(
        self,
        high_water: HighWater,
        book: Book,
        *,
        audit: Callable[[str, Mapping[str, object], str], None],
        later: Callable[[Callable[[], object]], None],
        alert: Callable[[AlertRaised], None],
        view: Callable[[], LimitsView],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._high_water = high_water
        self._book = book
        self._audit = audit
        self._later = later
        self._alert = alert
        self._view = view
        self._now_s = now_s
        self._audited = math.nan
        self._due_s = -math.inf

    def __repr__(self) -> str:
        return f"HighWaterDesk({self._high_water!r})"

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the command that accepts a drawdown."""
        return {"risk.accept_drawdown": self._accept}

    def begin(self) -> None:
        """Write it down, and tell of a file that was lower than the trail."""
        if lowered := self._high_water.lowered:
            told = (
                f"its file had {lowered}, and the audit trail {self._high_water.equity:,.2f}, "
                "which drawdowns are counted from"
            )
            self._alert(
                AlertRaised(
                    severity="critical",
                    component="risk",
                    rule="the highest equity must stay until a person accepts what was lost",
                    detail=told,
                    remedy="find out who changed the file; to accept the drawdown: "
                    "nautilus-lab accept-drawdown REASON",
                )
            )
            try:
                self._high_water.keep()
            except StoreError as error:
                log.error("the highest equity could not be written again: %s", error)
        # With each start anew: the row of an earlier one may be archived by the next.
        self._write_down()

    def look(self) -> None:
        """Write it down when it rose and the last row is old enough."""
        if self._now_s() >= self._due_s:
            self.end()

    def end(self) -> None:
        """Write it down when it rose."""
        if self._high_water.equity != self._audited:
            self._write_down()

    def _write_down(self) -> None:
        equity = self._high_water.equity
        if math.isfinite(equity):
            self._audited, self._due_s = equity, self._now_s() + _EVERY_S
            self._later(partial(self._audit, _KIND, {"equity": f"{equity:.6f}"}, _BY))

    async def _accept(self, request: Request) -> LimitsView:
        asked: AcceptDrawdown = request.body
        equity, before = self._book.equity, self._high_water.equity
        if not equity < before:
            raise InputError(
                "what is accepted must be a drawdown: an equity below the highest there was",
                value=f"equity {equity:,.2f}, the highest {before:,.2f}",
                remedy="nothing is to be accepted; or wait until all that is held has a price",
            )
        by = request.principal.name
        facts = {"equity": f"{equity:.6f}", "before": f"{before:.6f}", "reason": asked.reason}
        self._audit(_KIND, facts, by)  # what cannot be written down is not done
        self._high_water.begin(equity)
        self._book.high_water = self._audited = equity
        log.warning("a drawdown of %s is accepted by %s: %s", before - equity, by, asked.reason)
        return self._view()
