"""Capital figures in the form of Basel's, of what is held now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import NotEnoughData
from nautilus_lab.risk import (
    BaselStyleCapital,
    HistoricalRisk,
    TrafficLight,
    basel_25_style_capital,
    basel_style_capital,
    constrained_shortfall,
    overlapping_returns,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, Weights
    from nautilus_lab.risk import StressedRisk

_DAYS = 60  # that are averaged
_PERIODS = 10  # of one holding period
_WINDOW = 250


@dataclass(frozen=True, kw_only=True, slots=True)
class CapitalFigure:
    """A Basel-style measure: the form of a standard's figure. Nobody has approved the model.

    Attributes
    ----------
    name : str
        In the form of which standard.
    figure : BaselStyleCapital
        The figure and its parts, money.
    rule : str
        How it was made, in words.
    """

    name: str
    figure: BaselStyleCapital
    rule: str


def capital_figures(
    returns: Returns, weights: Weights, *, stressed: StressedRisk, light: TrafficLight
) -> tuple[CapitalFigure, ...]:
    """Return the figures of holding today's positions on each of the last 60 days.

    Ten-day losses are read off ten-day returns that overlap, never scaled up from one day. All
    positions count as one class of risk with a liquidity horizon of ten days, large caps; no
    factor counts as one that cannot be modelled.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Daily simple returns, fractions, without gaps.
    weights : Series, symbol -> money
        What is held.
    stressed : StressedRisk
        Whose window is the one of stress.
    light : TrafficLight
        Whose multipliers are taken.

    Raises
    ------
    NotEnoughData
        When there are too few returns for 60 days of 250 ten-day returns each.
    """
    import pandas as pd

    ten = overlapping_returns(returns[list(weights.index)], periods=_PERIODS) @ weights
    if len(ten) < _WINDOW + _DAYS - 1:
        raise NotEnoughData(
            f"{_WINDOW + _DAYS - 1} overlapping returns over {_PERIODS} days are needed",
            value=len(ten),
        )
    model = HistoricalRisk(confidence=0.99, min_observations=_PERIODS * 10)
    days = ten.index[-_DAYS:]
    ends = range(len(ten) - _DAYS + 1, len(ten) + 1)
    plain = [max(0.0, model.measure(ten.iloc[e - _WINDOW : e]).value_at_risk) for e in ends]
    worst = ten.loc[stressed.begin : stressed.end]
    in_stress = max(0.0, model.measure(worst).value_at_risk)
    tail = HistoricalRisk(confidence=0.975, min_observations=_PERIODS * 10)
    shortfall = max(0.0, tail.measure(worst).expected_shortfall)
    charge = constrained_shortfall(shortfall, {"equity": shortfall})

    def each_day(value: float) -> pd.Series[float]:
        return pd.Series(value, index=days, dtype=float)

    before, now = light.multiplier_1996, light.multiplier_2019
    held = "as if what is held now had been held on each of the last 60 days"
    stress = f"the window of stress {stressed.begin.date()} to {stressed.end.date()}"
    return (
        CapitalFigure(
            name="Basel 2.5-style",
            figure=basel_25_style_capital(
                pd.Series(plain, index=days), each_day(in_stress), multiplier=before or 3.0
            ),
            rule=f"Value at risk and stressed value at risk, 99 % over ten days, {held}; {stress}.",
        ),
        CapitalFigure(
            name="Basel-style of 2019",
            figure=basel_style_capital(each_day(charge), each_day(0.0), multiplier=now or 1.5),
            rule=(
                f"Expected shortfall in stress, 97.5 % over ten days, one class of risk, {held}; "
                f"{stress}; nothing for factors that cannot be modelled."
            ),
        ),
    )
