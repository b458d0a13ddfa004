"""Information coefficients of very many factors against what came after."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale._ahead import Ahead
from nautilus_lab.factors.scale._estimate import estimate
from nautilus_lab.factors.scale._keys import KEYED, KeyRoom
from nautilus_lab.factors.scale._progress import tell
from nautilus_lab.factors.scale._running import Running, hash_of
from nautilus_lab.factors.scale._threads import checked_threads, share_out, spans
from nautilus_lab.trials import Study, open_study

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors.scale._matrix import FactorMatrix
    from nautilus_lab.factors.scale._typing import AnyArray, CountArray, SingleArray

Method = Literal["pearson", "spearman"]

# Rows of a chunk: what is sent to another process is 8 MB at 252 observations.
_SENT, _HERE = 8_192, 65_536
_BLOCK = 2_048


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FactorScan:
    """How well each of many factors foretold what came after.

    Attributes
    ----------
    names : Index, shape (factor,)
    horizons : tuple
        Labels of the lines of returns ahead.
    ic : dict of str to array of float32, shape (factor, horizon)
        By method, ``"pearson"`` or ``"spearman"``: correlation over the observations that both
        know, ties at their mean rank. NaN where fewer than two are, or one side does not vary.
    n_observations : array of int32, shape (factor, horizon)
        How many observations both knew.
    dropped : Series
        How many factors were set aside, by reason, and how many used.
    """

    names: pd.Index[Any]
    horizons: tuple[Any, ...]
    ic: dict[str, SingleArray]
    n_observations: CountArray
    dropped: pd.Series[int]

    def __repr__(self) -> str:
        methods = ", ".join(self.ic)
        return f"FactorScan({len(self.names):,} factors, horizons {self.horizons}, {methods})"

    def t(self, method: Method | None = None) -> AnyArray:
        r"""Return :math:`\rho \sqrt{(n - 2) / (1 - \rho^2)}`, shape (factor, horizon).

        Student's t with n - 2 degrees of freedom if observations were independent; overlapping
        horizons are not, and with 380 000 factors some hundreds pass any usual bound by chance.
        """
        import numpy as np

        rho = self.ic[self._method(method)].astype(np.float64)
        freedom = np.maximum(self.n_observations - 2, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(rho * np.sqrt(freedom / (1 - rho * rho)))

    def scores(self, method: Method | None = None, horizon: Any = None) -> pd.Series[float]:
        """Return the size of `t` by factor, higher is better: what ranks factors here."""
        import numpy as np
        import pandas as pd

        return pd.Series(np.abs(self.t(method)[:, self._column(horizon)]), self.names, name="score")

    def table(self, method: Method | None = None, horizon: Any = None) -> pd.DataFrame:
        """Return ``ic``, ``n``, ``t``, ``score`` and ``rank`` by factor, in the matrix' order.

        Rank 1 has the highest score; a factor without an IC has none (NaN).
        """
        import pandas as pd

        column = self._column(horizon)
        rows = pd.DataFrame(
            {
                "ic": self.ic[self._method(method)][:, column],
                "n": self.n_observations[:, column],
                "t": self.t(method)[:, column],
                "score": self.scores(method, horizon),
            },
            self.names,
        )
        return rows.assign(rank=rows["score"].rank(ascending=False, method="min"))

    def top(self, count: int, method: Method | None = None, horizon: Any = None) -> pd.DataFrame:
        """Return the `count` rows of `table` with the highest scores, best first."""
        rows = self.table(method, horizon)
        return rows.sort_values("score", ascending=False, kind="stable").head(count)

    def _method(self, method: Method | None) -> str:
        chosen = method or list(self.ic)[-1]
        if chosen not in self.ic:
            raise InputError(
                "the method must have been scanned", value=chosen, remedy=f"one of {list(self.ic)}"
            )
        return chosen

    def _column(self, horizon: Any) -> int:
        if horizon is None:
            return 0
        if horizon not in self.horizons:
            raise InputError(
                "the horizon must have been scanned",
                value=horizon,
                remedy=f"one of {list(self.horizons)}",
            )
        return self.horizons.index(horizon)


def scan(
    matrix: FactorMatrix,
    ahead: Any,
    *,
    methods: Sequence[Method] = ("pearson", "spearman"),
    threads: int | None = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    max_bytes: int | None = None,
    study: Study | str | None = None,
) -> FactorScan:
    """Correlate every factor with what came after its observations.

    Parameters
    ----------
    matrix : FactorMatrix
    ahead : array, mapping or DataFrame
        Returns ahead: one line of shape (observation,), or several: an array (horizon,
        observation), a mapping from label to line, a frame (observation, horizon). NaN where the
        future is not known; such observations are left out of that horizon.
    methods : sequence of {"pearson", "spearman"}
        Which correlations; the last one ranks the factors.
    threads : int, optional
        By default one for each core; one in each process of an executor.
    executor : object, optional
        Where chunks are done: anything with ``submit``, an executor of `concurrent.futures` or a
        Dask client. By default this process.
    folder : path, optional
        Keep each finished chunk here, and go on from what is there.
    progress : callable, optional
        Called with the chunks done and their number, as a `ProgressBar` is.
    max_bytes : int, optional
        Refuse to start when `estimate` says more.
    study : Study or str, optional
        Where every factor at every horizon is recorded as a trial, all in one piece; as in
        `nautilus_lab.factors.evaluate`.

    Returns
    -------
    FactorScan

    Raises
    ------
    InputError
        When lines do not fit the matrix, a method is not known, the work does not fit into
        `max_bytes`, or `folder` holds another work, other inputs or other settings.
    BadData, NotEnoughData
        When a line of `ahead` is infinite, does not vary or knows fewer than two returns.

    Examples
    --------
    >>> import numpy as np
    >>> from nautilus_lab.factors.scale import FactorMatrix
    >>> ahead = np.array([0.01, 0.03, -0.02, 0.02])
    >>> found = scan(FactorMatrix(np.array([[1.0, 9.0, 0.0, 2.0], [2, 1, 4, 4]])), ahead)
    >>> found.ic["spearman"].astype(float).round(3).tolist()
    [[1.0], [-0.632]]
    """
    import numpy as np

    chosen = tuple(dict.fromkeys(methods))
    if not chosen or not set(chosen) <= {"pearson", "spearman"}:
        raise InputError(
            "methods are pearson and spearman", value=tuple(methods), remedy="('spearman',)"
        )
    recorded = None if study is None else open_study(study)
    threads = checked_threads(threads)
    lines = Ahead.of(ahead, matrix.shape[1])
    needed = estimate("scan", *matrix.shape, horizons=len(lines.labels), threads=threads)
    needed.require(max_bytes)
    tell(progress, needed)
    shape = len(matrix), len(lines.labels)
    ic: dict[str, SingleArray] = {method: np.empty(shape, np.float32) for method in chosen}
    count = np.empty(shape, np.int32)
    if executor is not None:
        size, each = _SENT, 1
    else:
        size, each = (len(matrix) if folder is None and progress is None else _HERE), threads
    running = Running(executor=executor, folder=folder, progress=progress)
    for (begin, end), answer in running.each(
        "scan",
        scan_chunk,
        spans(len(matrix), size),
        lambda chunk: (matrix.values[slice(*chunk)], lines, chosen, each),
        settings={"methods": chosen, "horizons": [str(label) for label in lines.labels]},
        sources=lambda: hash_of(matrix.values, lines.values),
    ):
        count[begin:end] = answer["count"]
        for method in chosen:
            ic[method][begin:end] = answer[method]
    found = FactorScan(
        names=matrix.names,
        horizons=lines.labels,
        ic=ic,
        n_observations=count,
        dropped=matrix.dropped,
    )
    if recorded is not None:
        from nautilus_lab.factors.scale._trials import record_scan

        record_scan(recorded, found, matrix, lines)
    return found


def scan_chunk(
    values: SingleArray, ahead: Ahead, methods: Sequence[Method], threads: int
) -> dict[str, AnyArray]:
    """Return the correlations of some rows by method, and how many observations both knew."""
    import numpy as np

    from nautilus_lab.factors.scale._moment_kernels import pearson_ic
    from nautilus_lab.factors.scale._rank_kernels import spearman_ic

    shape = len(values), len(ahead.labels)
    found: dict[str, AnyArray] = {method: np.empty(shape, np.float32) for method in methods}
    count = found["count"] = np.empty(shape, np.int32)
    if "pearson" in methods:
        unit, begins, ends, solid = ahead.for_pearson()

        def moments(begin: int, end: int) -> None:
            rows = slice(begin, end)
            lines = ahead.values, unit, begins, ends, solid
            pearson_ic(values[rows], *lines, found["pearson"][rows], count[rows])

        share_out(moments, len(values), _BLOCK, threads)
    if "spearman" in methods:
        lines = ahead.for_spearman()

        def orders(begin: int, end: int) -> None:
            room = KeyRoom(values.shape[1])
            for first in range(begin, end, KEYED):
                rows = slice(first, min(first + KEYED, end))
                keys = room.sorted(values[rows])
                spearman_ic(keys, *lines, found["spearman"][rows], count[rows])

        share_out(orders, len(values), _BLOCK, threads)
    return found
