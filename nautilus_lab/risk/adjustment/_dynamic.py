"""A limit that a rule tightens and time gives back, and that two people may loosen."""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass, field
from typing import Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.adjustment._bounds import AdjustmentBounds, percent, percent_below
from nautilus_lab.risk.adjustment._request import Loosening, approve, expire, revoke
from nautilus_lab.risk.adjustment._rules import AdjustmentRule, Assessment, settings_of
from nautilus_lab.risk.adjustment._signals import Signals, signals_of
from nautilus_lab.risk.adjustment._state import (
    Adjusted,
    AdjustmentRecord,
    AdjustmentState,
    Change,
)
from nautilus_lab.risk.limits import Holdings, Limit, bounds_of, scaled

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_MINUTE = 60 * _NS
# By how much a clock that is kept by others may go back.
_SET_BACK = _NS
_DAY = 86_400 * _NS


@dataclass(frozen=True, kw_only=True)
class DynamicLimit:
    """A limit, the rule that tightens it, and how far and fast.

    floor <= what the rule allows <= base <= ceiling, always. A frozen value: where it stands is
    an `AdjustmentState`, and each verb returns the next one with the records of what changed. The
    same state, signals and time lead to the same.

    * **Tighter** is at once (or by `tighten_per_minute`), and rounded down to whole percents.
    * **Looser**, up to the base, is by the steps of `AdjustmentBounds`, if the rule may loosen.
    * An input that is missing, too old, of the future or NaN, and a rule that raises or answers
      no part, tighten to the floor at once.
    * A tightening that no rule renews, because it has no say or may not loosen, stands for
      `lifetime_s` and then goes back by schedule.
    * **Beyond what stands**: `propose` by one person, `approve` by another, up to the ceiling.

    Parameters
    ----------
    limit : Limit
        With its base bounds: of exposure or of a measure.
    rule : AdjustmentRule
        What tightens it.
    bounds : AdjustmentBounds, optional
        How far and fast.
    key : str, optional
        What it goes by in records and requests; the limit's name if not given.

    Examples
    --------
    >>> from nautilus_lab.risk.adjustment import VolatilityRule
    >>> from nautilus_lab.risk.limits import MaxGrossExposure
    >>> dynamic = DynamicLimit(
    ...     limit=MaxGrossExposure(max_fraction=2.0), rule=VolatilityRule(target=0.15)
    ... )
    >>> stressed = dynamic.adjust(AdjustmentState(), Signals.at(0, volatility=0.30), now_ns=0)
    >>> dynamic.effective(stressed.state, now_ns=0)
    MaxGrossExposure(max_fraction=1.0)
    >>> minute = 60_000_000_000
    >>> calm = dynamic.adjust(stressed.state, Signals.at(minute, volatility=0.10), now_ns=minute)
    >>> dynamic.effective(calm.state, now_ns=minute)
    MaxGrossExposure(max_fraction=1.2)
    >>> [(record.change, record.before, record.after) for record in calm.records]
    [('loosened', 0.5, 0.6)]
    """

    limit: Limit
    rule: AdjustmentRule
    bounds: AdjustmentBounds = field(default_factory=AdjustmentBounds)
    key: str = ""

    def __post_init__(self) -> None:
        bounds_of(self.limit)
        scaled(self.limit, self.bounds.floor)
        scaled(self.limit, self.bounds.ceiling)
        if not self.key:
            object.__setattr__(self, "key", self.limit.name)

    def of(self, limit: Limit) -> DynamicLimit:
        """Return the same rule, bounds and key of another limit."""
        return dataclasses.replace(self, limit=limit)

    @property
    def needs(self) -> frozenset[str]:
        """The measures that its rule reads, by name; somebody has to measure them.

        A drawdown is added up from what is held, and a `regime` is a word that somebody tells.
        """
        rules = getattr(self.rule, "rules", (self.rule,))
        read = {getattr(rule, "signal", None) for rule in rules} - {None, "drawdown", "regime"}
        return frozenset(map(str, read))

    @property
    def settings(self) -> dict[str, Any]:
        """The rules, the bounds and the key as plain values, which `dynamic_of` takes.

        Raises
        ------
        InputError
            When a rule is none of those that settings can name.
        """
        rules = getattr(self.rule, "rules", (self.rule,))
        return {
            "rules": [settings_of(rule) for rule in rules],
            **_others(self.bounds),
            **({} if self.key == self.limit.name else {"key": self.key}),
        }

    # --- where it stands ------------------------------------------------------------------

    def allowed(self, holdings: Holdings) -> float:
        """Return the part that the rule allows for what is held: at once, floor to 1.

        Over frames, where nothing stood before; what it reads is what `signals_of` finds.
        """
        told = self.assess(signals_of(holdings), holdings.now_ns)
        floor = percent(self.bounds.floor)
        if told.failed:
            return floor / 100
        allowed = 100 if told.factor is None else percent_below(told.factor)
        return min(100, max(floor, allowed)) / 100

    def part(self, state: AdjustmentState, now_ns: int) -> float:
        """Return the part of the base that holds, what was granted counted; floor to ceiling."""
        return self._percent(state, now_ns) / 100

    def effective(self, state: AdjustmentState, now_ns: int) -> Limit:
        """Return the limit as it holds."""
        return scaled(self.limit, self.part(state, now_ns))

    def _percent(self, state: AdjustmentState, now_ns: int) -> int:
        allowed = min(100, max(percent(self.bounds.floor), state.percent))
        granted = state.loosening
        now_ns = max(now_ns, state.looked_ns)
        if granted is None or granted.limit != self.key or not granted.holds(now_ns):
            return allowed
        to = min(percent(granted.to), percent(self.bounds.ceiling))
        # Who approved saw what stood then. What the rule tightened since, tightens this as well.
        stood = max(1, percent(granted.standing))
        return max(allowed, min(to, to * allowed // stood))

    # --- by rule and time -----------------------------------------------------------------

    def adjust(self, state: AdjustmentState, signals: Signals, now_ns: int) -> Adjusted:
        """Ask the rule, and move by what it says as far as the bounds allow.

        Parameters
        ----------
        state : AdjustmentState
            Where it stood; `AdjustmentState()` for a limit that never was adjusted.
        signals : Signals
            What is known now.
        now_ns : int
            UNIX nanoseconds. Earlier than the last look is taken for the same time; what was
            granted ends with a clock that was set back, or it would last for longer.

        Returns
        -------
        Adjusted
            Where it stands now, and one record for each change.
        """
        was_set_back = now_ns < state.looked_ns - _SET_BACK
        now_ns = max(now_ns, state.looked_ns)
        ended = self._expired(state, now_ns, was_set_back=was_set_back)
        state = ended.state
        told = self.assess(signals, now_ns)
        moved, change = self._moved(state, told, now_ns)
        if change is None and moved.failed != state.failed:
            change = "failed_tight" if moved.failed else "recovered"
        if change is None:
            return Adjusted(state=moved, records=ended.records)
        record = self._record(
            change,
            state,
            moved,
            now_ns,
            assessed=told.factor,
            inputs=told.inputs,
            reason=told.reason,
        )
        return Adjusted(state=moved, records=(*ended.records, record))

    def assess(self, signals: Signals, now_ns: int) -> Assessment:
        """Return what the rule says; one that raises, or answers no part, has failed."""
        try:
            told = self.rule.assess(signals, now_ns)
            factor = None if told.factor is None else float(told.factor)
        except Exception as error:
            log.exception("the rule of %s failed", self.key)
            return Assessment(factor=0.0, failed=True, reason=f"the rule failed: {error!r}")
        told = dataclasses.replace(told, factor=factor)
        if told.failed or factor is None or 0 <= factor <= 1:
            return told
        return dataclasses.replace(told, failed=True, reason=f"{factor} is no part of a base")

    def _moved(
        self, state: AdjustmentState, told: Assessment, now_ns: int
    ) -> tuple[AdjustmentState, Change | None]:
        bounds, floor = self.bounds, percent(self.bounds.floor)
        stood = min(100, max(floor, state.percent))
        looser = tuple(step for step in state.looser if now_ns - step[0] < _DAY)
        tighter = tuple(step for step in state.tighter if now_ns - step[0] < _MINUTE)
        renewed, returned = now_ns, 0
        now, change = stood, None  # type: tuple[int, Change | None]
        say = told.factor is not None and not told.failed
        target = min(100, max(floor, percent_below(told.factor or 0.0))) if say else 100
        if told.failed:
            now, change = floor, "failed_tight"
        elif target < stood:
            room = 100
            if bounds.tighten_per_minute is not None:
                room = percent(bounds.tighten_per_minute) - sum(step for _, step in tighter)
            now, change = stood - min(stood - target, max(0, room)), "tightened"
        elif target > stood:
            room = self._room(looser, now_ns)
            if say and self.rule.may_loosen:
                now, change = min(target, stood + room), "loosened"
            else:
                renewed = state.renewed_ns
                due, returned = self._due(state, now_ns)
                now, change = min(target, stood + min(due, room)), "returned"
        if now > stood:
            looser = (*looser, (now_ns, now - stood))
        elif now < stood:
            tighter = (*tighter, (now_ns, stood - now))
        moved = AdjustmentState(
            percent=now,
            looked_ns=now_ns,
            renewed_ns=renewed,
            returned_ns=returned,
            failed=told.failed,
            looser=looser,
            tighter=tighter,
            loosening=state.loosening,
        )
        return moved, change if now != state.percent else None

    def _room(self, looser: tuple[tuple[int, int], ...], now_ns: int) -> int:
        """Return how many percent looser it may become at once."""
        day = percent(self.bounds.per_day) - sum(step for _, step in looser)
        lately = sum(step for ts, step in looser if now_ns - ts < _MINUTE)
        return max(0, min(day, percent(self.bounds.per_minute) - lately))

    def _due(self, state: AdjustmentState, now_ns: int) -> tuple[int, int]:
        """Return what the schedule gives back now, in percent, and up to when it was followed."""
        expiry = state.renewed_ns + math.ceil(self.bounds.lifetime_s * _NS)
        every = math.ceil(self.bounds.return_every_s * _NS)
        since = max(expiry, state.returned_ns)
        if now_ns < since:
            return 0, state.returned_ns
        times = (now_ns - since) // every
        return times * percent(self.bounds.return_step), since + times * every

    # --- by people ------------------------------------------------------------------------

    def propose(
        self,
        state: AdjustmentState,
        *,
        request_id: str,
        to: float,
        requester: str,
        reason: str,
        lasts_s: float,
        now_ns: int,
    ) -> Loosening:
        """Ask for a loosening; nothing is looser yet.

        Parameters
        ----------
        state : AdjustmentState
            Where it stands.
        request_id : str
            What tells it from others.
        to : float
            The part of the base that is asked for, in whole percents: above what holds now, and at
            most the ceiling.
        requester, reason : str
            Who asks, and why.
        lasts_s : float
            Until it is over, counted from now, seconds; at most `AdjustmentBounds.max_loosening_s`.
        now_ns : int
            UNIX nanoseconds.

        Raises
        ------
        InputError
            When it is not looser than what holds, beyond the ceiling, too long, or says too little.
        """
        now_ns = max(now_ns, state.looked_ns)
        if not 0 < lasts_s <= self.bounds.max_loosening_s:
            raise InputError(
                f"a loosening lasts at most {self.bounds.max_loosening_s:g} s", value=lasts_s
            )
        request = Loosening(
            request_id=request_id,
            limit=self.key,
            to=to,
            standing=min(100, max(percent(self.bounds.floor), state.percent)) / 100,
            requester=requester,
            reason=reason,
            proposed_ns=now_ns,
            expires_ns=now_ns + math.floor(lasts_s * _NS),
        )
        self._check(request, state, now_ns)
        return request

    def approve(
        self, state: AdjustmentState, request: Loosening, *, by: str, now_ns: int
    ) -> Adjusted:
        """Grant a loosening; it holds from now until it expires, in place of one granted before.

        Parameters
        ----------
        state : AdjustmentState
            Where it stands.
        request : Loosening
            That was proposed.
        by : str
            Who grants it; another person than who asked.
        now_ns : int
            UNIX nanoseconds.

        Raises
        ------
        AccessDenied
            When the requester approves.
        LifecycleError
            When it is not proposed any more, or over.
        InputError
            When it is of another limit, beyond the ceiling, too long, or not looser any more.
        """
        now_ns = max(now_ns, state.looked_ns)
        ended = self._expired(state, now_ns)
        state = ended.state
        self._check(request, state, now_ns)
        granted = approve(request, by=by, now_ns=now_ns)
        moved = dataclasses.replace(state, loosening=granted, looked_ns=now_ns)
        record = self._record(
            "approved", state, moved, now_ns, reason=request.reason, by=by, request=granted
        )
        return Adjusted(state=moved, records=(*ended.records, record))

    def revoke(self, state: AdjustmentState, *, by: str, now_ns: int) -> Adjusted:
        """End what was granted, at once; anybody may.

        Raises
        ------
        LifecycleError
            When what was granted is over already.
        InputError
            When nothing is granted, or nobody is named.
        """
        if state.loosening is None:
            raise InputError("nothing is granted", value=self.key)
        now_ns = max(now_ns, state.looked_ns)
        ended = revoke(expire(state.loosening, now_ns=now_ns), by=by)
        moved = dataclasses.replace(state, loosening=None, looked_ns=now_ns)
        record = self._record("revoked", state, moved, now_ns, by=by, request=ended)
        return Adjusted(state=moved, records=(record,))

    def _check(self, request: Loosening, state: AdjustmentState, now_ns: int) -> None:
        bounds = self.bounds
        if request.limit != self.key:
            raise InputError(f"this is not a request about {self.key}", value=request.limit)
        if request.to > bounds.ceiling:
            raise InputError(
                f"nobody loosens beyond the ceiling, {bounds.ceiling:g} of the base",
                value=request.to,
            )
        if abs(request.to * 100 - percent(request.to)) > 1e-9:
            raise InputError("to must be whole percents", value=request.to)
        if request.expires_ns - request.proposed_ns > bounds.max_loosening_s * _NS:
            raise InputError(f"a loosening lasts at most {bounds.max_loosening_s:g} s")
        if percent(request.to) <= self._percent(state, now_ns):
            raise InputError(
                "a loosening must be looser than what holds",
                value=f"{request.to:g}, and {self.part(state, now_ns):g} holds",
            )

    def _expired(
        self, state: AdjustmentState, now_ns: int, *, was_set_back: bool = False
    ) -> Adjusted:
        granted = state.loosening
        if granted is None or (granted.holds(now_ns) and not was_set_back):
            return Adjusted(state=state)
        moved = dataclasses.replace(state, loosening=None)
        # What held until now: as of the last moment that it did.
        held = self._percent(dataclasses.replace(state, looked_ns=0), granted.expires_ns - 1)
        record = self._record(
            "expired",
            state,
            moved,
            now_ns,
            held_before=held / 100,
            reason="the clock was set back" if was_set_back else "",
            request=expire(granted, now_ns=now_ns),
        )
        return Adjusted(state=moved, records=(record,))

    def _record(
        self,
        change: Change,
        before: AdjustmentState,
        after: AdjustmentState,
        now_ns: int,
        *,
        request: Loosening | None = None,
        by: str = "",
        reason: str = "",
        assessed: float | None = None,
        inputs: tuple[tuple[str, float | str, int], ...] = (),
        held_before: float | None = None,
    ) -> AdjustmentRecord:
        return AdjustmentRecord(
            ts_ns=now_ns,
            limit=self.key,
            change=change,
            before=self.part(before, now_ns) if held_before is None else held_before,
            after=self.part(after, now_ns),
            rule_before=before.percent / 100,
            rule_after=after.percent / 100,
            assessed=assessed,
            inputs=inputs,
            reason=reason or (request.reason if request else ""),
            rule=repr(self.rule),
            bounds=repr(self.bounds),
            by=by,
            request_id=request.request_id if request else "",
            requester=request.requester if request else "",
        )


def _others(bounds: AdjustmentBounds) -> dict[str, Any]:
    """Return what is not as it is by default."""
    return {
        item.name: value
        for item in dataclasses.fields(bounds)
        if (value := getattr(bounds, item.name)) != item.default
    }
