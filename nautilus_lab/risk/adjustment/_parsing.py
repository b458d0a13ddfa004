"""Dynamic limits from plain values, as settings have them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nautilus_lab.exceptions import ConfigError, InputError
from nautilus_lab.risk.adjustment._bounds import AdjustmentBounds
from nautilus_lab.risk.adjustment._dynamic import DynamicLimit
from nautilus_lab.risk.adjustment._rules import (
    AdjustmentRule,
    BreachProbabilityRule,
    DrawdownRule,
    RegimeRule,
    Tightest,
    VolatilityRule,
)
from nautilus_lab.risk.limits import Limit

_RULES: Mapping[str, type[Any]] = MappingProxyType(
    {
        "volatility": VolatilityRule,
        "drawdown": DrawdownRule,
        "regime": RegimeRule,
        "breach_probability": BreachProbabilityRule,
    }
)


def rule_of(given: Mapping[str, Any]) -> AdjustmentRule:
    """Make a rule of plain values.

    Parameters
    ----------
    given : mapping
        ``rule``, which is ``"volatility"``, ``"drawdown"``, ``"regime"`` or
        ``"breach_probability"``, and its parameters.

    Raises
    ------
    ConfigError
        When there is no such rule or parameter, one is missing, or a value can be none.

    Examples
    --------
    >>> rule_of({"rule": "volatility", "target": 0.15})
    VolatilityRule(target=0.15, signal='volatility', max_age_s=86400.0)
    """
    values = dict(given)
    name = values.pop("rule", None)
    kind = _RULES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"rule must be one of {', '.join(_RULES)}", value=name)
    made: AdjustmentRule = _made(kind, values, f"the rule {name}")
    return made


def dynamic_of(limit: Limit, given: Mapping[str, Any]) -> DynamicLimit:
    """Make a dynamic limit of a limit and plain values.

    Parameters
    ----------
    limit : Limit
        With its base bounds.
    given : mapping
        ``rules``, a list of what `rule_of` takes, of which the tightest holds; the parameters of
        `AdjustmentBounds`; and ``key``.

    Raises
    ------
    ConfigError
        When there is no such parameter, a value can be none, or the limit cannot adjust itself.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import MaxLeverage
    >>> dynamic_of(MaxLeverage(max_times=3.0), {
    ...     "rules": [{"rule": "drawdown", "end": 0.2}], "floor": 0.5
    ... }).bounds.floor
    0.5
    """
    values = dict(given)
    rules, key = values.pop("rules", ()), values.pop("key", "")
    if not isinstance(rules, list | tuple) or not rules:
        raise ConfigError(
            "rules must be a list of at least one",
            value=rules,
            remedy='write rules = [{ rule = "regime" }]',
        )
    made = tuple(rule_of(one) for one in rules)
    bounds = _made(AdjustmentBounds, values, f"the adjustment of {limit.name}")
    try:
        return DynamicLimit(
            limit=limit, rule=made[0] if len(made) == 1 else Tightest(made), bounds=bounds, key=key
        )
    except InputError as error:
        raise ConfigError(f"the adjustment of {limit.name}: {error}") from None


def _made(kind: type[Any], values: Mapping[str, Any], what: str) -> Any:
    known = [item.name for item in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ConfigError(
                f"{key} is no parameter of {what}",
                value=values[key],
                remedy=f"it has {', '.join(known)}",
            )
    try:
        return kind(**values)
    except (InputError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{what}: {error}", value=dict(values)) from None
