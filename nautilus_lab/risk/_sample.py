"""What a risk model estimates from: returns, weights and the portfolio they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_returns, require_series

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries, Weights


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sample:
    """Checked returns and what is held, as arrays.

    Attributes
    ----------
    returns : array, shape (time, symbol)
        Simple returns, fractions, finite, of what is held.
    weights : array, shape (symbol,)
        What is held of each, finite.
    portfolio : array, shape (time,)
        `returns` @ `weights`.
    """

    returns: FloatArray
    weights: FloatArray
    portfolio: FloatArray

    def part(self, begin: int, end: int) -> Sample:
        """Return the sample of the periods from `begin` up to `end`, without a copy."""
        return Sample(
            returns=self.returns[begin:end],
            weights=self.weights,
            portfolio=self.portfolio[begin:end],
        )


def sample_of(
    returns: Returns | ReturnSeries,
    weights: Weights | Mapping[str, float] | None,
    *,
    at_least: int,
) -> tuple[Sample, pd.Index[Any], pd.Index[Any]]:
    """Check returns and weights; return the sample, its times and the symbols held.

    Raises
    ------
    InputError
        When weights are missing, name symbols without returns or are not finite numbers.
    NotEnoughData
        When there are fewer returns than `at_least`.
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
        series = require_series(returns, at_least=at_least)
        alone = np.array(series, dtype=np.float64)
        held = Sample(returns=alone[:, None], weights=np.ones(1), portfolio=alone)
        return held, series.index, pd.Index(["portfolio"])

    frame = require_returns(returns, at_least=at_least, values=False)
    held_of = _held(frame, weights)
    # A copy: what a caller does to its weights later changes no report.
    amounts = np.array(held_of, dtype=np.float64)
    values = frame.to_numpy()
    everything = held_of.index.equals(frame.columns)
    # A number that is not finite, times a weight that is not 0, shows in the sum of its period:
    # looking for it in each return would take longer than all of the rest.
    if not (everything and values.dtype == np.float64 and amounts.all()):
        values = require_returns(frame).to_numpy(dtype=np.float64)
    if not everything:
        values = values[:, frame.columns.get_indexer(held_of.index)]
    with np.errstate(all="ignore"):
        portfolio = np.asarray(values @ amounts, dtype=np.float64)
    if not np.isfinite(portfolio).all():
        require_returns(frame)
        raise BadData(
            "the returns of the portfolio must be finite",
            value=f"{portfolio[~np.isfinite(portfolio)][0]}",
            remedy="weights times returns leave the range of numbers; pass smaller ones",
        )
    sample = Sample(returns=values, weights=amounts, portfolio=portfolio)
    return sample, frame.index, held_of.index


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
    if held.empty or not held.index.equals(frame.columns):
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
