"""What a model would have said, day after day, from what was known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import RiskModel
from nautilus_lab.risk._sample import sample_of

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, ReturnSeries, Weights

_HISTORICAL = HistoricalRisk()


def rolling_risk(
    returns: Returns | ReturnSeries,
    weights: Weights | Mapping[str, float] | None = None,
    *,
    model: RiskModel = _HISTORICAL,
    window: int = 250,
) -> pd.DataFrame:
    """Measure each period's risk from the `window` periods before it.

    Parameters
    ----------
    returns : Series, shape (time,), or DataFrame, shape (time, symbol)
        Simple returns, fractions; more than `window`.
    weights : Series or mapping, symbol -> fraction of capital, optional
        Held throughout; required for more than one symbol.
    model : RiskModel, default=HistoricalRisk()
        How each window is measured.
    window : int, default=250
        Periods that each figure is estimated from, those the model needs at least.

    Returns
    -------
    DataFrame, shape (time - window, 3)
        Columns ``return``, the portfolio's, and ``value_at_risk`` and ``expected_shortfall``,
        losses positive, as they were known before that period began.

    Raises
    ------
    InputError
        When `window` is shorter than the model needs, or weights do not fit.
    NotEnoughData
        When there are not more than `window` periods.
    BadData
        When a return is NaN or infinite, or times are unsorted or repeated.
    """
    import pandas as pd

    if not window >= model.needed:
        raise InputError(
            f"window must be at least the {model.needed} periods that the model needs",
            value=window,
            remedy="pass a longer window, or a model with fewer min_observations",
        )
    sample, times, _ = sample_of(returns, weights, at_least=window + 1)
    found = [
        (estimate.value_at_risk, estimate.expected_shortfall)
        for estimate in (
            model.estimate(sample.part(begin, begin + window))
            for begin in range(len(sample.portfolio) - window)
        )
    ]
    frame = pd.DataFrame(
        found, index=times[window:], columns=["value_at_risk", "expected_shortfall"]
    )
    frame.insert(0, "return", sample.portfolio[window:])
    return frame
