"""What was tried together, and how it did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.trials._digest import SIZE
from nautilus_lab.trials._recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import FloatArray

Kind: TypeAlias = Literal["factor", "backtest", "portfolio", "custom"]

# What every trial has; a NaN says that it is not known.
MEASURES = ("sharpe", "skewness", "kurtosis", "n_observations", "years", "t", "p")
_AT_ONCE = 4_096
# They are kept as float32; one that is infinite there would be in the way of all others.
_LARGEST = 1e30
_NANOSECONDS_A_YEAR = 365.25 * 86_400 * 1e9


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """How some trials did.

    Attributes
    ----------
    returns : DataFrame, shape (time, trial), or None
        Per period; NaN where a trial has none.
    results : mapping of str to array of float64, shape (trial,)
        ``sharpe`` (per period), ``skewness``, ``kurtosis``, ``n_observations``, ``years``, ``t``,
        ``p`` (two-sided), and whatever else is worth keeping.
    """

    returns: pd.DataFrame | None
    results: Mapping[str, FloatArray]

    @classmethod
    def of(
        cls,
        returns: pd.DataFrame,
        *,
        t: FloatArray | None = None,
        degrees: FloatArray | None = None,
        more: Mapping[str, FloatArray] | None = None,
    ) -> Outcome:
        """Measure returns, shape (time, trial).

        Parameters
        ----------
        returns : DataFrame
        t : array, optional
            The statistic that decides; that of the mean return by Newey and West when not given,
            with :math:`4 (n / 100)^{2/9}` lags.
        degrees : array, optional
            Degrees of freedom of `t`; one less than the returns when not given.
        more : mapping, optional
            Further results.
        """
        import numpy as np
        from scipy.special import stdtr

        n = returns.shape[1]
        pieces = [
            _measured(returns.iloc[:, begin : begin + _AT_ONCE], newey_west=t is None)
            for begin in range(0, n, _AT_ONCE)
        ]
        results = {name: np.concatenate([one[name] for one in pieces]) for name in pieces[0]}
        if t is not None:
            results["t"] = np.asarray(t, dtype=np.float64)
        if degrees is None:
            degrees = np.maximum(results["n_observations"] - 1, 1)
        results["p"] = np.minimum(1.0, 2 * stdtr(degrees, -np.abs(results["t"])))
        return cls(returns=returns, results={**results, **(more or {})})


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Trials that are recorded together.

    Attributes
    ----------
    kind : {"factor", "backtest", "portfolio", "custom"}
    names : sequence of str, shape (trial,)
    hashes : array of uint8, shape (trial, 16)
        Of what was tried: definition, data and settings; equal hashes are one trial.
    outcome : Outcome
        `returns` has a column for every trial, or for those of `rows`.
    rows : array of int, optional
        Which trials the columns of returns are of; those that were chosen by their t come first.
    n_chosen : int, default=0
        How many were; the rest is a sample by chance.
    parameters, varying : mapping
        What all trials share, and lists of what each has of its own; plain data.
    data : mapping of str to DataFrame
        In the order the recipe takes them.
    recipe : Recipe
    seed : int, optional
    """

    kind: Kind
    names: Sequence[str]
    hashes: NDArray[np.uint8]
    outcome: Outcome
    rows: NDArray[Any] | None = None
    n_chosen: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    varying: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    data: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    seed: int | None = None

    def __post_init__(self) -> None:
        try:
            "".join(map(str, self.names)).encode()
        except UnicodeEncodeError as error:
            # A table could not show it, nor those beside it.
            raise InputError(
                "a name must be text that can be written as UTF-8", value=repr(str(error.object))
            ) from None
        if self.kind not in get_args(Kind):
            raise InputError("a kind must be known", value=self.kind, remedy=str(get_args(Kind)))
        if self.outcome.returns is not None:
            _require_times(self.outcome.returns.index)
        n = len(self.names)
        if self.hashes.shape != (n, SIZE):
            raise InputError(f"hashes have the shape ({n}, {SIZE})", value=self.hashes.shape)
        lacking = [name for name in MEASURES if name not in self.outcome.results]
        wrong = [name for name, line in self.outcome.results.items() if len(line) != n]
        wrong += [name for name, line in self.varying.items() if len(line) != n]
        if lacking or wrong or not n:
            raise InputError(
                "each trial has a name and one of each result",
                value=f"{n} names, without {lacking}, other lengths of {wrong}",
            )


