"""Dynamic limits from plain values, as settings have them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from nautilus_lab.exceptions import ConfigError, InputError
from nautilus_lab.risk.adjustment._bounds import AdjustmentBounds
from nautilus_lab.risk.adjustment._dynamic import DynamicLimit
from nautilus_lab.risk.adjustment._rules import RULES, AdjustmentRule, Tightest
from nautilus_lab.risk.limits import Levels, Limit, LimitBook, limit_of

_BOUNDS = frozenset(item.name for item in dataclasses.fields(AdjustmentBounds))


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
    kind = RULES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"rule must be one of {', '.join(RULES)}", value=name)
    made: AdjustmentRule = _made(kind, values, f"the rule {name}")
    return made


def dynamic_of(limit: Limit, given: Mapping[str, Any]) -> DynamicLimit:
    """Make a dynamic limit of a limit and plain values.

    Parameters
    ----------
    limit : Limit
        With its base bounds.
    given : mapping
        ``rule`` and its parameters, or ``rules``, a list of what `rule_of` takes, of which the
        tightest holds; the parameters of `AdjustmentBounds`; and ``key``.

    Raises
    ------
    ConfigError
        When there is no such parameter, a value can be none, or the limit cannot adjust itself.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import MaxLeverage
    >>> dynamic_of(
    ...     MaxLeverage(max_times=3.0), {"rule": "drawdown", "end": 0.2, "floor": 0.5}
    ... ).bounds.floor
    0.5
    """
    if not isinstance(given, Mapping):
        raise ConfigError(
            "adjust must be a table",
            value=given,
            remedy='write adjust = { rule = "volatility", target = 0.15 }',
        )
    values = dict(given)
    rules, key = values.pop("rules", ()), values.pop("key", "")
    if not isinstance(key, str):
        raise ConfigError("the key of a dynamic limit must be a text", value=key)
    if "rule" in values and not rules:
        rules = [{name: values.pop(name) for name in tuple(values) if name not in _BOUNDS}]
    if not isinstance(rules, list | tuple) or not rules:
        raise ConfigError(
            "rules must be a list of at least one",
            value=rules,
            remedy='write rule = "regime", or rules = [{ rule = "regime" }]',
        )
    made = tuple(rule_of(one) for one in rules)
    bounds = _made(AdjustmentBounds, values, f"the adjustment of {limit.name}")
    try:
        return DynamicLimit(
            limit=limit, rule=made[0] if len(made) == 1 else Tightest(made), bounds=bounds, key=key
        )
    except InputError as error:
        raise ConfigError(
            f"the adjustment of {limit.name}: {error.rule}", value=error.value, remedy=error.remedy
        ) from None


def book_of(given: Iterable[Mapping[str, Any]], levels: Levels | None = None) -> LimitBook:
    """Make a limit book of plain values, as ``[[trading.limits]]`` has them.

    Parameters
    ----------
    given : iterable of mapping
        What `limit_of` takes, each with ``adjust`` for a rule that tightens it, as `dynamic_of`
        takes it.
    levels : Levels, optional
        Where warning begins.

    Raises
    ------
    ConfigError
        When there is no such limit, rule or parameter, or a value can be none.

    Examples
    --------
    >>> book = book_of([{
    ...     "limit": "max_leverage", "max_times": 3.0, "adjust": {"rule": "drawdown", "end": 0.2}
    ... }])
    >>> report = book.evaluate({"KO": 10}, {"KO": 60.0}, equity=900.0, high_water=1_000.0)
    >>> [(row.limit, row.limit_value, row.part) for row in report]
    [('max_leverage', 1.5, 0.5)]
    """
    limits, dynamic = [], []
    for one in given:
        values = dict(one)
        rule = values.pop("adjust", None)
        limits.append(limit_of(values))
        if rule is not None:
            dynamic.append(dynamic_of(limits[-1], rule))
    try:
        return LimitBook(limits, levels=levels or Levels(), dynamic=dynamic)
    except InputError as error:
        raise ConfigError(
            f"trading.limits: {error.rule}", value=error.value, remedy=error.remedy
        ) from None


def _made(kind: type[Any], values: Mapping[str, Any], what: str) -> Any:
    fields = dataclasses.fields(kind)
    known = [item.name for item in fields]
    for key in values:
        if key not in known:
            raise ConfigError(
                f"{key} is no parameter of {what}",
                value=values[key],
                remedy=f"it has {', '.join(known)}",
            )
    for item in fields:
        required = item.default is dataclasses.MISSING is item.default_factory
        if required and item.name not in values:
            raise ConfigError(f"{what} needs {item.name}", remedy=f"write {item.name} = ...")
    try:
        return kind(**values)
    except InputError as error:
        raise ConfigError(f"{what}: {error.rule}", value=error.value, remedy=error.remedy) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{what}: {error}", value=dict(values)) from None
