"""A limit with its bounds multiplied."""

from __future__ import annotations

import math
from typing import Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._limit import Limit

# What bounds the limits of exposure and of measures, by the name of the parameter.
_BOUNDS = (
    "max_notional",
    "max_units",
    "max_fraction",
    "max_times",
    "max_index",
    "max_used",
    "max_days",
    "max_loss",
    "max_annual",
    "max_average",
    "most",
)
# Numbers of the catalogue whose bounds may move. What only reduces passes all of these; a tighter
# price, size or rate would deny it. What stops trading (13, 14) is moved by people.
_ADJUSTABLE = frozenset({7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19, 22})


def bounds_of(limit: Limit) -> dict[str, float]:
    """Return the bounds that can be adjusted, by parameter.

    Raises
    ------
    InputError
        When the limit is one that a reducing order does not skip, or one that stops trading.
    """
    # A part of the day's volume is asked of each order, whatever it does to the position.
    if limit.number not in _ADJUSTABLE or limit.name == "max_participation":
        raise InputError(
            "only limits of exposure and of measures adjust themselves",
            value=limit.name,
            remedy="a reducing order must pass however tight it is; set its bound by hand",
        )
    found = {name: value for name in _BOUNDS if (value := getattr(limit, name, None)) is not None}
    if not found or not all(0 < value < math.inf for value in found.values()):
        raise InputError(
            f"a bound of {limit.name} must be positive to be adjusted", value=found or None
        )
    return found


def scaled(limit: Limit, factor: float) -> Limit:
    """Return the same limit with its bounds multiplied by `factor`.

    Parameters
    ----------
    limit : Limit
        Of exposure or of a measure: 7 to 12, 15 to 19 or 22 of the catalogue.
    factor : float
        Positive and finite; 1 returns the limit itself.

    Raises
    ------
    InputError
        When the limit is of another kind, or the product can be no bound of it.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import MaxGrossExposure
    >>> scaled(MaxGrossExposure(max_notional=900_000, max_fraction=1.5), 0.5)
    MaxGrossExposure(max_notional=450000.0, max_fraction=0.75)
    """
    if not 0 < factor < math.inf:
        raise InputError("factor must be positive and finite", value=factor)
    found = bounds_of(limit)
    if factor == 1:
        return limit
    bounds: dict[str, Any] = {name: value * factor for name, value in found.items()}
    return limit.with_bounds(bounds)
