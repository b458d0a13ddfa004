"""The limits of a node: looked at every few seconds and after fills, told, and acted upon."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nautilus_trader.model.events import OrderFilled

from nautilus_lab.exceptions import InputError, LabError, StoreError
from nautilus_lab.execution.gate import Gate, HighWater, LimitWatch
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.commands import EnableStrategy, Handler, LimitRow, LimitsView, Request
from nautilus_lab.platform.messages import (
    AlertRaised,
    Event,
    LimitBreach,
    LimitUpdated,
    Severity,
    State,
)
from nautilus_lab.risk.limits import (
    Finding,
    LevelChange,
    LimitBook,
    LimitReport,
    LimitUtilisation,
    Measures,
)
from nautilus_lab.trading._measures_file import read_measures
from nautilus_lab.trading.node._states import TradingStates

log = logging.getLogger(__name__)

_BY = "limits"
# the most of them that are told: beyond, only what is not "ok"
_MOST_TOLD = 200
# of the loop's time looking may take at most this share
_SHARE = 0.1
_MOST_CHECKED = 10_000
_TELL_AGAIN_S = 10.0
_MOST_UNTOLD = 10_000
_SEVERITY: dict[str, Severity] = {"ok": "info", "warn": "warning", "critical": "warning"}


class LimitDesk:
    """Looks at the limits of a node's book, publishes how much of them is used, and alerts.

    It looks every `every_s`, soon after each fill, and again at once while something must be
    confirmed, so that what is exceeded is told within a second of its cause.

    Parameters
    ----------
    kernel : NautilusKernel
        Whose clock it is.
    gate : Gate
        Whose book is looked at.
    limits : LimitBook
        What is looked at.
    trader : str
        The trader's id.
    states : TradingStates
        Tightens what the trader may do.
    tell, publish : callable
        Take an event, a state, and its topic.
    trail : AuditTrail, optional
        Where breaches and who was enabled are written down.
    measures : Path, optional
        The file that measures are put into; see `write_measures`.
    high_water : HighWater, optional
        Where the highest equity is kept.
    every_s : float, default=5
        Seconds between two looks at least.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(
        self,
        kernel: Any,
        gate: Gate,
        limits: LimitBook,
        *,
        trader: str,
        states: TradingStates,
        tell: Callable[[Event, str], None],
        publish: Callable[[State, str], None],
        trail: AuditTrail | None = None,
        measures: Path | None = None,
        high_water: HighWater | None = None,
        every_s: float = 5.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < every_s <= 5:
            raise InputError("limits are looked at every 5 s at least", value=every_s)
        self.limits = limits
        self._kernel = kernel
        self._gate = gate
        self._trader = trader
        self._states = states
        self._tell = tell
        self._publish = publish
        self._trail = trail
        self._measures = measures
        self._measures_at: tuple[int, int] | None = None  # of the file, when it was read last
        self._every_s = every_s
        self._now_s = now_s
        self._due_s = -math.inf
        self._not_before_s = -math.inf
        self._touched = False
        self._told: dict[tuple[str, str], LimitUtilisation] = {}  # limit, scope -> what was told
        self._untold: list[Callable[[], object]] = []
        self._monitored = frozenset(limit.name for limit in limits.monitored)
        self._checked: list[Finding] = []  # what the gate found, not sorted yet
        self._latest: dict[tuple[str, str], Finding] = {}  # limit, scope -> what it found last
        self._tell_after_s = -math.inf
        self._watch = LimitWatch(
            gate, limits, tighten=self._tighten, on_change=self._changed, high_water=high_water
        )

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands of limits."""
        return {"risk.limits": self._show, "risk.enable": self._enable}

    def on_checked(self, findings: Sequence[Finding]) -> None:
        """Note what the gate found of an order that passed."""
        self._checked += findings
        if len(self._checked) > _MOST_CHECKED:
            self._sort_findings()

    def _sort_findings(self) -> None:
        findings, self._checked = self._checked, []
        for found in findings:
            if found.limit not in self._monitored:
                self._latest[found.limit, found.scope] = found
        while len(self._latest) > _MOST_TOLD:
            del self._latest[next(iter(self._latest))]

    def on_order_event(self, event: Any) -> None:
        """Look soon after a fill."""
        if isinstance(event, OrderFilled):
            self._touched = True

    def watch(self) -> None:
        """Look when it is time to; never raises. Call it four times a second."""
        try:
            self._tell_untold()
            now_s = self._now_s()
            wanted = self._touched or self._watch.pending or now_s >= self._due_s
            if wanted and now_s >= self._not_before_s:
                self.look()
        except Exception:
            log.exception("the limits could not be looked at")
            self._tighten("REDUCE_ONLY", "the limits could not be looked at")

    def look(self) -> None:
        """Look now, do what follows, and publish how much is used."""
        began = self._now_s()
        self._touched, self._due_s = False, began + self._every_s
        self._read_measures()
        self._watch.look(self._kernel.clock.timestamp_ns())
        self._publish_all()
        self._tell_untold()
        took = self._now_s() - began
        self._not_before_s = began + took / _SHARE

    def report(self) -> LimitReport:
        """Return what is believed of each limit that is monitored."""
        return self._watch.report()

    # --- what is needed -------------------------------------------------------------------

    def _read_measures(self) -> None:
        if self._measures is None:
            return
        try:
            found = self._measures.stat()
        except FileNotFoundError:
            return
        at = (found.st_mtime_ns, found.st_size)
        if at == self._measures_at:
            return
        self._measures_at = at
        try:
            self._gate.book.measures = read_measures(self._measures)
        except LabError:
            # Of what cannot be read nothing is known.
            log.exception("the measures that limits need cannot be read")
            self._gate.book.measures = Measures()

    # --- what follows ---------------------------------------------------------------------

    def _tighten(self, to: Any, reason: str) -> None:
        try:
            self._states.tighten(to, reason=reason, by=_BY, automatic=True)
        except Exception:
            log.exception("%s could not be reached over a limit: %s", to, reason)

    def _changed(self, change: LevelChange) -> None:
        log.warning("%s is %s: %s", change.limit.name, change.level, change.text)
        found, limit = change.finding, change.limit
        alert = AlertRaised(
            severity=_SEVERITY.get(change.level, "critical"),
            component="risk",
            rule=f"{limit.name} must hold",
            detail=f"{change.level}: {change.text}",
            remedy="" if change.level == "ok" else _remedy(limit.action, change.level),
            scope=change.scope,
            level=change.level,
        )
        self._later(lambda: self._tell(alert, f"system.alert.{self._trader}"))
        if change.level != "breach":
            return
        breach = LimitBreach(
            limit=limit.name,
            scope=change.scope,
            value=_known(found.value),
            limit_value=_known(found.bound) or 0.0,
            action=limit.action,
            reason=change.text,
        )
        self._later(lambda: self._tell(breach, f"risk.breach.{self._trader}.{limit.name}"))
        self._later(
            lambda: self._audit(
                "limit.breach",
                {"limit": limit.name, "scope": change.scope, "action": limit.action}
                | {"value": f"{found.value:.6f}", "bound": f"{found.bound:.6f}"}
                | {"reason": change.text},
                _BY,
            )
        )

    def _audit(self, kind: str, body: Mapping[str, object], actor: str) -> None:
        if self._trail is not None:
            self._trail.append(kind, body, actor=actor)

    def _later(self, act: Callable[[], object]) -> None:
        self._untold.append(act)
        if len(self._untold) > _MOST_UNTOLD:
            log.error("too much waits to be told of limits; the oldest is forgotten")
            del self._untold[0]

    def _tell_untold(self) -> None:
        """Tell what has not been told, oldest first, as far as the store takes it."""
        if self._now_s() < self._tell_after_s:
            return
        while self._untold:
            try:
                self._untold[0]()
            except StoreError as error:
                log.error("what became of a limit cannot be told yet: %s", error)
                self._tell_after_s = self._now_s() + _TELL_AGAIN_S
                return
            except Exception:
                log.exception("what became of a limit could not be told")
            del self._untold[0]

    def _publish_all(self) -> None:
        rows = {(row.limit, row.scope): row for row in reversed(self._watch.report().rows)}
        rows = dict(reversed(rows.items()))  # the worst first; of two of one name the worse
        for place, (key, row) in enumerate(rows.items()):
            if place < _MOST_TOLD or row.level != "ok" or key in self._told:
                self._told[key] = row
                self._publish_row(row)
        for key in self._told.keys() - rows.keys():
            row = self._told.pop(key)
            self._publish_row(row, gone=True)

    def _publish_row(self, row: LimitUtilisation, *, gone: bool = False) -> None:
        topic = f"risk.limit.{self._trader}.{row.limit}"
        if row.scope not in ("", "account"):
            topic += f".{row.scope}"
        self._publish(
            LimitUpdated(
                limit=row.limit,
                scope=row.scope or "account",
                value=0.0 if gone else _known(row.value),
                limit_value=_known(row.limit_value),
                utilisation=0.0 if gone else _known(row.utilisation),
                # Of what was never evaluated nobody may say that it holds.
                level="ok" if gone else "breach" if row.level == "never" else row.level,
            ),
            topic,
        )

    # --- commands -------------------------------------------------------------------------

    async def _show(self, request: Request) -> LimitsView:
        return self.view()

    def view(self) -> LimitsView:
        """Return how much of each limit is used, and who is disabled."""
        rows = list(self._watch.report().rows)
        self._sort_findings()
        asked = self._latest
        for limit in self.limits:
            if limit.monitors:
                continue
            found = [f for (name, _), f in asked.items() if name == limit.name]
            rows += [_as_row(self.limits, finding) for finding in found]
            if not found:
                rows.append(
                    LimitUtilisation(
                        limit=limit.name,
                        scope="",
                        value=math.nan,
                        limit_value=math.nan,
                        utilisation=math.nan,
                        level="never",
                        reason="no order was held against it yet",
                    )
                )
        return LimitsView(
            rows=tuple(
                LimitRow(
                    limit=row.limit,
                    scope=row.scope,
                    value=_known(row.value),
                    limit_value=_known(row.limit_value),
                    utilisation=_known(row.utilisation),
                    level=row.level,
                    unit=row.unit,
                    reason=row.reason,
                )
                for row in LimitReport(rows=tuple(rows))
            ),
            disabled=dict(self._gate.strategies.closed),
        )

    async def _enable(self, request: Request) -> LimitsView:
        asked: EnableStrategy = request.body
        by = request.principal.name
        why = self._gate.strategies.closed.get(asked.strategy, "")
        self._gate.strategies.open(asked.strategy)
        self._audit(
            "strategy.enabled",
            {"strategy": asked.strategy, "reason": asked.reason, "disabled": why},
            by,
        )
        log.warning("%s is enabled by %s: %s", asked.strategy, by, asked.reason)
        return self.view()


def _as_row(limits: LimitBook, found: Any) -> LimitUtilisation:
    level = limits.levels.of_finding(found)
    return LimitUtilisation(
        limit=found.limit,
        scope=found.scope,
        value=found.value,
        limit_value=found.bound,
        utilisation=found.utilisation,
        level=level,
        unit=found.unit,
        reason="of the last order" if level == "ok" else "the last order came near",
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _remedy(action: str, level: str) -> str:
    if level != "breach":
        return "reduce what it is of, or expect it to be exceeded"
    return {
        "no_increase": "nothing increases until it is below its limit again; reduce",
        "disable": "look at the strategy, then: nautilus-lab enable STRATEGY REASON",
        "reduce_only": "reduce, then resume trading",
        "halt": "find out why, then resume trading",
    }.get(action, "reduce what it is of")
