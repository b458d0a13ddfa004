"""Fewer points that draw the same line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from nautilus_lab._typing import FloatArray

# Two points for each pixel of a wide screen; daily data of sixteen years stays whole.
_MOST = 4_000


def line_trace(line: pd.Series[float], name: str) -> go.Scatter:
    """Return a plotly line that weighs a fraction of the plain one in a saved notebook.

    Of a line of more than 4,000 points the lowest and the highest of each stretch are kept, so that
    every peak and trough stays; values are single precision, midnights are written as dates.

    Parameters
    ----------
    line : Series, shape (time,)
        Values over tz-aware times; NaN leaves a gap.
    name : str
        Its name in the legend.
    """
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go

    values = np.asarray(line, dtype=np.float64)
    kept = extremes(values, buckets=_MOST // 2)
    times = pd.DatetimeIndex(line.index)[kept].tz_convert("UTC").tz_localize(None)
    unit = "D" if (times == times.normalize()).all() else "s"
    return go.Scatter(
        x=times.to_numpy().astype(f"datetime64[{unit}]").astype(str),
        y=values[kept].astype(np.float32),
        name=name,
        mode="lines",
    )


def extremes(values: FloatArray, *, buckets: int) -> NDArray[np.intp]:
    """Return the places of the lowest and the highest value of each bucket, and of both ends."""
    import numpy as np

    n = len(values)
    if n <= 2 * buckets:
        return np.arange(n)
    kept = {0, n - 1}
    for left, right in pairwise(np.linspace(0, n, buckets + 1).astype(int).tolist()):
        stretch = values[left:right]
        if np.isnan(stretch).all():
            kept.add(left)
            continue
        kept.add(left + int(np.nanargmin(stretch)))
        kept.add(left + int(np.nanargmax(stretch)))
    return np.array(sorted(kept))
