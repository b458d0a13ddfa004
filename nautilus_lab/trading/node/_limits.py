"""The limits of a node: looked at every few seconds and after fills, told, and acted upon."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nautilus_trader.model.events import OrderDenied, OrderFilled, OrderRejected, OrderSubmitted

from nautilus_lab.config import MeasureSettings
from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.execution.gate import (
    Adjusting,
    DayHighs,
    Gate,
    HighWater,
    LimitWatch,
    StrategyDays,
)
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
from nautilus_lab.risk.adjustment import AdjustmentRecord
from nautilus_lab.risk.limits import (
    Finding,
    LevelChange,
    LimitBook,
    LimitReport,
    LimitUtilisation,
)
from nautilus_lab.trading.node._floors import Floors
from nautilus_lab.trading.node._foresight import Foresight
from nautilus_lab.trading.node._high_water import HighWaterDesk
from nautilus_lab.trading.node._loosening import LooseningDesk, facts_of
from nautilus_lab.trading.node._measured import MeasuresRead
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
_FIRST_S = 30.0
_SEVERITY: dict[str, Severity] = {"ok": "info", "warn": "warning", "critical": "warning"}


class LimitDesk:
    """Looks at the limits of a node's book, publishes how much of them is used, and alerts.

    It looks every `every_s`, soon after each fill and each new measure, and again at once while
    something must be confirmed, so that what is exceeded is told within a second of its cause.

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
    measured : Path, optional
        The file of the process that measures beside the node; see `MeasuresRead`.
    measuring : MeasureSettings, optional
        How it measures; None where nothing does. Where it did not lately, the first look waits
        half a minute for it at most: nothing increases until then, and nobody is told of a breach.
    high_water : HighWater, optional
        Where the highest equity is kept.
    day_highs : DayHighs, optional
        Where the highest of each day is.
    strategy_days : StrategyDays, optional
        Where what strategies lost since the day began is counted from.
    adjusting : Adjusting, optional
        Where the limits that adjust themselves stand; in memory when not given.
    foresight : Foresight, optional
        What is warned of before it happens.
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
        measured: Path | None = None,
        measuring: MeasureSettings | None = None,
        high_water: HighWater | None = None,
        day_highs: DayHighs | None = None,
        strategy_days: StrategyDays | None = None,
        adjusting: Adjusting | None = None,
        foresight: Foresight | None = None,
        every_s: float = 5.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < every_s <= 5:
            raise InputError("limits are looked at every 5 s at least", value=every_s)
        self._kernel = kernel
        self._gate = gate
        self._trader = trader
        self._states = states
        self._tell = tell
        self._publish = publish
        self._trail = trail
        self._measures = MeasuresRead(measures, measured, measuring)
        self._await_until_s = now_s() + _FIRST_S
        self._every_s = every_s
        self._now_s = now_s
        self._due_s = -math.inf
        self._not_before_s = -math.inf
        self._touched = False
        self._told: dict[tuple[str, str], LimitUtilisation] = {}  # limit, scope -> what was told
        self._told_disabled: set[str] = set()
        self._untold: list[Callable[[], object]] = []
        self._monitored = frozenset(limit.name for limit in limits.monitored)
        self._checked: list[Finding] = []  # what the gate found, not sorted yet
        self._latest: dict[tuple[str, str], Finding] = {}  # limit, scope -> what it found last
        self._tell_after_s = -math.inf
        self._watch = LimitWatch(
            gate,
            limits,
            tighten=self._tighten,
            on_change=self._changed,
            high_water=high_water,
            day_highs=day_highs,
            strategy_days=strategy_days,
            adjusting=adjusting,
            on_adjusted=self._adjusted,
        )
        self._high = HighWaterDesk(
            self._watch.high_water,
            gate.book,
            audit=self._audit,
            later=self._later,
            alert=lambda alert: self._later(self._telling(alert)),
            view=self.view,
            now_s=now_s,
        )
        self._floors = Floors(
            self._watch.adjusting,
            alert=lambda alert: self._later(self._telling(alert)),
            now_s=now_s,
        )
        self._foresight = foresight if foresight is not None else Foresight()
        self._loosening = LooseningDesk(
            self._watch,
            gate,
            kernel.clock,
            audit=self._audit,
            audit_later=lambda *row: self._later(lambda: self._audit(*row)),
            view=self.view,
            changed=self._touch,
        )
        self._base = limits
        gate.strategies.on_closed = self._disabled

    @property
    def limits(self) -> LimitBook:
        """The limits as they hold."""
        return self._watch.limits

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands of limits."""
        return {
            "risk.limits": self._show,
            "risk.enable": self._enable,
            **self._high.handlers(),
            **self._loosening.handlers(),
        }

    def begin(self) -> None:
        """Tell of limits that begin at their floor, since it was lost where they stood."""
        self._floors.begin()
        self._high.begin()
        if lost := self._watch.adjusting.lost:
            self._alert(
                "where limits stood must be kept",
                f"{lost}: limits that adjust themselves begin at their floor",
                "they go back by themselves; two people loosen one for a session: "
                "nautilus-lab limits propose",
                severity="critical",
            )
        # With each start anew: the row of an earlier one may be archived by the next.
        for strategy, why in sorted(self._gate.strategies.closed.items()):
            self._later(partial(self._audit_disabled, strategy, why))
        for limit, names in self._of_nothing():
            self._alert(
                f"{limit} must be of instruments that the node trades",
                f"it names {names}, which is none: it holds for nothing by that",
                'write the symbol, "AAPL", or with its venue, "AAPL.PAPER"',
            )
        self._tell_untold()

    def hold_disabled(self, audited: Mapping[str, str]) -> None:
        """Disable again whom the audit trail has and the file has not; before anything is sent."""
        for strategy, why in audited.items():
            if self._gate.strategies.close(strategy, why):
                self._alert(
                    f"{strategy} must stay disabled until a person enables it",
                    f"the file of who is disabled has it no more, and the audit trail has: {why}",
                    "find out who changed the file; to enable it: "
                    "nautilus-lab enable STRATEGY REASON",
                    severity="critical",
                )

    def _of_nothing(self) -> Iterator[tuple[str, str]]:
        """Yield the limits whose instruments nobody knows, and which those are."""
        ids = self._kernel.cache.instrument_ids()
        known = {one.value for one in ids} | {one.symbol.value for one in ids}
        for limit in self._base:
            if unknown := sorted(limit.instruments - known):
                yield limit.name, ", ".join(unknown)

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
        """Look soon after a fill, and count what leaves and what comes back."""
        if isinstance(event, OrderFilled):
            self._touch()
        elif isinstance(event, OrderSubmitted):
            self._foresight.count_order()
        elif isinstance(event, OrderDenied | OrderRejected):
            self._foresight.count_refusal()

    def _touch(self) -> None:
        self._touched = True

    def watch(self) -> None:
        """Look when it is time to; never raises. Call it four times a second."""
        try:
            self._tell_untold()
            now_s, now_ns = self._now_s(), self._kernel.clock.timestamp_ns()
            wanted = self._touched or self._watch.pending or now_s >= self._due_s
            wanted = wanted or self._measures.changed
            expires_ns = self._watch.adjusting.expires_ns
            over = expires_ns is not None and now_ns >= expires_ns
            due = over or (wanted and now_s >= self._not_before_s)
            if due and not self._waits(now_s):
                self.look()
            for alert in self._foresight.sample(self._gate.book.equity, now_ns):
                self._later(self._telling(alert))
        except Exception:
            log.exception("the limits could not be looked at")
            self._tighten("REDUCE_ONLY", "the limits could not be looked at")

    def _waits(self, now_s: float) -> bool:
        if now_s < self._await_until_s and self._measures.awaited(self._now_ns):
            return True
        self._await_until_s = -math.inf  # once it looked it looks on
        return False

    def look(self) -> None:
        """Look now, do what follows, and publish how much is used."""
        began = self._now_s()
        self._touched, self._due_s = False, began + self._every_s
        self._read_measures()
        now_ns = self._kernel.clock.timestamp_ns()
        self._watch.look(now_ns)
        self._high.look()
        for alert in self._foresight.look(self._watch.report(), now_ns):
            self._later(self._telling(alert))
        self._floors.look()
        self._publish_all()
        self._tell_untold()
        took = self._now_s() - began
        self._not_before_s = began + took / _SHARE

    def end(self) -> None:
        """Write down what was not yet; call it as the node ends."""
        self._high.end()
        self._tell_untold()

    def report(self) -> LimitReport:
        """Return what is believed of each limit that is monitored."""
        return self._watch.report()

    # --- what is needed -------------------------------------------------------------------

    def _read_measures(self) -> None:
        book = self._gate.book
        held = {name: units for name, units in book.held.items() if units}
        book.measures = self._measures.read(held, self._now_ns)

    @property
    def _now_ns(self) -> int:
        now_ns: int = self._kernel.clock.timestamp_ns()
        return now_ns

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
        self._later(self._telling(alert))
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

    def _disabled(self, strategy: str, reason: str) -> None:
        """Write down that a strategy is disabled: now, or as soon as the store takes it."""
        try:
            self._audit_disabled(strategy, reason)
        except Exception as error:
            log.error("%s is disabled, which cannot be written down yet: %s", strategy, error)
            self._later(partial(self._audit_disabled, strategy, reason))

    def _audit_disabled(self, strategy: str, reason: str) -> None:
        self._audit("strategy.disabled", {"strategy": strategy, "reason": reason}, _BY)

    def _adjusted(self, record: AdjustmentRecord) -> None:
        """Write down that a limit was adjusted, and alert when its rule failed or can no more."""
        log.warning(
            "%s was %s: %.0f %% -> %.0f %% of its base: %s",
            record.limit, record.change, 100 * record.before, 100 * record.after, record.reason,
        )  # fmt: skip
        by = record.by or _BY
        self._later(lambda: self._audit("limit.adjusted", facts_of(record), by))
        self._floors.changed(record)

    def _alert(
        self, rule: str, detail: str, remedy: str, *, severity: Severity = "warning"
    ) -> None:
        told = AlertRaised(
            severity=severity, component="risk", rule=rule, detail=detail, remedy=remedy
        )
        self._later(self._telling(told))

    def _telling(self, alert: AlertRaised) -> Callable[[], object]:
        return lambda: self._tell(alert, f"system.alert.{self._trader}")

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
            except Exception as error:
                # A chain that another writer went on with takes nothing however long one waits.
                if isinstance(error, StoreError) and not isinstance(error, AuditError):
                    log.error("what became of a limit cannot be told yet: %s", error)
                    self._tell_after_s = self._now_s() + _TELL_AGAIN_S
                    return
                log.exception("what became of a limit could not be told")
                self._say_untellable(error)
            del self._untold[0]

    def _say_untellable(self, error: Exception) -> None:
        """Alert that something will never be told; the log is the last that hears of it."""
        alert = AlertRaised(
            severity="critical",
            component="risk",
            rule="what becomes of limits must be told and audited",
            detail=f"{type(error).__name__}: {error}"[:500],
            remedy="the node's log has what was to be told; nautilus-lab audit verify",
        )
        try:
            self._tell(alert, f"system.alert.{self._trader}")
        except Exception:
            log.exception("nobody could be told that what became of a limit was not told")

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
        self._publish_disabled()

    def _publish_disabled(self) -> None:
        """Publish who sends nothing, as a limit of its own that allows none."""
        disabled = set(self._gate.strategies.closed)
        for strategy in sorted(disabled | self._told_disabled):
            off = strategy in disabled
            self._publish(
                LimitUpdated(
                    limit="disabled_strategy",
                    scope=strategy,
                    value=float(off),
                    limit_value=0.0,
                    utilisation=None if off else 0.0,
                    level="breach" if off else "ok",
                ),
                f"risk.limit.{self._trader}.disabled_strategy.{strategy}",
            )
        self._told_disabled = disabled

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
                base_value=_known(row.limit_value / row.part) if row.key else None,
                eta_s=None if gone else self._foresight.eta_s(row.limit, row.scope),
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
        asked, adjusting = self._latest, self._watch.adjusting
        standing = adjusting.standing
        for place, limit in enumerate(self.limits):
            if limit.monitors:
                continue
            key, _ = standing.get(place, ("", 1.0))
            found = [f for (name, _), f in asked.items() if name == limit.name]
            rows += [_as_row(self.limits, finding, key) for finding in found]
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
                        key=key,
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
                    key=row.key,
                    base_value=_known(row.limit_value / row.part) if row.key else None,
                    why=adjusting.why(row.key) if row.key else "",
                    eta_s=self._foresight.eta_s(row.limit, row.scope),
                )
                for row in LimitReport(rows=tuple(rows))
            ),
            disabled=dict(self._gate.strategies.closed),
            loosenings=self._loosening.rows(),
        )

    async def _enable(self, request: Request) -> LimitsView:
        asked: EnableStrategy = request.body
        by = request.principal.name
        why = self._gate.strategies.reason_of(asked.strategy)
        lost = self._watch.lost_over_limit(asked.strategy)
        facts = {"strategy": asked.strategy, "reason": asked.reason, "disabled": why}
        if lost is not None:  # it counts anew from here on
            facts["accepted"] = f"{lost:.2f}" if lost == lost else "a loss that is not known"
        self._audit("strategy.enabled", facts, by)
        self._gate.strategies.open(asked.strategy)
        if lost is not None:
            self._watch.accept_day(asked.strategy)
        log.warning("%s is enabled by %s: %s", asked.strategy, by, asked.reason)
        return self.view()


def _as_row(limits: LimitBook, found: Any, key: str) -> LimitUtilisation:
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
        key=key,
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
