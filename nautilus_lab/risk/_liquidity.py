"""Expected shortfall over the time that it takes to get out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_returns
from nautilus_lab.provenance import mark, provenance
from nautilus_lab.risk._sample import sample_of
from nautilus_lab.risk._tail import order_statistics, tail_size

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, Weights

_LADDER = (10, 20, 40, 60, 120)

LIQUIDITY_HORIZONS: Mapping[str, int] = MappingProxyType(
    {
        "interest rate, major currency": 10,
        "interest rate, other currency": 20,
        "interest rate, volatility": 60,
        "interest rate, other": 60,
        "credit spread, sovereign investment grade": 20,
        "credit spread, sovereign high yield": 40,
        "credit spread, corporate investment grade": 40,
        "credit spread, corporate high yield": 60,
        "credit spread, volatility": 120,
        "credit spread, other": 120,
        "equity price, large cap": 10,
        "equity price, small cap": 20,
        "equity price, large cap volatility": 20,
        "equity price, small cap volatility": 60,
        "equity price, other": 60,
        "exchange rate, major pair": 10,
        "exchange rate, other pair": 20,
        "exchange rate, volatility": 40,
        "exchange rate, other": 40,
        "commodity, energy and carbon": 20,
        "commodity, precious and non-ferrous metals": 20,
        "commodity, other price": 60,
        "commodity, energy and carbon volatility": 60,
        "commodity, precious and non-ferrous metals volatility": 60,
        "commodity, other volatility": 120,
        "commodity, other": 120,
    }
)
"""Days by kind of risk factor, as the Basel Committee lists them (MAR33.12, 2019)."""


def overlapping_returns(returns: Returns, *, periods: int = 10) -> Returns:
    """Return compounded returns over every run of `periods`, each moved on by one.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions.
    periods : int, default=10
        How many are compounded, at least 1.

    Returns
    -------
    DataFrame, shape (time - periods + 1, symbol)
        At the time of each run's last period. Neighbours share all but one of theirs: there is
        less in them than their number says.

    Raises
    ------
    InputError
        When `periods` is not at least 1.
    NotEnoughData
        When there are fewer rows than `periods`.
    BadData
        When a return is NaN or infinite, or times are unsorted or repeated.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> two = overlapping_returns(pd.DataFrame({"A": [0.1, 0.1, -0.5]}, index=days), periods=2)
    >>> two["A"].round(4).tolist()
    [0.21, -0.45]
    """
    import numpy as np
    import pandas as pd

    if not periods >= 1:
        raise InputError("periods must be at least 1", value=periods, remedy="pass periods=10")
    frame = require_returns(returns, at_least=periods)
    growth = 1 + np.asarray(frame, dtype=np.float64)
    n = len(growth) - periods + 1
    compounded = np.ones((n, growth.shape[1]))
    for shift in range(periods):
        compounded *= growth[shift : shift + n]
    made = pd.DataFrame(compounded - 1, index=frame.index[periods - 1 :], columns=frame.columns)
    return mark(made, provenance(returns))


@dataclass(frozen=True, kw_only=True, eq=False)
class LiquidityShortfall:
    """Expected shortfall over liquidity horizons. A Basel-style measure, not a regulatory figure.

    Attributes
    ----------
    value : float
        All horizons together, losses positive.
    confidence : float
        Of the shortfall.
    terms : Series, shape (horizon,)
        What each horizon adds, before squaring: the ten-day shortfall of what takes that
        long or longer, times the root of the further time over ten days.
    """

    value: float
    confidence: float
    terms: pd.Series[float] = field(repr=False)


def liquidity_shortfall(
    returns: Returns,
    weights: Weights | Mapping[str, float],
    horizons: Mapping[str, int],
    *,
    confidence: float = 0.975,
    min_observations: int = 100,
) -> LiquidityShortfall:
    r"""Measure expected shortfall where some positions take longer to leave than others.

    .. math:: \sqrt{ES_T(P)^2 +
        \sum_{j \ge 2} \left( ES_T(P, j) \sqrt{(LH_j - LH_{j-1}) / T} \right)^2}

    with :math:`T` = 10 days and :math:`LH` = 10, 20, 40, 60, 120 [1]_; :math:`ES_T(P, j)` is the
    shortfall of the positions with a horizon of :math:`LH_j` or longer, the others held still.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns over ten days each, overlapping ones (see `overlapping_returns`): shorter
        ones are not scaled up.
    weights : Series or mapping, symbol -> fraction of capital
        What is held.
    horizons : mapping of str to int
        Symbol -> 10, 20, 40, 60 or 120 days; see `LIQUIDITY_HORIZONS`.
    confidence : float, default=0.975
        Of the shortfall, in (0, 1).
    min_observations : int, default=100
        Refuse fewer returns than this.

    Raises
    ------
    InputError
        When a horizon is missing or not of the list, a setting is out of bounds, or weights do
        not fit.
    NotEnoughData
        When there are fewer returns than needed.
    BadData
        When a return is NaN or infinite, or times are unsorted or repeated.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR33.
    """
    import numpy as np
    import pandas as pd

    if not 0 < confidence < 1:
        raise InputError(
            "confidence must lie in (0, 1)", value=confidence, remedy="pass confidence=0.975"
        )
    least = max(min_observations, math.ceil(1 / tail_size(1, confidence)))
    sample, _, symbols = sample_of(returns, weights, at_least=least)
    wrong = [s for s in symbols if horizons.get(s) not in _LADDER]
    if wrong:
        raise InputError(
            f"every symbol held must have a horizon of {', '.join(map(str, _LADDER))}",
            value=", ".join(f"{symbol}: {horizons.get(symbol)}" for symbol in wrong),
            remedy="take it from LIQUIDITY_HORIZONS",
        )
    days = np.array([horizons[symbol] for symbol in symbols])
    tail = tail_size(len(sample.portfolio), confidence)
    terms = {}
    before = 0
    for horizon in _LADDER:
        chosen = days >= horizon
        shortfall = 0.0
        if chosen.any():
            losses = 0.0 - sample.returns[:, chosen] @ sample.weights[chosen]
            shortfall = order_statistics(losses, tail)[1]
        # The first is not scaled: the returns span its time already.
        terms[horizon] = shortfall * (math.sqrt((horizon - before) / _LADDER[0]) if before else 1.0)
        before = horizon
    return LiquidityShortfall(
        value=math.sqrt(math.fsum(term**2 for term in terms.values())),
        confidence=confidence,
        terms=pd.Series(terms, name="shortfall").rename_axis("horizon"),
    )