def _require_times(index: pd.Index[Any]) -> None:
    """Refuse times that cannot be told from others, and what is neither times nor a count."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise InputError(
            "returns are indexed by tz-aware times, or by nothing",
            value="tz-naive" if isinstance(index, pd.DatetimeIndex) else f"an {index.dtype} index",
            remedy="say which zone: returns.tz_localize('UTC')",
        )
    if index.hasnans or not index.is_unique or not index.is_monotonic_increasing:
        raise InputError(
            "returns are in the order of their times, each once", remedy="returns.sort_index()"
        )


def _measured(returns: pd.DataFrame, *, newey_west: bool) -> dict[str, FloatArray]:
    """Return the measures of some trials but for p, and t only when it is asked for."""
    import numpy as np

    values = np.ascontiguousarray(returns.to_numpy(dtype=np.float64).T)
    if np.isinf(values).any():
        place = int(np.isinf(values).any(axis=1).argmax())
        raise BadData(
            "returns must be finite or NaN",
            value=f"{returns.columns[place]} is infinite",
            remedy="mend it: a division by 0, a price of 0",
        )
    if (np.abs(values) > _LARGEST).any():
        place = int((np.abs(values) > _LARGEST).any(axis=1).argmax())
        raise BadData(
            "returns must be fractions that a ledger can keep",
            value=f"{returns.columns[place]} reaches {np.nanmax(np.abs(values[place])):g}",
            remedy="mend it: a division by almost 0, a price in another unit",
        )
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    n = np.maximum(count, 1)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=1) / n
    centred = np.where(known, filled - mean[:, None], 0.0)
    square = (centred**2).sum(axis=1) / n
    # Rounding leaves 1e-19 where 0 belongs, and a ratio over it would look like a number.
    steady = square <= (1e-14 * np.abs(filled).max(axis=1, initial=0.0)) ** 2
    square[steady | (count < 2)] = np.nan
    t = np.full(len(values), np.nan)
    if newey_west:
        for at in np.flatnonzero(~np.isnan(square)).tolist():
            t[at] = _newey_west(values[at, known[at]])
    return {
        "sharpe": mean / np.sqrt(square * n / np.maximum(n - 1, 1)),
        "skewness": (centred**3).sum(axis=1) / n / square**1.5,
        "kurtosis": (centred**4).sum(axis=1) / n / square**2,
        "n_observations": count.astype(np.float64),
        "years": _years(returns.index, known),
        "t": t,
    }


def _years(index: pd.Index[Any], known: NDArray[np.bool_]) -> FloatArray:
    """Return how long each trial's returns go on, in years; NaN without times."""
    import numpy as np
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex) or not len(index):
        return np.full(len(known), np.nan)
    times = index.as_unit("ns").asi8.astype(np.float64)
    first, last = known.argmax(axis=1), known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    count = known.sum(axis=1)
    # The first return took as long as the others did in the mean.
    with np.errstate(invalid="ignore", divide="ignore"):
        span = (times[last] - times[first]) / _NANOSECONDS_A_YEAR * count / (count - 1)
    return np.where(count > 1, span, np.nan)


def _newey_west(values: FloatArray) -> float:
    n = len(values)
    if n < 2:
        return math.nan
    lags = min(n - 1, int(4 * (n / 100) ** (2 / 9)))
    errors = values - values.mean()
    variance = float(errors @ errors)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(errors[lag:] @ errors[:-lag])
    spread = math.sqrt(max(variance, 0.0) / (n * (n - 1)))
    return float(values.mean()) / spread if spread else math.nan
