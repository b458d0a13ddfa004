"""What a study was made of: scores, quantiles and returns ahead, on one grid of dates and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import NotEnoughData
from nautilus_lab.factors._forward import ahead_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray
    from nautilus_lab.factors.evaluation._neutral import Design

    ReasonArray = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """The grid that every figure of a study is read off.

    Attributes
    ----------
    times : DatetimeIndex, shape (n,)
        Dates of the scores handed in.
    symbols : Index, shape (m,)
        Names that have both scores and prices.
    unpriced : Index
        Names with scores whose prices were not handed in.
    scores : ndarray, shape (n, m)
        Neutralised when that was asked for; NaN where not known or not of use.
    raw_scores : ndarray, shape (n, m)
        As handed in.
    bucket : ndarray, shape (n, m)
        Quantile of each score, from 0 up; NaN where there is no score.
    quantiles : int
        How many quantiles.
    given : mapping of int to ndarray, shape (n, m)
        Horizon -> forward returns that came with the scores; empty where prices did.
    reasons : mapping of int to ndarray of int8, shape (n, m)
        Horizon -> place in `REASONS` of what became of each score.
    delay : int
        Bars between signal and trade.
    labels : ndarray of int or None
        Groups by number, -1 where not known, shape (n, m).
    group_names : tuple
        Number -> group.
    design : Design or None
        What scores and returns were neutralised with.
    prices : ndarray or None, shape (t, m)
        None when forward returns came with the scores.
    price_times : DatetimeIndex or None, shape (t,)
    entry : ndarray of int, shape (n,)
        Row of the prices at each date of the scores; -1 where there is none.
    """

    times: pd.Index[Any]
    symbols: pd.Index[Any]
    unpriced: pd.Index[Any]
    scores: FloatArray
    raw_scores: FloatArray
    bucket: FloatArray
    quantiles: int
    given: Mapping[int, FloatArray]
    reasons: Mapping[int, ReasonArray]
    delay: int
    labels: IntArray | None = None
    group_names: tuple[Any, ...] = ()
    design: Design | None = None
    prices: FloatArray | None = None
    price_times: pd.Index[Any] | None = None
    entry: IntArray

    @property
    def in_use(self) -> BoolArray:
        """Which dates are used for some horizon, shape (n,)."""
        import numpy as np

        return np.asarray(
            np.logical_or.reduce([(found == 0).any(axis=1) for found in self.reasons.values()])
        )

    @property
    def horizons(self) -> tuple[int, ...]:
        """The holding periods studied, in bars."""
        return tuple(self.reasons)

    def ahead(self, bar: int) -> FloatArray:
        """Return what followed each score that a horizon uses, NaN elsewhere, shape (n, m)."""
        import numpy as np

        return self._neutral(np.where(self.reasons[bar] == 0, self._raw(bar, 0), np.nan))

    def returns_ahead(self, bars: int, *, after: int = 0) -> FloatArray:
        """Return what each score's name earned over `bars` bars, `after` bars after the trade.

        Returns
        -------
        ndarray, shape (n, m)
            Neutralised as scores are; NaN where the score or a price is not known.

        Raises
        ------
        NotEnoughData
            When forward returns came with the scores and these are not among them.
        """
        import numpy as np

        return self._neutral(np.where(np.isnan(self.scores), np.nan, self._raw(bars, after)))

    def earned(self, bars: int) -> FloatArray:
        """Return what names earned that came with forward returns, nothing taken out of it."""
        return self._raw(bars, 0)

    def _raw(self, bars: int, after: int) -> FloatArray:
        if self.prices is not None:
            return ahead_of(self.prices, self.entry, delay=self.delay + after, bars=bars)
        if after or bars not in self.given:
            raise NotEnoughData(
                f"returns of {bars} bars, {after} after the trade, need prices",
                value=f"forward returns of {', '.join(map(str, self.given))} bars",
                remedy="pass prices beside the factor",
            )
        return self.given[bars]

    def _neutral(self, returns: FloatArray) -> FloatArray:
        return returns if self.design is None else self.design.residuals(returns)
