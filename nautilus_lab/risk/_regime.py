"""Whether markets are calm or stressed, told by what was known at the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_returns, require_series
from nautilus_lab.risk._volatility import ewma_volatility

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, ReturnSeries

Regime: TypeAlias = Literal["calm", "normal", "stressed"]


@dataclass(frozen=True, kw_only=True, eq=False)
class VolatilityRegimes:
    """What the volatility of each period was, among those known before it.

    Attributes
    ----------
    volatility : Series, shape (time,)
        Exponentially weighted, known before the period; a fraction per period.
    rank : Series, shape (time,)
        The period's own place among the volatilities up to it, from the least, as a share of
        their number; equals share their mean place.
    labels : Series, shape (time,)
        ``"calm"``, ``"normal"`` or ``"stressed"``.
    """

    volatility: ReturnSeries = field(repr=False)
    rank: ReturnSeries = field(repr=False)
    labels: pd.Series[str] = field(repr=False)

    def __repr__(self) -> str:
        return f"VolatilityRegimes({self.current!r} at {self.labels.index[-1].date()})"

    @property
    def current(self) -> Regime:
        """The regime of the last period."""
        return self.labels.iloc[-1]  # type: ignore[return-value]


def volatility_regimes(
    returns: ReturnSeries,
    *,
    calm: float = 0.3,
    stressed: float = 0.9,
    decay: float = 0.94,
    history: int = 252,
) -> VolatilityRegimes:
    """Sort each period into calm, normal or stressed by the rank of its volatility.

    The rank is taken among the volatilities known so far, those of the future have no part: a
    rule that could have been followed at the time. A rule by rank always finds stressed times,
    also in a history that had none; a Markov-switching model asks more of the data [1]_.

    Parameters
    ----------
    returns : Series, shape (time,)
        Simple returns, fractions.
    calm, stressed : float, default=0.3, 0.9
        Up to the first rank a period is calm, above the second stressed.
    decay : float, default=0.94
        Of the exponentially weighted volatility, in (0, 1); see `ewma_volatility`.
    history : int, default=252
        Volatilities that must be known before a period is ranked.

    Returns
    -------
    VolatilityRegimes
        From the first period with that history on.

    Raises
    ------
    InputError
        When not 0 < `calm` < `stressed` < 1, or `decay` is out of bounds.
    NotEnoughData
        When there are too few returns to rank one.
    BadData
        When a return is NaN or infinite, or times are unsorted.

    References
    ----------
    .. [1] Hamilton, J. D. (1989). A new approach to the economic analysis of nonstationary time
       series and the business cycle. Econometrica 57(2), 357-384.
    """
    import pandas as pd

    if not 0 < calm < stressed < 1:
        raise InputError(
            "calm and stressed must satisfy 0 < calm < stressed < 1",
            value=f"calm={calm}, stressed={stressed}",
            remedy="pass ranks, calm=0.3, stressed=0.9",
        )
    warm_up = 21
    series = require_series(returns, at_least=warm_up + history)
    volatility = ewma_volatility(series, decay=decay, warm_up=warm_up)
    rank = volatility.expanding(history).rank(method="average", pct=True).dropna().rename("rank")
    labels = pd.Series("normal", index=rank.index, name="regime")
    labels[rank <= calm] = "calm"
    labels[rank > stressed] = "stressed"
    return VolatilityRegimes(volatility=volatility.loc[rank.index], rank=rank, labels=labels)


def turbulence(returns: Returns, *, window: int = 504) -> ReturnSeries:
    r"""Return how unusual each period's returns were, given those of the `window` before it.

    The squared Mahalanobis distance :math:`(r_t - \mu)' \Sigma^{-1} (r_t - \mu) / n` [1]_, mean
    and covariance of the `window` periods before t, :math:`n` symbols: about 1 on an ordinary
    day. Returns that are large, or that move together in ways they did not before, raise it.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions; more rows than `window`.
    window : int, default=504
        Periods that say what is usual; at least twice the number of symbols.

    Returns
    -------
    Series, shape (time - window,)
        At least 0, without a unit.

    Raises
    ------
    InputError
        When `window` is less than twice the number of symbols.
    NotEnoughData
        When there are not more than `window` rows.
    BadData
        When a return is NaN or infinite, or the covariance of a window has no inverse.

    References
    ----------
    .. [1] Kritzman, M. and Li, Y. (2010). Skulls, financial turbulence, and risk management.
       Financial Analysts Journal 66(5), 30-41.
    """
    import numpy as np
    import pandas as pd

    frame = require_returns(returns, at_least=window + 1)
    n_symbols = frame.shape[1]
    if not window >= 2 * n_symbols:
        raise InputError(
            "window must be at least twice the number of symbols",
            value=f"{window} for {n_symbols} symbols",
            remedy="pass a longer window, or fewer symbols",
        )
    values = np.asarray(frame, dtype=np.float64)
    found = np.empty(len(values) - window)
    for row in range(len(found)):
        usual = values[row : row + window]
        off = values[row + window] - usual.mean(axis=0)
        try:
            lower = np.linalg.cholesky(np.atleast_2d(np.cov(usual, rowvar=False)))
        except np.linalg.LinAlgError:
            raise BadData(
                "the covariance of every window must have an inverse",
                value=f"the {window} periods before {frame.index[row + window].date()}",
                remedy="drop symbols that never move or that copy each other",
            ) from None
        distance = np.linalg.solve(lower, off)
        found[row] = distance @ distance / n_symbols
    return pd.Series(found, index=frame.index[window:], name="turbulence")


def average_correlation(returns: Returns) -> float:
    """Return the mean correlation of all pairs of symbols: 1 when all move as one.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions; 3 rows and 2 symbols at least.

    Returns
    -------
    float
        Pearson's, each pair alike, -1 to 1.

    Raises
    ------
    NotEnoughData
        When there are fewer than 3 rows.
    InputError
        When there is one symbol only.
    BadData
        When a symbol never moves, a return is NaN or infinite, or times are unsorted.
    """
    import numpy as np

    frame = require_returns(returns, at_least=3)
    n_symbols = frame.shape[1]
    if n_symbols < 2:
        raise InputError(
            "a correlation takes two symbols", value=n_symbols, remedy="pass more columns"
        )
    values = np.asarray(frame, dtype=np.float64)
    still = values.min(axis=0) == values.max(axis=0)
    if still.any():
        raise BadData(
            "every symbol must move",
            value=str(frame.columns[still][0]),
            remedy="drop it: what is constant correlates with nothing",
        )
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    # The variance of the sum of scaled returns is the sum of all entries of the matrix.
    everything = float((scaled.sum(axis=1) ** 2).mean())
    return (everything - n_symbols) / (n_symbols * (n_symbols - 1))
