"""What became of each score that was handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import BoolArray, FloatArray
    from nautilus_lab.factors.evaluation._observations import Observations

    ReasonArray = NDArray[np.int8]

USED = "used"
REASONS = (
    USED,
    "no prices of the symbol",
    "no score: warm-up or missing",
    "no group or exposure",
    "no prices of the date",
    "fewer names than quantiles that date",
    "all scores equal that date",
    "future not known: end of the prices",
    "future not known: no price at entry or exit",
)
_NO_SYMBOL, _NO_SCORE, _NO_EXPOSURE, _NO_DATE, _FEW, _EQUAL, _END, _GAP = range(1, len(REASONS))


def reasons_of(
    raw: FloatArray,
    score: FloatArray,
    future: FloatArray,
    *,
    has_prices: BoolArray,
    enough: BoolArray,
    varies: BoolArray,
    ended: BoolArray,
) -> ReasonArray:
    """Return the place in `REASONS` of the first reason that holds for each score.

    Parameters
    ----------
    raw, score, future : ndarray, shape (n, m)
        Scores as handed in and neutralised, and what followed.
    has_prices, enough, varies, ended : ndarray of bool, shape (n,)
        By date: whether prices have it, names are as many as quantiles, scores differ, and the
        horizon ends after the prices do.
    """
    import numpy as np

    found = np.zeros(raw.shape, dtype=np.int8)
    # The last reason first: an earlier one is written over it.
    found[np.isnan(future)] = _GAP
    for rows, reason in (
        (ended, _END),
        (~varies, _EQUAL),
        (~enough, _FEW),
        (~has_prices, _NO_DATE),
    ):
        found[rows] = reason
    found[np.isnan(score)] = _NO_EXPOSURE
    found[np.isnan(raw)] = _NO_SCORE
    return found


def count_dropped(observations: Observations) -> pd.DataFrame:
    """Return how many scores were dropped by reason and horizon, and how many were used, last."""
    import numpy as np
    import pandas as pd

    outside = len(observations.times) * len(observations.unpriced)
    columns = {}
    for bar, found in observations.reasons.items():
        counts = np.bincount(found.ravel(), minlength=len(REASONS))
        counts[_NO_SYMBOL] += outside
        columns[bar] = [*counts[1:], counts[0]]
    return pd.DataFrame(
        columns, pd.Index([*REASONS[1:], USED], name="reason"), dtype=np.int64
    ).rename_axis(columns="horizon")


def dropped_scores(observations: Observations, bar: int) -> pd.DataFrame:
    """Return each score that was not used, shape ((time, symbol), 2): its value and the reason."""
    import numpy as np
    import pandas as pd

    n, symbols = len(observations.times), observations.symbols.append(observations.unpriced)
    outside = np.full((n, len(observations.unpriced)), _NO_SYMBOL, dtype=np.int8)
    found = np.hstack([observations.reasons[bar], outside])
    scores = np.hstack([observations.raw_scores, np.full(outside.shape, np.nan)])
    row, column = np.nonzero(found)
    index = pd.MultiIndex.from_arrays(
        [observations.times[row], symbols[column]], names=["time", "symbol"]
    )
    reason = pd.Categorical.from_codes(found[row, column], categories=pd.Index(REASONS))
    return pd.DataFrame({"score": scores[row, column], "reason": reason}, index)
