"""Factors that say the same, brought together, and one of each to stand for them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale._correlation import correlations, least_in_common
from nautilus_lab.factors.scale._duplicates import _searched
from nautilus_lab.factors.scale._running import Running
from nautilus_lab.factors.scale._sign_plan import SignPlan
from nautilus_lab.factors.scale._threads import checked_threads, share_out

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors.scale._matrix import FactorMatrix
    from nautilus_lab.factors.scale._typing import AnyArray, ByteArray, CountArray, SingleArray

Method = Literal["leader", "connected", "average", "complete"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FactorClusters:
    """Which factors say the same, and which of them stands for the others.

    Attributes
    ----------
    names : Index, shape (factor,)
    representative : array of int32, shape (factor,)
        Row of the factor that stands for each: its own for those that are kept; -1 for factors
        that were set aside.
    threshold : float
        Of the size of the correlation.
    method : str
    plan : SignPlan
        How duplicates were looked for.
    """

    names: pd.Index[Any]
    representative: CountArray
    threshold: float
    method: Method
    plan: SignPlan

    def __repr__(self) -> str:
        kept = int((self.representative >= 0).sum())
        return f"FactorClusters({kept:,} factors, {len(self.kept):,} kept, by {self.method})"

    @property
    def rows(self) -> CountArray:
        """Rows of the factors that are kept, one of each cluster, ascending."""
        import numpy as np

        return np.unique(self.representative[self.representative >= 0])

    @property
    def kept(self) -> pd.Index[Any]:
        """Names of the factors that are kept."""
        return self.names[self.rows]

    def sizes(self) -> pd.Series[int]:
        """Return how many factors each kept one stands for, itself included, most first."""
        import numpy as np
        import pandas as pd

        rows, counts = np.unique(self.representative[self.representative >= 0], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return pd.Series(counts[order], self.names[rows[order]], name="factors")

    def of(self, name: Any) -> list[Any]:
        """Return the names of all factors of one factor's cluster."""
        import numpy as np
        import pandas as pd

        place = int(self.names.get_indexer(pd.Index([name]))[0])
        if place < 0 or self.representative[place] < 0:
            raise InputError("it must be a factor in use", value=name, remedy="see names")
        members = np.flatnonzero(self.representative == self.representative[place])
        return list(self.names[members])


def clusters(
    matrix: FactorMatrix,
    *,
    threshold: float = 0.95,
    method: Method = "leader",
    scores: Any = None,
    recall: float = 0.999,
    min_common: int | None = None,
    largest: int = 4_000,
    plan: SignPlan | None = None,
    seed: int = 0,
    threads: int | None = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    max_bytes: int | None = None,
) -> FactorClusters:
    r"""Bring together factors whose correlation is above the threshold, and choose one of each.

    First the connected components: factors joined by a chain of near duplicates, found as
    `near_duplicates` does but without keeping every pair. Then, within each, exactly:

    =============  =============================================================================
    ``leader``     in the order of their scores, a factor is kept unless it is correlated above
                   the threshold with one that is kept; no two kept ones of a component are
    ``connected``  the component is the cluster: a chain may join what is not alike at its ends
    ``average``    hierarchical, cut where the mean of :math:`1 - |\rho|` between two clusters
                   exceeds one less the threshold
    ``complete``   likewise with the largest: all pairs within a cluster are above the threshold
    =============  =============================================================================

    Parameters
    ----------
    matrix : FactorMatrix
    threshold : float, default=0.95
    method : {"leader", "connected", "average", "complete"}
    scores : array or Series, shape (factor,), optional
        Higher is better; the best of a cluster stands for it, of equal ones the first. NaN comes
        last. A Series is matched by name. By default the order of the matrix.
    recall, min_common, plan, seed
        As in `near_duplicates`.
    largest : int, default=4_000
        Refuse hierarchical clustering of larger components: the matrix of one takes its square
        times eight bytes.
    threads, executor, folder, progress, max_bytes
        As in `scan`.

    Returns
    -------
    FactorClusters

    Raises
    ------
    InputError
        When the method is not known, scores do not fit the matrix, a component is larger than
        `largest`, or as in `near_duplicates`.

    Examples
    --------
    >>> import numpy as np
    >>> from nautilus_lab.factors.scale import FactorMatrix
    >>> rows = np.array([[1.0, 2, 3, 4], [-2, -4, -6, -8.1], [1, -1, 1, -1]])
    >>> found = clusters(FactorMatrix(rows, ["up", "down", "zigzag"]), scores=[0.1, 0.3, 0.2])
    >>> found.kept.to_list(), found.of("up")
    (['down', 'zigzag'], ['up', 'down'])
    """
    import numpy as np

    if method not in get_args(Method):
        raise InputError("the method must be known", value=method, remedy=str(get_args(Method)))
    merit = _merit(scores, matrix)
    threads = checked_threads(threads)
    running = Running(executor=executor, folder=folder, progress=progress)
    forest, unit, gaps = _searched(
        matrix, threshold, recall, min_common, None, plan, seed, threads, running, max_bytes,
        "forest",
    )  # fmt: skip
    order, begins = _components(forest.left, forest.right, merit, len(matrix))
    common = least_in_common(min_common, matrix.shape[1])
    representative = np.arange(len(matrix), dtype=np.int32)
    if method == "connected":
        sizes = np.diff(begins)
        representative[order] = np.repeat(order[begins[:-1]], sizes)
    elif method == "leader":
        _lead(matrix, unit, gaps, order, begins, threshold, common, threads, representative)
    else:
        for begin, end in itertools.pairwise(begins.tolist()):
            if end - begin > largest:
                raise InputError(
                    f"a component must have at most {largest:,} factors to be cut by {method}",
                    value=f"{end - begin:,}, {matrix.names[order[begin]]} among them",
                    remedy="method='leader', or a higher threshold",
                )
            members = order[begin:end]
            representative[members] = _cut(matrix, unit, gaps, members, threshold, common, method)
    representative[list(matrix.reasons)] = -1
    return FactorClusters(
        names=matrix.names,
        representative=representative,
        threshold=threshold,
        method=method,
        plan=forest.plan,
    )


