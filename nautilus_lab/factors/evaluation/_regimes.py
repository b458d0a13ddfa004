"""Whether a factor works in some states of the market and not in others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.evaluation._newey_west import newey_west_error

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = "not known"


def by_state(ic: pd.DataFrame, spread: pd.DataFrame, states: pd.Series[Any]) -> pd.DataFrame:
    """Return IC and spread by the state that was known before each date.

    Parameters
    ----------
    ic, spread : DataFrame, shape (time, horizon)
    states : Series, shape (time,)
        State of the market, any label, known from its time on; a date of scores belongs to the
        latest state of an *earlier* time. Times are tz-aware, sorted and unique.

    Returns
    -------
    DataFrame, shape ((state, horizon), 8)
        ``n_dates``, ``ic``, ``icir``, ``ic_t``, ``positive_share``, ``spread``, ``spread_error``,
        ``spread_t``. Errors by Newey and West with ``horizon - 1`` lags, in which only dates that
        follow each other count as neighbours. Dates before the first state are ``"not known"``.

    Raises
    ------
    InputError
        When `states` is not a series over tz-aware times, sorted and unique.
    NotEnoughData
        When it is empty.
    """
    import numpy as np
    import pandas as pd

    if not isinstance(getattr(states, "index", None), pd.DatetimeIndex):
        raise InputError(
            "states must be a Series over time", value=type(states).__name__, remedy="see by()"
        )
    if pd.DatetimeIndex(states.index).tz is None:
        raise InputError(
            "states must have tz-aware times", value="tz-naive", remedy="tz_localize('UTC')"
        )
    if not len(states):
        raise NotEnoughData("states must not be empty", value=0, remedy="widen the dates")
    if not states.index.is_monotonic_increasing or not states.index.is_unique:
        raise InputError("states must be sorted, each time once", remedy="states.sort_index()")
    place = states.index.searchsorted(ic.index, side="left") - 1
    known = states.to_numpy(dtype=object)
    label = np.array([known[p] if p >= 0 else UNKNOWN for p in place], dtype=object)
    label[pd.isna(label)] = UNKNOWN
    rows: dict[tuple[Any, Any], dict[str, float]] = {}
    for state in sorted(dict.fromkeys(label), key=lambda one: (one == UNKNOWN, str(one))):
        for bar in ic.columns:
            among = np.asarray(label == state)
            one = _means(ic[bar], among, int(bar) - 1)
            two = _means(spread[bar], among, int(bar) - 1)
            rows[state, bar] = {
                "n_dates": one["n"],
                "ic": one["mean"],
                "icir": one["mean"] / one["std"] if one["std"] else math.nan,
                "ic_t": one["mean"] / one["error"],
                "positive_share": one["positive"],
                "spread": two["mean"],
                "spread_error": two["error"],
                "spread_t": two["mean"] / two["error"],
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["state", "horizon"])
    return table


def _means(line: pd.Series[float], among: Any, lag: int) -> dict[str, float]:
    import numpy as np

    values = line.to_numpy(dtype=float)
    inside = among & np.isfinite(values)
    chosen = values[inside]
    n = len(chosen)
    return {
        "n": n,
        "mean": float(chosen.mean()) if n else math.nan,
        "std": float(chosen.std(ddof=1)) if n > 1 else math.nan,
        "error": newey_west_error(np.where(inside, values, 0.0), lag, among=inside),
        "positive": float((chosen > 0).mean()) if n else math.nan,
    }
