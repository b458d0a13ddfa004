"""Correlations of blocks of factors, over the observations that both of a pair know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import ByteArray, SingleArray


def unit_block(values: SingleArray) -> SingleArray:
    """Return rows of length one, 0 where not known."""
    import numpy as np

    from nautilus_lab.factors.scale._moment_kernels import standardise

    unit = np.empty_like(values)
    standardise(values, unit, 0, True)
    return unit


def correlations(
    left: SingleArray,
    right: SingleArray,
    left_values: SingleArray,
    right_values: SingleArray,
    left_gaps: ByteArray,
    right_gaps: ByteArray,
    least_common: int,
    out: SingleArray,
) -> SingleArray:
    """Write the correlation of each row of `left` with each of `right`.

    Rows without gaps take one matrix product. Where one of the two has gaps, sums over the common
    observations take five more: as many as a mask, its row and the row's squares need.
    """
    import numpy as np

    np.matmul(left, right.T, out=out)
    if left_gaps.any():
        rows = np.flatnonzero(left_gaps)
        out[rows] = _with_gaps(left[rows], right, left_values[rows], right_values, least_common)
    if right_gaps.any():
        columns = np.flatnonzero(right_gaps)
        out[:, columns] = _with_gaps(
            left, right[columns], left_values, right_values[columns], least_common
        )
    return out


def _with_gaps(
    left: SingleArray,
    right: SingleArray,
    left_values: SingleArray,
    right_values: SingleArray,
    least_common: int,
) -> SingleArray:
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import finish

    a: SingleArray = (~np.isnan(left_values)).astype(np.float32)
    b: SingleArray = (~np.isnan(right_values)).astype(np.float32)
    xy: SingleArray = left @ right.T
    finish(
        a @ b.T,
        left @ b.T,
        a @ right.T,
        np.square(left) @ b.T,
        a @ np.square(right).T,
        xy,
        least_common,
    )
    return xy


def least_in_common(given: int | None, n_observations: int) -> int:
    """Return how many observations two factors must share: half of all, unless told."""
    return max(2, (n_observations + 1) // 2 if given is None else given)
