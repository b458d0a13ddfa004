"""Features of all instruments together: times in rows, instruments in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import NotEnoughData
from nautilus_lab.features._feature import FeatureSpec

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import BoolArray, FloatArray


def evaluate_universe(
    spec: FeatureSpec, columns: Mapping[str, FloatArray], present: BoolArray
) -> FloatArray:
    """Return a feature of all instruments, NaN where one has no bar.

    Parameters
    ----------
    spec : FeatureSpec
        Which.
    columns : mapping of str to array, shape (times, symbols)
        What it reads, NaN where an instrument has no bar.
    present : array, shape (times, symbols)
        Where it has one.

    Returns
    -------
    array, shape (outputs, symbols, times)
    """
    import numpy as np

    found = spec.computed(*[columns[name] for name in spec.inputs])
    return np.stack([np.where(present, one, np.nan).T for one in found])


def write_universe(
    specs: Sequence[FeatureSpec],
    wide: Callable[[str], FloatArray],
    times: pd.DatetimeIndex,
    out: FloatArray,
) -> None:
    """Write the features of all instruments among the others.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        Those of other scopes are passed over.
    wide : callable
        Takes a column's name; returns its values, shape (times, symbols), NaN without a bar.
    times : DatetimeIndex
        Of all bars.
    out : array, shape (columns, symbols, times)
        Where values are written.

    Raises
    ------
    NotEnoughData
        When too few instruments have bars without a gap.
    """
    import numpy as np

    asked = [spec for spec in specs if spec.feature.scope == "universe"]
    if not asked:
        return
    columns = {name: wide(name) for spec in asked for name in spec.inputs}
    present = np.isfinite(columns[asked[0].inputs[0]])
    require_together(asked, present, times)
    row = 0
    for spec in specs:
        width = len(spec.outputs)
        if spec.feature.scope == "universe":
            out[row : row + width] = evaluate_universe(spec, columns, present)
        row += width


def require_together(
    specs: Sequence[FeatureSpec], present: BoolArray, times: pd.DatetimeIndex
) -> None:
    """Check that enough instruments have bars without a gap for each feature of the universe.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        Those of other scopes are passed over.
    present : array, shape (times, symbols)
        Where an instrument has a bar.
    times : DatetimeIndex
        Of all bars.

    Raises
    ------
    NotEnoughData
        When at no time they have.
    """
    import numpy as np

    asked = [spec for spec in specs if spec.feature.symbols is not None]
    if not asked:
        return
    # how many bars in a row each instrument has, up to each time
    row = np.arange(1, len(present) + 1)[:, None]
    run = row - np.maximum.accumulate(np.where(present, 0, row), axis=0)
    for spec in asked:
        assert spec.feature.symbols is not None
        needed = spec.feature.symbols(spec.settings)
        whole = (run > spec.warm_up).sum(axis=1)
        if whole.max() < needed:
            best = int(whole.argmax())
            raise NotEnoughData(
                f"{spec.label} needs {needed} instruments with {spec.warm_up + 1} bars in a row",
                value=f"{whole[best]} at most, at {times[best].isoformat()}, of {present.shape[1]}",
                remedy="pass more instruments, of one calendar, or shorten its window",
            )
