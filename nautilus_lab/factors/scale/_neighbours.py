"""The factors most correlated with some of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale._correlation import correlations, least_in_common, unit_block
from nautilus_lab.factors.scale._estimate import estimate
from nautilus_lab.factors.scale._matrix import FactorMatrix
from nautilus_lab.factors.scale._progress import tell
from nautilus_lab.factors.scale._running import Running, hash_of
from nautilus_lab.factors.scale._threads import (
    checked_threads,
    one_blas_thread,
    share_out,
    spans,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab.factors.scale._typing import AnyArray, SingleArray

_SENT, _HERE = 8_192, 65_536
# Of a block; its correlations, 2 MB, are looked through before they have left the caches.
_ROWS, _QUERIES = 2_048, 256


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Neighbours:
    """The factors most correlated with each query, best first.

    Attributes
    ----------
    queries : Index, shape (query,)
        Names, or numbers of rows that were given by value.
    names : Index, shape (factor,)
        Of the matrix.
    rows : array of int64, shape (query, k)
        Rows of the matrix; -1 where fewer than `k` factors can be compared.
    rho : array of float32, shape (query, k)
        Pearson's correlation, over the observations that both know; NaN beside -1.
    """

    queries: pd.Index[Any]
    names: pd.Index[Any]
    rows: NDArray[np.int64]
    rho: SingleArray

    def __repr__(self) -> str:
        return f"Neighbours({len(self.queries):,} queries, {self.rows.shape[1]} each)"

    def of(self, query: Any) -> pd.Series[float]:
        """Return one query's correlations by the neighbour's name."""
        import pandas as pd

        place = int(self.queries.get_indexer(pd.Index([query]))[0])
        if place < 0:
            raise InputError("it must have been asked for", value=query, remedy="see queries")
        found = self.rows[place] >= 0
        return pd.Series(self.rho[place][found], self.names[self.rows[place][found]], name="rho")


def most_correlated(
    matrix: FactorMatrix,
    queries: Sequence[Any] | AnyArray,
    *,
    k: int = 20,
    signed: bool = False,
    min_common: int | None = None,
    threads: int | None = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    max_bytes: int | None = None,
) -> Neighbours:
    """Return the factors that are most correlated with each of some factors.

    Every factor is compared with every query, exactly.

    Parameters
    ----------
    matrix : FactorMatrix
    queries : sequence of names, or array of shape (query, observation)
        Factors of the matrix, which are not their own neighbours, or others given by value.
    k : int, default=20
        How many for each query.
    signed : bool, default=False
        Whether the most positive correlations are meant, or those of the largest size.
    min_common : int, optional
        Observations that two factors must both know to be compared; by default half of all.
    threads, executor, folder, progress, max_bytes
        As in `scan`.

    Returns
    -------
    Neighbours

    Raises
    ------
    InputError
        When a name is not known, `k` is less than 1, the work does not fit into `max_bytes`, or
        `folder` holds another work, other inputs or other settings.
    BadData
        When a query that was given by value is infinite or does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1.0, 2, 3, 4], [4, 3, 2, 1.5], [1, -1, 1, -1]])
    >>> near = most_correlated(FactorMatrix(rows, ["up", "down", "zigzag"]), ["up"], k=1)
    >>> near.of("up").astype(float).round(3).to_dict()
    {'down': -0.99}
    """
    import numpy as np
    import pandas as pd

    if not k >= 1:
        raise InputError("k must be at least 1", value=k, remedy="pass k=20")
    threads = checked_threads(threads)
    asked, own, labels = _asked(matrix, queries)
    needed = estimate("most_correlated", *matrix.shape, queries=len(asked), k=k, threads=threads)
    needed.require(max_bytes)
    tell(progress, needed)
    common = least_in_common(min_common, matrix.shape[1])
    if executor is not None:
        size, each = _SENT, 1
    else:
        size, each = (len(matrix) if folder is None and progress is None else _HERE), threads
    running = Running(executor=executor, folder=folder, progress=progress)
    usable = matrix.usable
    found = [
        answer
        for _, answer in running.each(
            "most_correlated",
            neighbours_chunk,
            spans(len(matrix), size),
            lambda chunk: (
                matrix.values[slice(*chunk)],
                np.where(usable, matrix.n_known, 0)[slice(*chunk)],
                asked,
                (own - chunk[0]).astype(np.int32),
                chunk[0],
                k,
                signed,
                common,
                each,
            ),
            settings={"k": k, "signed": signed, "min_common": common},
            sources=lambda: hash_of(matrix.values, asked, own),
        )
    ]
    told, rows = _merged(found, signed, k)
    return Neighbours(queries=pd.Index(labels), names=matrix.names, rows=rows, rho=told)


def neighbours_chunk(
    values: SingleArray,
    known: AnyArray,
    asked: SingleArray,
    own: AnyArray,
    first: int,
    k: int,
    signed: bool,
    least_common: int,
    threads: int,
) -> dict[str, AnyArray]:
    """Return each query's best correlations with some rows, and which rows.

    `known` counts the values of each row, 0 for one that is set aside.
    """
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import take

    query = unit_block(asked)
    query_gaps = np.isnan(asked).any(axis=1).astype(np.uint8)
    held = threading.local()
    parts: list[dict[str, AnyArray]] = []

    def work(begin: int, end: int) -> None:
        if not hasattr(held, "best"):
            held.best = np.full((len(asked), k), -2 if signed else -1, np.float32)
            held.told = np.full((len(asked), k), np.nan, np.float32)
            held.rows = np.full((len(asked), k), -1, np.int32)
            held.rho = np.empty(_QUERIES * _ROWS, np.float32)
            parts.append({"rho": held.told, "rows": held.rows})
        block, count = values[begin:end], known[begin:end]
        unit = unit_block(block)
        gaps = ((count > 0) & (count < values.shape[1])).astype(np.uint8)
        flat = count == 0  # correlated with nothing
        for a, b in spans(len(query), _QUERIES):
            room = held.rho[: (b - a) * len(block)].reshape(b - a, len(block))
            rho = correlations(
                query[a:b], unit, asked[a:b], block, query_gaps[a:b], gaps, least_common, room
            )
            if flat.any():
                rho[:, flat] = np.nan
            best = held.best[a:b], held.told[a:b], held.rows[a:b]
            take(rho, begin, own[a:b], signed, *best)

    with one_blas_thread():
        share_out(work, len(values), _ROWS, threads)
    told, rows = _merged(parts, signed, k)
    return {"rho": told, "rows": np.where(rows >= 0, rows + first, -1)}


def _asked(
    matrix: FactorMatrix, queries: Sequence[Any] | AnyArray
) -> tuple[SingleArray, AnyArray, Any]:
    """Return the queries' values, their rows in the matrix (-1: not of it) and labels."""
    import numpy as np

    array = np.asarray(queries)
    if array.ndim == 2:
        given = FactorMatrix(array)
        if given.shape[1] != matrix.shape[1]:
            raise InputError(
                f"queries by value have {matrix.shape[1]} observations",
                value=given.shape[1],
                remedy="align them to the factors' observations",
            )
        return given.values, np.full(len(given), -1, np.int64), range(len(given))
    if array.size == 0:
        raise InputError("some factor must be asked for", value=0, remedy="pass matrix.names[:1]")
    rows = matrix.rows_of(queries)
    for row in rows.tolist():
        if row in matrix.reasons:
            raise InputError(
                "a query must not be set aside",
                value=f"{matrix.names[row]}: {matrix.reasons[row]}",
                remedy="leave it out",
            )
    return np.ascontiguousarray(matrix.values[rows]), rows, list(queries)


def _merged(
    parts: Sequence[dict[str, AnyArray]], signed: bool, k: int
) -> tuple[SingleArray, NDArray[np.int64]]:
    """Return the best `k` of several parts; of equal ones, those of the lower row."""
    import numpy as np

    rho = np.concatenate([part["rho"] for part in parts], axis=1)
    rows = np.concatenate([part["rows"] for part in parts], axis=1).astype(np.int64)
    merit = np.nan_to_num(rho if signed else np.abs(rho), nan=-2.0)
    order = np.lexsort((rows, -merit), axis=1)[:, :k]
    return np.take_along_axis(rho, order, 1), np.take_along_axis(rows, order, 1)
