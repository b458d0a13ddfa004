"""Features of an instrument beside others: the series they are against, and the bars of both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.features._feature import FeatureSpec
from nautilus_lab.frames import require_returns

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, IntArray, Returns

# (series, column read) -> its level at each time, NaN where it has none
Levels: TypeAlias = Mapping[tuple[str, str], "FloatArray"]


def require_against(
    specs: Sequence[FeatureSpec], symbols: Sequence[str], references: Sequence[str]
) -> None:
    """Check that relative features are against series that are there, each of one meaning.

    Raises
    ------
    InputError
        When one is against nothing, or a name is neither a symbol nor a reference, or is both.
    """
    for spec in specs:
        if spec.feature.scope == "relative" and not spec.against:
            raise InputError(
                f"{spec.feature.name} is of an instrument beside another series",
                value="nothing it is against",
                remedy='name a symbol of the bars, or a column of references: against="SPY"',
            )
        for name in spec.against:
            known = (name in symbols) + (name in references)
            if known == 1:
                continue
            near = get_close_matches(name, [*symbols, *references], 3)
            if known:
                remedy = "rename the column"
            elif near:
                remedy = f"did you mean {' or '.join(near)}?"
            else:
                remedy = "pass references=, a frame of returns"
            raise InputError(
                "a feature is against a symbol of the bars or a column of references",
                value=f"{spec.label}: {name!r} is {'both' if known else 'neither'}",
                remedy=remedy,
            )


def read_levels(
    specs: Sequence[FeatureSpec],
    references: Returns | None,
    times: pd.DatetimeIndex,
    symbols: Sequence[str],
    of_symbol: Any,
) -> Levels:
    """Return the level of every series that a feature is against, at the times of the bars.

    Of a symbol that is the column a feature reads first, where it has a bar. Of a reference it is
    what one unit grows to, compounded over all of its rows, so that a row without bars counts.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        Those that are not relative are passed over.
    references : DataFrame, shape (time, name), optional
        Simple returns, each from the row before.
    times : DatetimeIndex
        Of all bars.
    symbols : sequence of str
        Of the bars.
    of_symbol : callable
        Takes a symbol and a column; returns its values, shape (times,), NaN where it has no bar.

    Raises
    ------
    InputError
        When a feature is against what is not there.
    BadData
        When references are unsorted, NaN or a loss of everything, or a series never moves.
    """
    import numpy as np

    names: list[str] = []
    if references is not None:
        references = require_returns(references, name="references")
        names = list(map(str, references.columns))
    require_against(specs, symbols, names)
    found: dict[tuple[str, str], FloatArray] = {}
    for spec in specs:
        for name in spec.against:
            key = name, spec.inputs[0]
            if key in found:
                continue
            if references is not None and name in names:
                levels = _grown(references.iloc[:, names.index(name)])
                found[key] = np.asarray(levels.reindex(times), dtype=float)
            else:
                found[key] = of_symbol(*key)
            known = found[key][np.isfinite(found[key])]
            if len(known) > 1 and known.min() == known.max():
                raise BadData(
                    f"{spec.label} is against a series that moves",
                    value=f"{name} stands at {known[0]:g} from first to last",
                    remedy="be against another, or mend its source",
                )
    return found


def _grown(returns: pd.Series[float]) -> pd.Series[float]:
    lost = returns <= -1
    if lost.any():
        raise BadData(
            "references must be simple returns, fractions above -1",
            value=f"{returns.name} = {returns[lost].iloc[0]:g} at {lost.idxmax()}",
            remedy="divide percent by 100",
        )
    return (1 + returns).cumprod()


def evaluate_relative(
    spec: FeatureSpec, inputs: Sequence[FloatArray], levels: Levels, at: IntArray, out: FloatArray
) -> None:
    """Write a relative feature of one instrument; NaN where it, or a series, has no bar.

    Parameters
    ----------
    spec : FeatureSpec
        Which.
    inputs : sequence of array, shape (bars,)
        Its columns.
    levels : mapping
        See `read_levels`.
    at : array, shape (bars,)
        The place of each bar among the times.
    out : array, shape (outputs, times)
        Where values are written.
    """
    import numpy as np

    beside = [levels[name, spec.inputs[0]][at] for name in spec.against]
    both = np.logical_and.reduce([np.isfinite(one) for one in beside])
    if both.all() and len(at) == out.shape[1] > spec.warm_up:
        for row, found in enumerate(spec.computed(*inputs, *beside)):
            out[row] = found
        return
    out[:] = math.nan
    if both.sum() > spec.warm_up:
        for row, found in enumerate(spec.computed(*[one[both] for one in (*inputs, *beside)])):
            out[row, at[both]] = found


def require_common(
    specs: Sequence[FeatureSpec], levels: Levels, at: IntArray, ends: IntArray
) -> None:
    """Check that for each relative feature some instrument has enough bars in common.

    Parameters
    ----------
    specs : sequence of FeatureSpec
        Those that are not relative are passed over.
    levels : mapping
        See `read_levels`.
    at : array, shape (bars,)
        The place of each bar among the times, instrument after instrument.
    ends : array, shape (instruments,)
        The end of each instrument's bars in `at`.

    Raises
    ------
    NotEnoughData
        When none has.
    """
    import numpy as np

    for spec in specs:
        if not spec.against:
            continue
        beside = [levels[name, spec.inputs[0]] for name in spec.against]
        both = np.logical_and.reduce([np.isfinite(one) for one in beside])[at]
        counts = np.diff(np.r_[0, np.cumsum(both)][np.r_[0, ends]])
        if counts.max() <= spec.warm_up:
            raise NotEnoughData(
                f"{spec.label} needs {spec.warm_up + 1} bars that an instrument has together with "
                f"{', '.join(spec.against)}",
                value=f"{counts.max()} at most",
                remedy="widen the dates, shorten its window, or bring their times in line",
            )
