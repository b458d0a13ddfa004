"""Limits from plain values, as `lab.toml` and a node's settings have them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
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
        near = difflib.get_close_matches(str(name), CATALOGUE, 1) or ["max_leverage"]
        raise ConfigError(
            f"limit must be one of {', '.join(CATALOGUE)}",
            value=name,
            remedy=f'write limit = "{near[0]}"; docs/limits.md has all',
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
        if key in values:
            _require_kind(name, key, values[key], item.type)
    try:
        return kind(**values)
    except InputError as error:
        raise ConfigError(
            f"the limit {name}: {error.rule}", value=error.value, remedy=error.remedy
        ) from None
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the limit {name} has a parameter of another kind: {error}",
            value=values,
            remedy="compare it with docs/limits.md",
        ) from None


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_names(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(map(_is_text, value))


def _is_table(of: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(of, value.values()))


# What a parameter may be, by its annotation; those of few words have a check of their own.
_KINDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "float": ("a number", _is_number),
    "int": ("a number", _is_number),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "str": ("a text", _is_text),
    "frozenset[str]": ("a list of names", _is_names),
    "Mapping[str, float]": ("a table of numbers", _is_table(_is_number)),
    "Mapping[str, str]": ("a table of texts", _is_table(_is_text)),
    "Mapping[str, Mapping[str, float]]": (
        "a table of tables of numbers",
        _is_table(_is_table(_is_number)),
    ),
}


def _require_kind(limit: str, key: str, value: object, annotation: Any) -> None:
    plain = str(annotation).removesuffix(" | None")
    if plain not in _KINDS or (value is None and plain != annotation):
        return
    what, fits = _KINDS[plain]
    if not fits(value):
        raise ConfigError(
            f"{key} of the limit {limit} must be {what}",
            value=repr(value),
            remedy="compare it with docs/limits.md",
        )


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
        raise ConfigError(
            f"trading.limit_levels: {error.rule}", value=error.value, remedy=error.remedy
        ) from None
