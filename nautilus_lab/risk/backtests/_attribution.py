"""Whether the P&L that a risk model explains is the P&L that there was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nautilus_lab.exceptions import BadData
from nautilus_lab.frames import require_series

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, ReturnSeries


@dataclass(frozen=True, kw_only=True)
class AttributionTest:
    """The two statistics of the P&L attribution test. A Basel-style measure.

    Attributes
    ----------
    spearman : float
        Rank correlation of hypothetical and risk-theoretical P&L, -1 to 1.
    kolmogorov_smirnov : float
        The largest distance of their two distribution functions, 0 to 1.
    zone : {"green", "amber", "red"}
        Green above 0.8 and below 0.09; red below 0.7 or above 0.12; amber between.
    observations : int
        How many periods were compared.
    """

    spearman: float
    kolmogorov_smirnov: float
    zone: Literal["green", "amber", "red"]
    observations: int


def attribution_test(
    hypothetical: ReturnSeries, risk_theoretical: ReturnSeries, *, at_least: int = 250
) -> AttributionTest:
    """Compare what the positions earned with what the risk model's factors say they earned.

    Spearman's correlation and the two-sample Kolmogorov-Smirnov distance [1]_ [2]_.

    Parameters
    ----------
    hypothetical : Series, shape (time,)
        P&L of the positions of the day before, revalued in full; money or fractions.
    risk_theoretical : Series, shape (time,)
        The same by the risk model's pricing and factors; same times.
    at_least : int, default=250
        Refuse fewer periods than this; the standard's is 250.

    Raises
    ------
    NotEnoughData
        When there are fewer periods than `at_least`.
    BadData
        When a value is NaN or infinite, the times differ, or a series never moves: what is
        constant has no ranks.

    References
    ----------
    .. [1] Commission Delegated Regulation (EU) 2022/2059, articles 7 to 9.
    .. [2] Basel Committee (2019). Minimum capital requirements for market risk, MAR32.
    """
    import numpy as np

    actual = require_series(hypothetical, at_least=at_least, name="hypothetical P&L")
    explained = require_series(risk_theoretical, at_least=at_least, name="risk-theoretical P&L")
    if not actual.index.equals(explained.index):
        missing = actual.index.symmetric_difference(explained.index)
        raise BadData(
            "both P&Ls must be of the same times",
            value=f"{len(missing)} times in one only, {missing[0].date()} the first",
            remedy="cut both to the common times, and count what is missing as exceptions",
        )
    x, y = (np.asarray(one, dtype=np.float64) for one in (actual, explained))
    for name, values in (("hypothetical", x), ("risk-theoretical", y)):
        if values.min() == values.max():
            raise BadData(
                f"{name} P&L must move",
                value=f"{values[0]:g} in every period",
                remedy="a constant has no ranks to compare; look at its source",
            )
    correlation, distance = _spearman(x, y), _largest_distance(x, y)
    if correlation > 0.8 and distance < 0.09:
        zone: Literal["green", "amber", "red"] = "green"
    else:
        # Written so that what cannot be compared is red.
        zone = "amber" if correlation >= 0.7 and distance <= 0.12 else "red"
    return AttributionTest(
        spearman=correlation, kolmogorov_smirnov=distance, zone=zone, observations=len(x)
    )


def _spearman(x: FloatArray, y: FloatArray) -> float:
    import numpy as np
    import pandas as pd

    ranks = np.vstack([pd.Series(values).rank() for values in (x, y)])  # ties share their mean
    return float(np.corrcoef(ranks)[0, 1])


def _largest_distance(x: FloatArray, y: FloatArray) -> float:
    import numpy as np

    places = np.concatenate((x, y))
    shares = [
        np.searchsorted(np.sort(values), places, side="right") / len(values) for values in (x, y)
    ]
    return float(np.abs(shares[0] - shares[1]).max())
