"""Scores on one scale: outliers brought in, units taken out, exposures removed, date by date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors._rank import average_ranks
from nautilus_lab.factors.evaluation._neutral import Design, Groups, label_numbers, read_design
from nautilus_lab.factors.expressions import OPERATORS
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, Scores

Scale: TypeAlias = Literal["zscore", "rank", "normal", "none"]


def winsorise(scores: Scores, *, share: float = 0.01) -> Scores:
    """Bring the outliers of each date into its quantiles `share` and ``1 - share``.

    Parameters
    ----------
    scores : DataFrame, shape (time, symbol)
        NaN stays NaN.
    share : float, default=0.01
        Of each tail, at least 0 and less than 0.5.

    Raises
    ------
    InputError
        When `share` lies outside.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=1, tz="UTC")
    >>> wild = pd.DataFrame([[1.0, 2.0, 3.0, 4.0, 100.0]], days, list("ABCDE"))
    >>> winsorise(wild, share=0.25).iloc[0].to_list()
    [2.0, 2.0, 3.0, 4.0, 4.0]
    """
    if not 0 <= share < 0.5:
        raise InputError("a tail's share must lie in [0, 0.5)", value=share, remedy="share=0.01")
    return _mapped(scores, lambda values: _operated("winsorize", values, share))


def standardise(scores: Scores, *, scale: Scale = "zscore") -> Scores:
    """Put the scores of each date on one scale.

    Parameters
    ----------
    scores : DataFrame, shape (time, symbol)
        NaN stays NaN.
    scale : {"zscore", "rank", "normal", "none"}, default="zscore"
        Less the date's mean, in its sample deviations; the same of its ranks; quantiles of a normal
        law at ``(rank - 1/2) / n``; or as they are.

    Returns
    -------
    DataFrame, shape (time, symbol)
        NaN on dates whose scores do not differ.

    Raises
    ------
    InputError
        When `scale` is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=1, tz="UTC")
    >>> scores = pd.DataFrame([[1.0, 2.0, 3.0]], days, list("ABC"))
    >>> standardise(scores).iloc[0].to_list()
    [-1.0, 0.0, 1.0]
    """
    return _mapped(scores, lambda values: scaled(values, scale))


def neutralise(
    scores: Scores, *, groups: Groups | None = None, exposures: Mapping[str, Any] | None = None
) -> Scores:
    """Take out of the scores of each date what groups and exposures explain.

    Parameters
    ----------
    scores : DataFrame, shape (time, symbol)
    groups : DataFrame, Series or mapping, optional
        Labels by time and symbol, or one for each symbol.
    exposures : mapping of str to DataFrame, optional
        Name -> numbers by time and symbol, or labels.

    Returns
    -------
    DataFrame, shape (time, symbol)
        Residuals of a regression with a constant, by least squares; NaN where a group or an
        exposure is not known.

    Raises
    ------
    InputError
        When neither is given, or nothing of one is known where scores are.
    """
    known = require_scores(scores)
    if exposures:
        found = read_design(exposures, known.index, known.columns)
    elif groups is None:
        raise InputError("what to neutralise must be given", remedy="pass groups or exposures")
    else:
        found = Design()
    if groups is not None:
        label = label_numbers(groups, known.index, known.columns)[0]
        found = Design(labels=(*found.labels, label), numbers=found.numbers)
    return _mapped(scores, found.residuals)


def scaled(values: FloatArray, scale: Scale) -> FloatArray:
    """Return rows on one scale; see `standardise`."""
    import numpy as np

    if scale == "none":
        return values
    if scale == "zscore":
        return _operated("zscore", values)
    ranks = average_ranks(values)
    if scale == "rank":
        return _operated("zscore", ranks)
    if scale == "normal":
        from scipy.special import ndtri

        count = np.isfinite(ranks).sum(axis=1, keepdims=True)
        return np.asarray(ndtri((ranks - 0.5) / np.maximum(count, 1)))
    raise InputError(
        "a scale must be zscore, rank, normal or none", value=scale, remedy='pass "zscore"'
    )


def _operated(name: str, values: FloatArray, *arguments: float) -> FloatArray:
    import numpy as np

    out = np.empty(values.shape)
    OPERATORS[name].function(values, *arguments, out=out)
    return out


def _mapped(scores: Scores, function: Any) -> Scores:
    import numpy as np
    import pandas as pd

    known = require_scores(scores)
    values = function(np.array(known, dtype=np.float64))
    return mark(pd.DataFrame(values, known.index, known.columns), provenance(scores))