def _merit(scores: Any, matrix: FactorMatrix) -> AnyArray:
    """Return each row's place in the order of scores, best first."""
    import numpy as np
    import pandas as pd

    n = len(matrix)
    if scores is None:
        return np.arange(n)
    if isinstance(scores, pd.Series):
        if not scores.index.equals(matrix.names):
            missing = matrix.names.difference(scores.index)
            if len(missing) or not scores.index.is_unique:
                raise InputError(
                    "scores have each factor of the matrix once",
                    value=f"without {missing[0]}" if len(missing) else "repeated names",
                    remedy="scores.reindex(matrix.names)",
                )
            scores = scores.reindex(matrix.names)
        scores = scores.to_numpy(dtype=float)
    values = np.asarray(scores, dtype=float)
    if values.shape != (n,):
        raise InputError(
            f"scores have the shape ({n},)", value=values.shape, remedy="one number a factor"
        )
    place = np.empty(n, np.intp)
    # A stable sort, NaN last.
    place[np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")] = np.arange(n)
    return place


def _components(
    left: CountArray, right: CountArray, merit: AnyArray, n: int
) -> tuple[CountArray, CountArray]:
    """Return the rows of components of two and more, best first in each, and where each begins."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    rows = np.flatnonzero(sizes[label] > 1)
    order = rows[np.lexsort((merit[rows], label[rows]))]
    begins = np.concatenate([[0], np.flatnonzero(np.diff(label[order])) + 1, [len(order)]])
    if not len(order):
        begins = np.zeros(1)
    return order.astype(np.int32), begins.astype(np.int32)


def _lead(
    matrix: FactorMatrix,
    unit: SingleArray,
    gaps: ByteArray,
    order: CountArray,
    begins: CountArray,
    threshold: float,
    common: int,
    threads: int,
    representative: CountArray,
) -> None:
    from nautilus_lab.factors.scale._pair_kernels import lead

    share_out(
        lambda first, last: lead(
            begins, first, last, order, matrix.values, unit, gaps, threshold, common, representative
        ),
        len(begins) - 1,
        256,
        threads,
    )


def _cut(
    matrix: FactorMatrix,
    unit: SingleArray,
    gaps: ByteArray,
    members: CountArray,
    threshold: float,
    common: int,
    method: Method,
) -> CountArray:
    """Return the representatives of one component's members, which stand best first."""
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    block = unit[members], matrix.values[members], gaps[members]
    room = np.empty((len(members), len(members)), np.float32)
    rho = correlations(
        block[0], block[0], block[1], block[1], block[2], block[2], common, room
    ).astype(np.float64)
    # Those that share too little cannot be told to be alike.
    apart = 1 - np.clip(np.abs(np.nan_to_num(rho)), 0, 1)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform((apart + apart.T) / 2, checks=False), method)
    label = fcluster(tree, 1 - threshold, "distance")
    _, first, which = np.unique(label, return_index=True, return_inverse=True)
    return np.asarray(members[first][which], dtype=np.int32)
