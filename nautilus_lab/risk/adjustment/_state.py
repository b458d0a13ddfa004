"""Where an adjusted limit stands, and the record of each change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.adjustment._request import Loosening

# What moved it: a rule, an input that failed, one that came back, the schedule of an expired
# tightening, or people.
Change: TypeAlias = Literal[
    "tightened",
    "failed_tight",
    "recovered",
    "loosened",
    "returned",
    "approved",
    "revoked",
    "expired",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdjustmentState:
    """Where one limit stands; all that has to be kept over a restart.

    Attributes
    ----------
    percent : int
        What the rule allows, in whole percent of the base; at most 100.
    looked_ns : int
        The last look, UNIX nanoseconds; time that goes back stands still.
    renewed_ns : int
        When the rule last asked for the tightening.
    returned_ns : int
        Up to when the schedule of an expired tightening has been followed.
    failed : bool
        Whether an input failed at the last look.
    looser, tighter : tuple of (int, int)
        The steps within the last day and minute: UNIX nanoseconds, percent.
    loosening : Loosening or None
        What was granted last, while it holds.
    """

    percent: int = 100
    looked_ns: int = 0
    renewed_ns: int = 0
    returned_ns: int = 0
    failed: bool = False
    looser: tuple[tuple[int, int], ...] = ()
    tighter: tuple[tuple[int, int], ...] = ()
    loosening: Loosening | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """All of it as plain values, for JSON; `state_of` makes the same of them."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def state_of(given: Mapping[str, Any]) -> AdjustmentState:
    """Make a state of plain values.

    Raises
    ------
    InputError
        When they are none: who has lost where a limit stood starts at its floor, not its base.

    Examples
    --------
    >>> state_of(AdjustmentState(percent=40).plain) == AdjustmentState(percent=40)
    True
    """
    try:
        state = msgspec.convert(given, AdjustmentState)
    except msgspec.ValidationError as error:
        raise InputError(f"these are no state of an adjustment: {error}", value=given) from None
    if not 1 <= state.percent <= 100:
        raise InputError("percent must lie in [1, 100]", value=state.percent)
    if any(step < 1 for _, step in (*state.looser, *state.tighter)):
        raise InputError("a step must be at least one percent", value=given)
    return state


@dataclass(frozen=True, kw_only=True, slots=True)
class AdjustmentRecord:
    """One change of one limit, with all that led to it; for the audit trail.

    Attributes
    ----------
    ts_ns : int
        UNIX nanoseconds.
    limit : str
        Its key.
    change : str
        ``"tightened"``, ``"failed_tight"``, ``"recovered"``, ``"loosened"``, ``"returned"`` (by
        the schedule), ``"approved"``, ``"revoked"``, ``"expired"``.
    before, after : float
        The part of the base that held, and that holds, what was granted counted.
    rule_before, rule_after : float
        The part that the rule alone allowed and allows.
    assessed : float or None
        What the rule said; None when it had no say, or was not asked.
    inputs : tuple of (str, float or str, int)
        What it read: name, value, UNIX nanoseconds.
    reason : str
        Why, for a person.
    rule, bounds : str
        The settings that led to it.
    by : str
        Who, when a person did it.
    request_id, requester : str
        The loosening's, when it was one.
    """

    ts_ns: int
    limit: str
    change: Change
    before: float
    after: float
    rule_before: float
    rule_after: float
    assessed: float | None = None
    inputs: tuple[tuple[str, float | str, int], ...] = ()
    reason: str = ""
    rule: str = ""
    bounds: str = ""
    by: str = ""
    request_id: str = ""
    requester: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """All of it as plain values; NaN and infinity, which JSON does not have, as text."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        found["inputs"] = [[name, _written(value), ts] for name, value, ts in self.inputs]
        found["assessed"] = None if self.assessed is None else _written(self.assessed)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjusted:
    """What came of a look or a decision.

    Attributes
    ----------
    state : AdjustmentState
        Where the limit stands now.
    records : tuple of AdjustmentRecord
        What changed, in order; empty when nothing did.
    """

    state: AdjustmentState
    records: tuple[AdjustmentRecord, ...] = ()


def _written(value: float | str) -> float | str:
    return value if isinstance(value, str) or math.isfinite(value) else repr(float(value))
