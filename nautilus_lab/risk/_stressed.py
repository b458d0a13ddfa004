"""Risk in the worst year there was for what is held today."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import RiskModel
from nautilus_lab.risk._sample import Sample, sample_of
from nautilus_lab.risk._tail import rolling_tail_means

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries, Weights
    from nautilus_lab.risk._report import RiskReport

_SHORTFALL = HistoricalRisk(confidence=0.975)


@dataclass(frozen=True, kw_only=True, eq=False)
class StressedRisk:
    """The risk of today's portfolio in the window that was worst for it.

    Attributes
    ----------
    begin, end : Timestamp
        The first and the last period of that window.
    stressed : RiskReport
        Measured on that window.
    current : RiskReport
        Measured on the last window.
    n_windows : int
        How many windows were searched, each moved on by one period.
    """

    begin: pd.Timestamp
    end: pd.Timestamp
    stressed: RiskReport
    current: RiskReport = field(repr=False)
    n_windows: int

    @property
    def ratio(self) -> float:
        """Stressed over current expected shortfall; NaN where the current one is no loss."""
        current = self.current.expected_shortfall
        return self.stressed.expected_shortfall / current if current > 0 else math.nan


def stressed_risk(
    returns: Returns | ReturnSeries,
    weights: Weights | Mapping[str, float] | None = None,
    *,
    model: RiskModel = _SHORTFALL,
    window: int = 252,
) -> StressedRisk:
    """Search the window with the largest expected shortfall of what is held today [1]_.

    Parameters
    ----------
    returns : Series, shape (time,), or DataFrame, shape (time, symbol)
        Simple returns, fractions, as far back as there are; the crisis must be among them.
    weights : Series or mapping, symbol -> fraction of capital, optional
        What is held today; required for more than one symbol.
    model : RiskModel, default=HistoricalRisk(confidence=0.975)
        How each window is measured.
    window : int, default=252
        Periods of a window: 12 months of days.

    Returns
    -------
    StressedRisk
        The earliest of the worst, should several be.

    Raises
    ------
    InputError
        When `window` is shorter than the model needs, or weights do not fit.
    NotEnoughData
        When there are fewer periods than `window`.
    BadData
        When a return is NaN or infinite, or times are unsorted or repeated.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR33.
    """
    require_window(model, window)
    sample, times, symbols = sample_of(returns, weights, at_least=window)
    shortfalls = _shortfalls(sample, model, window)
    worst = int(shortfalls.argmax())
    frame = returns.iloc[worst : worst + window], returns.iloc[-window:]
    # The series of a portfolio takes no weights.
    held = None if returns.ndim == 1 else dict(zip(symbols, sample.weights, strict=True))
    return StressedRisk(
        begin=times[worst],
        end=times[worst + window - 1],
        stressed=model.measure(frame[0], held),
        current=model.measure(frame[1], held),
        n_windows=len(shortfalls),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibratedShortfall:
    """Expected shortfall calibrated to stress. A Basel-style measure, not a regulatory figure.

    Attributes
    ----------
    value : float
        The reduced set's shortfall under stress, scaled up to the full set.
    reduced_stressed, reduced_current, full_current : float
        The three shortfalls it is made of.
    share : float
        `reduced_current` / `full_current`: how much of the risk the reduced set carries.
    begin, end : Timestamp
        The window of stress that was found.
    """

    value: float
    reduced_stressed: float
    reduced_current: float
    full_current: float
    share: float
    begin: pd.Timestamp
    end: pd.Timestamp


def calibrated_shortfall(
    returns: Returns,
    weights: Weights | Mapping[str, float],
    *,
    history: Returns,
    window: int = 252,
    model: RiskModel = _SHORTFALL,
    least_share: float = 0.75,
) -> CalibratedShortfall:
    r"""Carry the stress that some symbols' history shows over to all of them.

    :math:`ES = ES_{R,S} \cdot \max(1, ES_{F,C} / ES_{R,C})` [1]_: the reduced set R, of the symbols
    in `history`, in the worst window S, times what the full set F is riskier in the last window C.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions, of all that is held; its last `window` periods are read.
    weights : Series or mapping, symbol -> fraction of capital
        What is held today.
    history : DataFrame, shape (time, symbol)
        The long history of the reduced set, up to the end of `returns`.
    window : int, default=252
        Periods of a window: 12 months of days.
    model : RiskModel, default=HistoricalRisk(confidence=0.975)
        How each window is measured.
    least_share : float, default=0.75
        The least share of the full set's shortfall that the reduced one must carry.

    Raises
    ------
    InputError
        When a setting is out of bounds, or weights do not fit.
    NotEnoughData
        When there are fewer periods than `window`.
    BadData
        When the reduced set carries less than `least_share`, both do not end on the same
        period, or a return is NaN or infinite.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR33.
    """
    if not 0 < least_share <= 1:
        raise InputError(
            "least_share must lie in (0, 1]", value=least_share, remedy="pass a fraction: 0.75"
        )
    require_window(model, window)
    reduced = {
        str(symbol): float(held) for symbol, held in weights.items() if symbol in history.columns
    }
    if not reduced:
        raise InputError(
            "the history must have some of what is held",
            value="none of the symbols",
            remedy="pass the long returns of the main symbols as history",
        )
    full = model.measure(returns.iloc[-window:], weights).expected_shortfall
    found = stressed_risk(history, reduced, model=model, window=window)
    if returns.index[-1] != history.index[-1]:
        raise BadData(
            "returns and history must end on the same period",
            value=f"{returns.index[-1]} and {history.index[-1]}",
            remedy="cut both to the common last period",
        )
    current = found.current.expected_shortfall
    share = current / full if full > 0 else math.nan
    if not share >= least_share:
        raise BadData(
            f"the reduced set must carry {least_share:.0%} of the full set's shortfall",
            value=f"{share:.1%}",
            remedy="add symbols to the history; a hedge outside of it makes the share small too",
        )
    stressed = found.stressed.expected_shortfall
    return CalibratedShortfall(
        value=stressed * max(1.0, full / current),
        reduced_stressed=stressed,
        reduced_current=current,
        full_current=full,
        share=share,
        begin=found.begin,
        end=found.end,
    )


def require_window(model: RiskModel, window: int) -> None:
    """Raise `InputError` when a model cannot measure a window."""
    if not window >= model.needed:
        raise InputError(
            f"window must be at least the {model.needed} periods that the model needs",
            value=window,
            remedy="pass a longer window, or a model with fewer min_observations",
        )


def _shortfalls(sample: Sample, model: RiskModel, window: int) -> FloatArray:
    import numpy as np

    if type(model) is HistoricalRisk:
        return rolling_tail_means(0.0 - sample.portfolio, window, model.confidence)
    begins = range(len(sample.portfolio) - window + 1)
    return np.array(
        [model.estimate(sample.part(at, at + window)).expected_shortfall for at in begins]
    )
