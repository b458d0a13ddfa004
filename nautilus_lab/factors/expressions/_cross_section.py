"""The operators that compare the symbols of one time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nautilus_lab.factors._rank import buckets
from nautilus_lab.factors.expressions._operator import Argument, Family, Kind, Operator

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# rows ranked together: how they are sorted stays in the second-level cache
_BLOCK = 256
_X = Argument(name="x")
_KNOWN = "NaN where x is NaN; others are taken over what is known"


def _operator(
    name: str,
    arguments: tuple[Argument, ...],
    formula: str,
    function: Callable[..., None],
    *,
    reference: str,
    missing: str = _KNOWN,
) -> Operator:
    return Operator(
        name=name,
        family=Family.CROSS_SECTIONAL,
        arguments=arguments,
        formula=formula,
        missing=missing,
        reference=reference,
        function=function,
    )


def _ranked(x: FloatArray, out: FloatArray, *, shares: bool) -> None:
    import numpy as np

    from nautilus_lab.factors.expressions._row_kernels import ranks

    for begin in range(0, len(x), _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        ranks(x[rows], np.argsort(x[rows], axis=1), out[rows], shares)


def _rank(x: FloatArray, *, out: FloatArray) -> None:
    _ranked(x, out, shares=True)


def _zscore(x: FloatArray, *, out: FloatArray) -> None:
    from nautilus_lab.factors.expressions._row_kernels import standardise

    standardise(x, out, True)


def _demean(x: FloatArray, *, out: FloatArray) -> None:
    from nautilus_lab.factors.expressions._row_kernels import standardise

    standardise(x, out, False)


def _neutralize(x: FloatArray, group: FloatArray, *, out: FloatArray) -> None:
    import numpy as np

    from nautilus_lab.factors.expressions._row_kernels import neutralise

    known = group[np.isfinite(group)]
    neutralise(x, group, int(known.max()) + 1 if known.size else 1, out)


def _winsorize(x: FloatArray, share: float, *, out: FloatArray) -> None:
    import numpy as np

    ordered = np.sort(x, axis=1)
    low, high = (_at(ordered, place) for place in (share, 1 - share))
    # a row of NaN has neither bound
    np.maximum(np.minimum(x, high, out=out), low, out=out)


def _at(ordered: FloatArray, share: float) -> FloatArray:
    """Return the quantile of each row, shape (row, 1): between two values, a straight line."""
    import numpy as np

    known = np.isfinite(ordered).sum(axis=1, keepdims=True)
    place = share * np.maximum(known - 1, 0)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(known - 1, 0))
    below = np.take_along_axis(ordered, low, axis=1)
    above = np.take_along_axis(ordered, high, axis=1)
    return np.asarray(below + (above - below) * (place - low))


def _scale(x: FloatArray, a: float, *, out: FloatArray) -> None:
    from nautilus_lab.factors.expressions._row_kernels import rescale

    rescale(x, a, out)


def _quantile(x: FloatArray, n: float, *, out: FloatArray) -> None:
    import numpy as np

    _ranked(x, out, shares=False)
    np.add(buckets(out, int(n)), 1.0, out=out)


def cross_sectional_operators() -> tuple[Operator, ...]:
    """Return the operators that compare the symbols of one time."""
    kakushadze = "Kakushadze (2016), arXiv:1601.00991, app. A.1"
    return (
        _operator(
            "rank",
            (_X,),
            "rank from 1 over the number of known ones, ties at their mean",
            _rank,
            reference=f"{kakushadze}; pandas rank(axis=1, pct=True)",
        ),
        _operator(
            "zscore",
            (_X,),
            "(x - mean) / sample deviation",
            _zscore,
            reference="scipy.stats.zscore(ddof=1, nan_policy='omit')",
            missing=f"{_KNOWN}; NaN where x does not vary",
        ),
        _operator("demean", (_X,), "x - mean", _demean, reference=kakushadze),
        _operator(
            "neutralize",
            (_X, Argument(name="group", kind=Kind.GROUP)),
            "x - mean of its group",
            _neutralize,
            reference=f"{kakushadze}: indneutralize",
            missing="NaN where x or its group is not known",
        ),
        _operator(
            "winsorize",
            (_X, Argument(name="q", kind=Kind.CONSTANT, default=0.05, least=0.0, most=0.5)),
            "x, brought into its quantiles q and 1 - q",
            _winsorize,
            reference="Tukey (1962); quantiles of Hyndman and Fan (1996), type 7",
        ),
        _operator(
            "scale",
            (_X, Argument(name="a", kind=Kind.CONSTANT, default=1.0)),
            "a x / sum of |x|",
            _scale,
            reference=kakushadze,
            missing=f"{_KNOWN}; NaN where all are 0",
        ),
        _operator(
            "quantile",
            (_X, Argument(name="n", kind=Kind.WHOLE, least=2, most=1_000)),
            "which of n groups of equal size by rank, 1 the lowest, ties together",
            _quantile,
            reference="floor((rank - 1/2) n / known) + 1, the groups of FactorStudy",
        ),
    )
