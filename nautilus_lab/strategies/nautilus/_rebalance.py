"""How many units to trade to reach target weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nautilus_lab.exceptions import InputError


def units_to_trade(
    *,
    weights: Mapping[str, float],
    equity: float,
    positions: Mapping[str, float],
    prices: Mapping[str, float],
    band: float = 0.0,
    lot: int = 1,
) -> dict[str, int]:
    """Return the units to buy (positive) or sell (negative) to hold `weights` of `equity`.

    Targets are rounded towards zero to whole lots, so that they never add up to more than asked.

    Parameters
    ----------
    weights : mapping of str to float
        Name -> fraction of equity, negative for a short position.
    equity : float
        What the weights are fractions of, in the currency of the prices.
    positions : mapping of str to float
        Name -> units held now; a name that is absent holds none.
    prices : mapping of str to float
        Name -> price; every name of `weights` has one.
    band : float, default=0.0
        Deviation, as a fraction of equity, below which a position is left alone. A position whose
        target is 0 is always closed.
    lot : int, default=1
        Units are traded in multiples of this.

    Returns
    -------
    dict of str to int
        Only the names that trade, in the order of `weights`.

    Raises
    ------
    InputError
        When equity or a price is not positive and finite, a weight is not finite, a price is
        missing, or band or lot is out of bounds.

    Examples
    --------
    >>> units_to_trade(
    ...     weights={"A": 0.5, "B": 0.0},
    ...     equity=1_000.0,
    ...     positions={"B": 3},
    ...     prices={"A": 30.0, "B": 10.0},
    ... )
    {'A': 16, 'B': -3}
    """
    _require(0 < equity < math.inf, "equity must be positive", equity)
    _require(0 <= band < 1, "band must lie in [0, 1)", band)
    _require(lot >= 1, "lot must be at least 1", lot)
    wanted = {}
    for name, weight in weights.items():
        price = prices.get(name, math.nan)
        _require(0 < price < math.inf, "every name must have a positive price", f"{name}: {price}")
        _require(math.isfinite(weight), "weights must be finite", f"{name}: {weight}")
        held = positions.get(name, 0.0)
        # 99.99999999999 lots, the work of floating point, are 100.
        lots = math.trunc(weight * equity / price / lot * (1 + 1e-12))
        units = lots * lot - held
        if lots and abs(units) * price < band * equity:
            continue
        if round(units):
            wanted[name] = round(units)
    return wanted


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise InputError(rule, value=value, remedy="check what the strategy was given")
