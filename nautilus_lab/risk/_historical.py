"""Historical-simulation risk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import require_returns, require_series
from nautilus_lab.provenance import provenance
from nautilus_lab.risk._report import RiskReport

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries, Weights


@dataclass(frozen=True, kw_only=True)
class HistoricalRisk:
    r"""Value at risk and expected shortfall, read off past returns.

    No distribution is assumed: the losses that happened are the sample [1]_. With :math:`n`
    losses sorted from the largest, :math:`L_{(1)} \ge L_{(2)} \ge \dots`, and a tail of
    :math:`t = n (1 - \alpha)` of them, :math:`k = \lfloor t \rfloor`:

    * value at risk is :math:`L_{(k+1)}`, a loss that did happen: nothing is interpolated;
    * expected shortfall is the mean over the whole tail, the last loss counting with the
      fraction that is left [2]_:
      :math:`\frac{1}{t} \left( \sum_{i \le k} L_{(i)} + (t - k) L_{(k+1)} \right)`.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk. It is read
        as the decimal number that it prints as: 0.9 leaves exactly a tenth.
    min_observations : int, default=100
        Refuse to estimate from fewer returns than this.

    Raises
    ------
    InputError
        When `confidence` is not in (0, 1) or `min_observations` not at least 1.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5, tz="UTC")
    >>> returns = pd.Series([-0.04, -0.02, 0.00, 0.01, 0.03], index=days)
    >>> report = HistoricalRisk(confidence=0.6, min_observations=5).measure(returns)
    >>> report.value_at_risk, report.expected_shortfall
    (0.0, 0.03)

    References
    ----------
    .. [1] Jorion, P. (2006). Value at Risk, 3rd ed., ch. 10. McGraw-Hill.
    .. [2] Acerbi, C. and Tasche, D. (2002). On the coherence of expected shortfall. Journal of
       Banking & Finance 26, 1487-1503.
    """

    confidence: float = 0.99
    min_observations: int = 100

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise InputError(
                "confidence must lie in (0, 1)",
                value=self.confidence,
                remedy="pass a fraction: confidence=0.99",
            )
        if not self.min_observations >= 1:
            raise InputError(
                "min_observations must be at least 1",
                value=self.min_observations,
                remedy="pass a count of periods: min_observations=100",
            )

    def measure(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
    ) -> RiskReport:
        """Measure the risk of holding a portfolio for one period.

        Parameters
        ----------
        returns : Series, shape (time,), or DataFrame, shape (time, symbol)
            Simple returns, fractions, of one portfolio or of the symbols it holds.
        weights : Series or mapping, symbol -> fraction of capital, optional
            What is held; need not sum to 1, shorts are negative, money gives money. Symbols
            without a weight are not held. Required for more than one symbol.

        Returns
        -------
        RiskReport
            Losses positive, per period of `returns`, never scaled to another.

        Raises
        ------
        InputError
            When weights are missing, name symbols without returns or are not finite numbers.
        NotEnoughData
            When there are fewer returns than `min_observations`, or than a tail of one needs.
        BadData
            When a return is NaN or infinite, or times are unsorted or repeated.
        """
        import numpy as np
        import pandas as pd

        if isinstance(returns, pd.Series):
            if weights is not None:
                raise InputError(
                    "weights belong to a frame of several symbols",
                    value="a Series of returns with weights",
                    remedy="pass the frame, or the portfolio's own returns without weights",
                )
            series = require_series(returns, at_least=self._needed)
            frame = series.to_frame("portfolio")
        else:
            frame = require_returns(returns, at_least=self._needed)
        held = _held(frame, weights)

        parts = np.asarray(frame[list(held.index)], dtype=np.float64) * held.to_numpy()
        losses = np.asarray(0.0 - parts.sum(axis=1), dtype=np.float64)
        tail = self._tail(len(losses))
        at_risk = float(np.partition(losses, len(losses) - 1 - int(tail))[-1 - int(tail)])
        chances = _tail_weights(losses, at_risk, float(tail))
        contributions = pd.Series(-(chances @ parts), index=held.index, name="expected_shortfall")
        return RiskReport(
            confidence=self.confidence,
            value_at_risk=at_risk,
            expected_shortfall=float(chances @ losses),
            tail=float(tail),
            n_observations=len(losses),
            contributions=contributions,
            returns=pd.Series(-losses, index=frame.index, name="return"),
            provenance=provenance(returns),
        )

    def _tail(self, n: int) -> Fraction:
        # The binary 1 - 0.9 is a little less than a tenth and would lose a whole observation.
        return n * (1 - Fraction(repr(float(self.confidence))))

    @property
    def _needed(self) -> int:
        """Observations below which there is no answer: the tail must hold one of them."""
        return max(self.min_observations, math.ceil(1 / self._tail(1)))


def _held(frame: Returns, weights: Weights | Mapping[str, float] | None) -> pd.Series[float]:
    import numpy as np
    import pandas as pd

    if weights is None:
        if frame.shape[1] == 1:
            return pd.Series([1.0], index=frame.columns)
        raise InputError(
            "the risk of several symbols needs their weights",
            value=f"{frame.shape[1]} columns, no weights",
            remedy="pass weights={symbol: fraction of capital, ...}",
        )
    try:
        held = pd.Series(weights, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            "weights must be numbers by symbol",
            value=weights,
            remedy="pass weights={symbol: fraction of capital, ...}",
        ) from None
    unknown = [str(symbol) for symbol in held.index if symbol not in frame.columns]
    if unknown or held.empty or not held.index.is_unique:
        raise InputError(
            "every weight must belong to one column of returns",
            value=", ".join(unknown) or f"{len(held)} weights",
            remedy="drop the symbol, or load its returns",
        )
    if not np.isfinite(held.to_numpy()).all():
        raise InputError(
            "weights must be finite",
            value=str(held.index[~np.isfinite(held.to_numpy())][0]),
            remedy="set what is not held to 0 or leave it out",
        )
    return held


def _tail_weights(losses: FloatArray, at_risk: float, tail: float) -> FloatArray:
    """Return each period's share in the expected shortfall; they sum to 1.

    Periods that tie with the value at risk share what is left of the tail equally, so that the
    order of the periods does not matter.
    """
    import numpy as np

    beyond = losses > at_risk
    ties = losses == at_risk
    shares = beyond + ties * ((tail - beyond.sum()) / ties.sum())
    return np.asarray(shares / tail, dtype=np.float64)
