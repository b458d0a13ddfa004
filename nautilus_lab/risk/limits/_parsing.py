"""Limits from plain values, as `lab.toml` and a node's settings have them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from nautilus_lab.exceptions import ConfigError, InputError
from nautilus_lab.risk.limits import (
    _data,
    _exposure,
    _liquidity,
    _loss,
    _measured,
    _order,
    _permission,
    _rate,
    _self_trade,
    _stress,
)
from nautilus_lab.risk.limits._levels import Levels
from nautilus_lab.risk.limits._limit import Limit

_ROOMS = (
    *(_order, _rate, _exposure, _loss, _measured, _liquidity, _permission, _data, _stress),
    _self_trade,
)

# name -> limit, by the numbers of the catalogue
CATALOGUE: Mapping[str, type[Limit]] = {
    kind.name: kind
    for kind in sorted(
        {
            kind
            for room in _ROOMS
            for kind in vars(room).values()
            if isinstance(kind, type) and issubclass(kind, Limit) and hasattr(kind, "name")
        },
        key=lambda kind: (kind.number, kind.name),
    )
}


def limit_of(given: Mapping[str, Any]) -> Limit:
    """Make a limit of plain values.

    Parameters
    ----------
    given : mapping
        ``limit``, its name, and its parameters.

    Raises
    ------
    ConfigError
        When there is no such limit or parameter, one is missing, or a bound is none.

    Examples
    --------
    >>> limit_of({"limit": "max_leverage", "max_times": 2.0})
    MaxLeverage(max_times=2.0)
    """
    values = dict(given)
    name = values.pop("limit", None)
    kind = CATALOGUE.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(
            f"limit must be one of {', '.join(CATALOGUE)}",
            value=name,
            remedy='write limit = "max_leverage"; docs/concepts/limits.md has all',
        )
    known = {item.name: item for item in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise ConfigError(
                f"{key} is no parameter of the limit {name}",
                value=values[key],
                remedy=f"it has {', '.join(known)}",
            )
    for key, item in known.items():
        required = item.default is dataclasses.MISSING and (
            item.default_factory is dataclasses.MISSING
        )
        if required and key not in values:
            raise ConfigError(f"the limit {name} needs {key}", remedy=f"write {key} = ...")
    try:
        return kind(**values)
    except InputError as error:
        raise ConfigError(f"the limit {name}: {error}") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the limit {name} has a parameter of another kind: {error}",
            value=values,
            remedy="compare it with docs/concepts/limits.md",
        ) from None


def limits_of(given: Iterable[Mapping[str, Any]]) -> tuple[Limit, ...]:
    """Make limits of plain values; see `limit_of`."""
    return tuple(limit_of(one) for one in given)


def levels_of(given: Mapping[str, float]) -> Levels:
    """Make levels of plain values.

    Raises
    ------
    ConfigError
        When there is no such level, or they are out of order.

    Examples
    --------
    >>> levels_of({"warn": 0.7, "clear": 0.6}).of(0.75)
    'warn'
    """
    values: dict[str, Any] = dict(given)
    known = [item.name for item in dataclasses.fields(Levels)]
    for key in values:
        if key not in known:
            raise ConfigError(
                f"{key} is no level", value=values[key], remedy=f"there are {', '.join(known)}"
            )
    if "confirmations" in values and values["confirmations"] % 1 == 0:
        values["confirmations"] = int(values["confirmations"])
    try:
        return Levels(**values)
    except InputError as error:
        raise ConfigError(f"trading.limit_levels: {error}") from None
