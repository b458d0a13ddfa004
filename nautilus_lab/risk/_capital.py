"""Figures of the form that Basel's have. Nobody has approved them: none is a regulatory capital."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_series

if TYPE_CHECKING:
    from nautilus_lab._typing import ReturnSeries

_DAYS = 60


@dataclass(frozen=True, kw_only=True)
class BaselStyleCapital:
    """A Basel-style measure: the form of the standard's figure, without what approval asks for.

    Attributes
    ----------
    value : float
        The larger of `latest` and `averaged`, money.
    latest : float
        Of the last day.
    averaged : float
        The mean of the last 60 days, modelled part times `multiplier`.
    multiplier : float
        What was used.
    """

    value: float
    latest: float
    averaged: float
    multiplier: float

    def __str__(self) -> str:
        return f"{self.value:,.0f}, a Basel-style measure, not a regulatory figure"


def constrained_shortfall(
    unconstrained: float, by_class: Mapping[str, float], *, weight: float = 0.5
) -> float:
    r"""Return :math:`\rho ES + (1 - \rho) \sum_i ES_i`: half of the diversification counts [1]_.

    Parameters
    ----------
    unconstrained : float
        Shortfall of everything together, at least 0, money.
    by_class : mapping of str to float
        Class of risk -> its shortfall with all others held still, at least 0, money.
    weight : float, default=0.5
        :math:`\rho`, in [0, 1].

    Raises
    ------
    InputError
        When a figure is negative or not finite, or there is no class.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR33.

    Examples
    --------
    >>> constrained_shortfall(100.0, {"equity": 90.0, "rates": 50.0})
    120.0
    """
    if not 0 <= weight <= 1:
        raise InputError("weight must lie in [0, 1]", value=weight, remedy="pass weight=0.5")
    for name, value in {"unconstrained": unconstrained, **by_class}.items():
        if not 0 <= value < math.inf:
            raise InputError(
                "a shortfall must be finite and at least 0",
                value=f"{name}: {value}",
                remedy="pass losses as positive numbers",
            )
    if not by_class:
        raise InputError("there must be a class of risk", value="none", remedy="pass one")
    return weight * unconstrained + (1 - weight) * math.fsum(by_class.values())


def basel_style_capital(
    modelled: ReturnSeries, not_modelled: ReturnSeries, *, multiplier: float = 1.5
) -> BaselStyleCapital:
    r"""Return :math:`\max(C_{t-1} + S_{t-1},\; m \bar C_{60} + \bar S_{60})` [1]_.

    Parameters
    ----------
    modelled : Series, shape (time,)
        :math:`C`, the constrained shortfall of each day (`constrained_shortfall`), money; 60 at
        least, the last 60 are averaged.
    not_modelled : Series, shape (time,)
        :math:`S`, the stress losses of factors that cannot be modelled, same times; 0 for none.
    multiplier : float, default=1.5
        :math:`m`; see `TrafficLight.multiplier_2019`.

    Raises
    ------
    InputError
        When `multiplier` is below 1.5 or not finite.
    NotEnoughData
        When there are fewer than 60 days.
    BadData
        When a figure is NaN, infinite or negative, or the times differ.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR33.
    """
    _require_multiplier(multiplier, 1.5)
    charge = _figures(modelled, "modelled shortfall")
    stress = _figures(not_modelled, "stress losses")
    _require_times(charge, stress)
    latest = float(charge.iloc[-1] + stress.iloc[-1])
    averaged = multiplier * float(charge.iloc[-_DAYS:].mean())
    averaged += float(stress.iloc[-_DAYS:].mean())
    return BaselStyleCapital(
        value=max(latest, averaged), latest=latest, averaged=averaged, multiplier=multiplier
    )


def basel_25_style_capital(
    value_at_risk: ReturnSeries, stressed: ReturnSeries, *, multiplier: float = 3.0
) -> BaselStyleCapital:
    r"""Return :math:`\max(V_{t-1}, m \bar V_{60})` of plain and of stressed value at risk, summed.

    Both at 99 % over ten days, as the rules before 2019 had it [1]_.

    Parameters
    ----------
    value_at_risk, stressed : Series, shape (time,)
        Of each day, money, at least 0; 60 at least, the last 60 are averaged; same times.
    multiplier : float, default=3.0
        :math:`m`; see `TrafficLight.multiplier_1996`.

    Raises
    ------
    InputError
        When `multiplier` is below 3 or not finite.
    NotEnoughData
        When there are fewer than 60 days.
    BadData
        When a figure is NaN, infinite or negative, or the times differ.

    References
    ----------
    .. [1] Basel Committee (2011). Revisions to the Basel II market risk framework.
    """
    _require_multiplier(multiplier, 3.0)
    plain = _figures(value_at_risk, "value at risk")
    stress = _figures(stressed, "stressed value at risk")
    _require_times(plain, stress)
    latest = [float(one.iloc[-1]) for one in (plain, stress)]
    averaged = [multiplier * float(one.iloc[-_DAYS:].mean()) for one in (plain, stress)]
    return BaselStyleCapital(
        value=sum(map(max, latest, averaged)),
        latest=sum(latest),
        averaged=sum(averaged),
        multiplier=multiplier,
    )


def _figures(series: ReturnSeries, name: str) -> ReturnSeries:
    checked = require_series(series, at_least=_DAYS, name=name)
    if not checked.min() >= 0:
        raise BadData(
            f"{name} must be at least 0",
            value=f"{checked.min():g} at {checked.idxmin()}",
            remedy="pass losses as positive numbers",
        )
    return checked


def _require_times(one: ReturnSeries, other: ReturnSeries) -> None:
    if not one.index.equals(other.index):
        raise BadData(
            "both series must be of the same times",
            value=f"{len(one.index.symmetric_difference(other.index))} times in one only",
            remedy="cut both to the common times",
        )


def _require_multiplier(multiplier: float, least: float) -> None:
    if not least <= multiplier < math.inf:
        raise InputError(
            f"multiplier must be at least {least:g}",
            value=multiplier,
            remedy="take it from traffic_light(...)",
        )
