"""Every factor brought to one scale: standard scores and ranks over its own observations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale._estimate import estimate
from nautilus_lab.factors.scale._keys import KEYED, KeyRoom
from nautilus_lab.factors.scale._threads import checked_threads, share_out

if TYPE_CHECKING:
    import numpy as np

    from nautilus_lab.factors.scale._matrix import FactorMatrix
    from nautilus_lab.factors.scale._typing import ByteArray, SingleArray

_BLOCK = 2048


def zscores(
    matrix: FactorMatrix,
    *,
    ddof: int = 0,
    out: SingleArray | None = None,
    threads: int | None = None,
    max_bytes: int | None = None,
) -> SingleArray:
    """Return each factor less its mean, over its standard deviation.

    Parameters
    ----------
    matrix : FactorMatrix
    ddof : int, default=0
        The deviation's divisor is the number of known values less this.
    out : array, optional
        Where to write; float32 and contiguous.
    threads : int, optional
        By default one for each core.
    max_bytes : int, optional
        Refuse to start when `estimate` says more.

    Returns
    -------
    array of float32, shape (factor, observation)
        NaN where not known, and throughout for factors that are set aside.

    Raises
    ------
    InputError
        When `out` does not fit, or the work does not fit into `max_bytes`.

    Examples
    --------
    >>> import numpy as np
    >>> from nautilus_lab.factors.scale import FactorMatrix
    >>> zscores(FactorMatrix(np.array([[1.0, 2.0, 3.0, np.nan]]))).round(3)
    array([[-1.225,  0.   ,  1.225,    nan]], dtype=float32)
    """
    return _standardised(matrix, out, ddof, unit=False, threads=threads, max_bytes=max_bytes)


def unit_rows(
    matrix: FactorMatrix, *, out: SingleArray | None = None, threads: int | None = None
) -> SingleArray:
    """Return the factors standardised to length one, 0 where not known: dots are correlations."""
    return _standardised(matrix, out, 0, unit=True, threads=threads, max_bytes=None)


def ranks(
    matrix: FactorMatrix, *, threads: int | None = None, max_bytes: int | None = None
) -> SingleArray:
    """Return each factor's ranks over its observations, from 1 up; equal values share their mean.

    Parameters
    ----------
    matrix : FactorMatrix
    threads : int, optional
        By default one for each core.
    max_bytes : int, optional
        Refuse to start when `estimate` says more.

    Returns
    -------
    array of float32, shape (factor, observation)
        NaN where not known. Those of ``scipy.stats.rankdata(..., nan_policy="omit")``.

    Raises
    ------
    InputError
        When the work does not fit into `max_bytes`.
    """
    import numpy as np

    from nautilus_lab.factors.scale._rank_kernels import row_ranks

    threads = checked_threads(threads)
    estimate("ranks", *matrix.shape, threads=threads).require(max_bytes)
    out = np.empty_like(matrix.values)
    whole: ByteArray = np.ones(matrix.shape[1], np.uint8)

    def work(begin: int, end: int) -> None:
        room = KeyRoom(matrix.shape[1])
        for first in range(begin, end, KEYED):
            rows = slice(first, min(first + KEYED, end))
            row_ranks(room.sorted(matrix.values[rows]), whole, out[rows])

    share_out(work, len(matrix), 8 * KEYED, threads)
    return out


def _standardised(
    matrix: FactorMatrix,
    out: SingleArray | None,
    ddof: int,
    *,
    unit: bool,
    threads: int | None,
    max_bytes: int | None,
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    import numpy as np

    from nautilus_lab.factors.scale._moment_kernels import standardise

    threads = checked_threads(threads)
    estimate("zscores", *matrix.shape, threads=threads).require(max_bytes)
    if out is None:
        out = np.empty_like(matrix.values)
    elif out.shape != matrix.shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise InputError(
            "out must be like the matrix: float32, contiguous, of its shape",
            value=f"{out.dtype} of shape {out.shape}",
            remedy="np.empty_like(matrix.values)",
        )
    target = out
    share_out(
        lambda begin, end: standardise(matrix.values[begin:end], target[begin:end], ddof, unit),
        len(matrix),
        _BLOCK,
        threads,
    )
    return target
