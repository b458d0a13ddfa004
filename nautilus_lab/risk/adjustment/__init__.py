"""Limits that adjust themselves: rules tighten, schedules give back, two people loosen."""

from nautilus_lab.risk.adjustment._adjuster import LimitAdjuster
from nautilus_lab.risk.adjustment._bounds import AdjustmentBounds
from nautilus_lab.risk.adjustment._dynamic import DynamicLimit
from nautilus_lab.risk.adjustment._parsing import book_of, dynamic_of, rule_of
from nautilus_lab.risk.adjustment._request import (
    Loosening,
    LooseningState,
    approve,
    expire,
    reject,
    revoke,
)
from nautilus_lab.risk.adjustment._rules import (
    AdjustmentRule,
    Assessment,
    BreachProbabilityRule,
    DrawdownRule,
    RegimeRule,
    Tightest,
    VolatilityRule,
)
from nautilus_lab.risk.adjustment._signals import Signal, Signals, signals_of
from nautilus_lab.risk.adjustment._state import (
    Adjusted,
    AdjustmentRecord,
    AdjustmentState,
    Change,
    state_of,
)
from nautilus_lab.risk.limits import scaled

__all__ = [
    "Adjusted",
    "AdjustmentBounds",
    "AdjustmentRecord",
    "AdjustmentRule",
    "AdjustmentState",
    "Assessment",
    "BreachProbabilityRule",
    "Change",
    "DrawdownRule",
    "DynamicLimit",
    "LimitAdjuster",
    "Loosening",
    "LooseningState",
    "RegimeRule",
    "Signal",
    "Signals",
    "Tightest",
    "VolatilityRule",
    "approve",
    "book_of",
    "dynamic_of",
    "expire",
    "reject",
    "revoke",
    "rule_of",
    "scaled",
    "signals_of",
    "state_of",
]
