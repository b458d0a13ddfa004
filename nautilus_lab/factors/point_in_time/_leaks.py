"""The rows that change when their future is taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.point_in_time._moments import microseconds
from nautilus_lab.factors.point_in_time._release import Release
from nautilus_lab.factors.point_in_time._session import Session

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices
    from nautilus_lab.factors.point_in_time._moments import Moments


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A value that depends on what was not known yet.

    Attributes
    ----------
    time : Timestamp
        Of the row.
    symbol : object
        Of the column.
    cut : Timestamp
        The last row that was there when it was computed again.
    whole, alone : float
        The value with the future of `cut`, and without it.
    """

    time: pd.Timestamp
    symbol: Any
    cut: pd.Timestamp
    whole: float
    alone: float


def known_by[Data: (pd.DataFrame, pd.Series)](
    data: Data, moment: pd.Timestamp, *, released: str | Release = "", period: str = ""
) -> Data:
    """Return the rows of a dataset that were known by a moment.

    Parameters
    ----------
    data : DataFrame or Series
        As `reindexed_like` takes it.
    moment : Timestamp
        With a zone.
    released : str or Release
        When values became known: a column, or a rule.
    period : str, default=""
        Column that the rule counts from; without, the index.

    Raises
    ------
    InputError
        When the moment has no zone, or a column is not there.
    """
    import numpy as np
    import pandas as pd

    time = pd.Timestamp(moment)
    if time.tzinfo is None:
        raise InputError("a moment must have a zone", value=time, remedy="tz='UTC'")
    known = _moments(data, released, period)
    now = microseconds(pd.DatetimeIndex([time]))[0]
    return data[np.asarray(known <= now)]


def find_leaks[Data: (pd.DataFrame, pd.Series)](
    compute: Callable[[Data, Prices], pd.DataFrame],
    data: Data,
    prices: Prices,
    *,
    released: str | Release = "",
    period: str = "",
    cuts: int = 5,
    session: Session | None = None,
    tolerance: float = 1e-12,
) -> tuple[Leak, ...]:
    """Compute rows again without their future, and return those that are not the same.

    Parameters
    ----------
    compute : callable
        Takes data and prices, gives a frame of the prices' rows: the alignment or the factor.
    data : DataFrame or Series
        As `compute` takes it.
    prices : DataFrame, shape (time, symbol)
    released, period : str or Release, str
        When a row of the data became known; see `known_by`.
    cuts : int, default=5
        After how many rows, evenly spread, the future is taken away: prices after that row, data
        that were released after it was decided.
    session : Session, optional
        When rows are decided.
    tolerance : float, default=1e-12
        Relative; what rounding may differ by.

    Returns
    -------
    tuple of Leak
        Empty when there is none. Data that are no longer enough count as NaN everywhere.

    Raises
    ------
    InputError
        When there are fewer than two cuts' rows.
    BadData
        When `compute` gives other rows than those of its prices.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=8, tz="UTC")
    >>> prices = pd.DataFrame({"A": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}, days)
    >>> def scaled(data, prices):  # by the whole sample: each row knows the future
    ...     return prices / prices.mean()
    >>> len(find_leaks(scaled, prices, prices, cuts=2))
    9
    >>> def honest(data, prices):
    ...     return prices / prices.expanding().mean()
    >>> find_leaks(honest, prices, prices, cuts=2)
    ()
    """
    import numpy as np

    if not 1 <= cuts < len(prices) - 1:
        raise InputError("cuts must leave two rows", value=f"{cuts} of {len(prices)} rows")
    whole = _computed(compute, data, prices)
    if whole is None:
        raise NotEnoughData("the whole data must be enough to compute", value=len(data))
    moments = (session or Session()).moments(cast("pd.DatetimeIndex", prices.index))
    known = _moments(data, released, period)
    found: list[Leak] = []
    for row in np.linspace(1, len(prices) - 2, cuts).astype(int):
        kept = prices.iloc[: row + 1]
        alone = _computed(compute, data[np.asarray(known <= moments[row])], kept)
        before = whole.iloc[: row + 1].to_numpy(dtype=float)
        after = np.full(before.shape, np.nan) if alone is None else alone.to_numpy(dtype=float)
        same = np.isclose(before, after, rtol=tolerance, atol=0, equal_nan=True)
        found += [
            Leak(
                time=kept.index[place],
                symbol=kept.columns[column],
                cut=kept.index[-1],
                whole=float(before[place, column]),
                alone=float(after[place, column]),
            )
            for place, column in np.argwhere(~same)
        ]
    return tuple(found)


def _computed[Data: (pd.DataFrame, pd.Series)](
    compute: Callable[[Data, Prices], pd.DataFrame], data: Data, prices: Prices
) -> pd.DataFrame | None:
    try:
        found = compute(data, prices)
    except NotEnoughData:
        return None
    if found.shape != prices.shape:
        raise BadData(
            "what is computed must have the rows and columns of its prices",
            value=f"{found.shape} for {prices.shape}",
        )
    return found


def _moments(data: Any, released: str | Release, period: str) -> Moments:
    import pandas as pd

    release = Release(column=released) if isinstance(released, str) else released
    column = release.column or period
    if not column:
        if not isinstance(data.index, pd.DatetimeIndex):
            raise InputError("say when data were released", remedy='pass released="filed"')
        return release.moments(data.index.to_series(), "the index")
    if isinstance(data, pd.Series) or column not in data.columns:
        raise InputError("a release must be a column of the data", value=column)
    return release.moments(data[column], column)
