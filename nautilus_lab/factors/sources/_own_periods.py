"""A series over its own periods, before it meets any price."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nautilus_lab.factors.expressions import Expression, evaluate, parse
from nautilus_lab.factors.point_in_time._knowledge import Knowledge
from nautilus_lab.factors.point_in_time._release import MONTHS

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, IntArray
    from nautilus_lab.factors.point_in_time._moments import Moments

# releases that are computed together
_TOGETHER = 256


def over_own_periods(found: Knowledge, each: str, frequency: str) -> Knowledge:
    """Compute an expression of a series after each of its releases.

    Months, quarters and years that are missing count as NaN, so that twelve rows are twelve
    months. A series of days or weeks has no row for a day without a value.

    Parameters
    ----------
    found : Knowledge
        Of one series, in order.
    each : str
        An expression of ``x``.
    frequency : str
        Of the series.

    Returns
    -------
    Knowledge
        The value of the newest period after each release, as all periods were known then.
    """
    import numpy as np

    if frequency not in MONTHS:
        found = found.where(~np.isnan(found.values))
    if not len(found):
        return found
    expression = parse(each, fields=("x",))
    periods = _grid(found.periods, MONTHS.get(frequency, 0))
    rows = np.searchsorted(periods, found.periods)
    if len(np.unique(rows)) == len(rows) and (np.diff(rows) > 0).all():
        # Nothing was revised: a row's window is what was known when its newest value was.
        whole = np.full(len(periods), np.nan)
        whole[rows] = found.values
        return replace(found, values=_values(expression, whole[:, None])[rows, 0])
    return _after_each(found, rows, periods, expression)


def _after_each(
    found: Knowledge, rows: IntArray, periods: Moments, expression: Expression
) -> Knowledge:
    import numpy as np

    moments, first = np.unique(found.known, return_index=True)
    ends = np.append(first[1:], len(found))
    state = np.full(len(periods), np.nan)
    newest, values = np.zeros(len(moments), dtype=np.int64), np.full(len(moments), np.nan)
    highest = 0
    for begin in range(0, len(moments), _TOGETHER):
        together = range(begin, min(begin + _TOGETHER, len(moments)))
        columns = []
        for n in together:
            told = slice(first[n], ends[n])
            state[rows[told]] = found.values[told]
            highest = max(highest, int(rows[told].max()))
            newest[n] = highest
            columns.append(state.copy())
        low = max(0, int(newest[together[0]]) - expression.warm_up)
        known = np.column_stack(columns)[low : highest + 1]
        made = _values(expression, known)
        values[together] = made[newest[together] - low, np.arange(len(together))]
    return replace(
        found,
        codes=np.zeros(len(moments), dtype=np.int64),
        periods=periods[newest],
        known=moments,
        values=values,
    )


def _grid(periods: Moments, months: int) -> Any:
    import numpy as np

    each = np.unique(periods)
    if not months:
        return each
    # Each period where it was told, and the months between that were not.
    told = each.view("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    between = np.arange(told[0], told[-1] + 1, months)
    absent = np.setdiff1d(between, told)
    starts = absent.astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
    return np.sort(np.concatenate([each, starts]))


def _values(expression: Expression, known: FloatArray) -> FloatArray:
    """Return the values of an expression, each column by itself; the rows have no dates."""
    import numpy as np
    import pandas as pd

    short = max(0, expression.warm_up + 1 - len(known))
    padded = np.vstack([np.full((short, known.shape[1]), np.nan), known])
    out = np.full(padded.shape, np.nan)
    some = ~np.isnan(padded).all(axis=0)
    if some.any():
        days = pd.date_range("2000-01-01", periods=len(padded), tz="UTC")
        frame = pd.DataFrame(padded[:, some], days)
        out[:, some] = evaluate(expression, {"x": frame}, threads=1).to_numpy()
    return out[short:]
