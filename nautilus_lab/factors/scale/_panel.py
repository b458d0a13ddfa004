"""Many factors over many names and dates, studied as `evaluate` studies one."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors._forward import forward_returns, whole
from nautilus_lab.factors.evaluation._newey_west import newey_west_t
from nautilus_lab.factors.scale._estimate import estimate
from nautilus_lab.factors.scale._keys import KEYED, KeyRoom
from nautilus_lab.factors.scale._matrix import looked_at
from nautilus_lab.factors.scale._progress import tell
from nautilus_lab.factors.scale._running import Running, hash_of
from nautilus_lab.factors.scale._threads import checked_threads, share_out, spans
from nautilus_lab.frames import require_prices, require_scores
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.trials import Study, open_study

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices
    from nautilus_lab.factors.scale._typing import (
        AnyArray,
        ByteArray,
        CountArray,
        KeyArray,
        SingleArray,
    )

# Dates studied together: their returns ahead and one factor's keys stay in the second-level cache.
_DATES = 32
_SENT = 4
_FEW_NAMES = 50
_REASONS = (
    "no prices of the date or symbol",
    "fewer names than quantiles that date",
    "all scores equal that date",
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FactorStudies:
    """How well each of many factors foretold returns; see `nautilus_lab.factors.FactorStudy`.

    Attributes
    ----------
    names : Index, shape (factor,)
    times : DatetimeIndex, shape (time,)
    horizons : tuple of int
        Holding periods in bars.
    ic : array of float32, shape (factor, time, horizon)
        Spearman's correlation over the names of a date, of scores and returns that followed; NaN
        on dates that were not used.
    spread : array of float32, shape (factor, time, horizon)
        Return of the top quantile less that of the bottom one, fractions per holding period.
    quantile_returns : array of float64, shape (factor, horizon, quantile)
        Mean return of the names in each quantile, equally weighted, then over dates.
    dropped : DataFrame, shape (factor, reason)
        How many scores were not used, and why; then, by horizon, how many were.
    delay : int
        Bars between signal and trade.
    n_names : int
        Names that scores and prices share.
    provenance : Provenance
    """

    names: pd.Index[Any]
    times: pd.DatetimeIndex
    horizons: tuple[int, ...]
    ic: SingleArray
    spread: SingleArray
    quantile_returns: AnyArray
    dropped: pd.DataFrame
    delay: int
    n_names: int
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        return (
            f"FactorStudies({len(self.names):,} factors, {len(self.times):,} dates, "
            f"{self.n_names} names, horizons {self.horizons})"
        )

    def summary(self) -> pd.DataFrame:
        """Return one row for each factor and horizon.

        Columns as those of `FactorStudy.ic_summary`, and ``spread``, the mean over dates.
        """
        import numpy as np
        import pandas as pd

        rows = []
        for factor in range(len(self.names)):
            for place, bar in enumerate(self.horizons):
                line = self.ic[factor, :, place].astype(np.float64)
                values = line[~np.isnan(line)]
                n = len(values)
                mean = float(values.mean()) if n else np.nan
                deviation = float(values.std(ddof=1)) if n > 1 else np.nan
                between = self.spread[factor, :, place].astype(np.float64)
                rows.append(
                    (
                        mean,
                        deviation,
                        mean / deviation if deviation else np.nan,
                        newey_west_t(values, bar - 1),
                        float((values > 0).mean()) if n else np.nan,
                        n,
                        float(np.nanmean(between)) if not np.isnan(between).all() else np.nan,
                    )
                )
        return pd.DataFrame(
            rows,
            pd.MultiIndex.from_product([self.names, self.horizons], names=["factor", "horizon"]),
            ["mean", "std", "icir", "t", "positive_share", "n_dates", "spread"],
        )

    def ic_of(self, name: Any) -> pd.DataFrame:
        """Return one factor's IC, shape (time, horizon), on the dates that were used."""
        import pandas as pd

        lines = self.ic[self._place(name)]
        frame = pd.DataFrame(lines, self.times, pd.Index(self.horizons, name="horizon"))
        return frame.dropna(how="all")

    def quantiles_of(self, name: Any) -> pd.DataFrame:
        """Return one factor's mean returns, shape (quantile, horizon)."""
        import pandas as pd

        means = self.quantile_returns[self._place(name)].T
        groups = pd.Index(range(1, len(means) + 1), name="quantile")
        return pd.DataFrame(means, groups, pd.Index(self.horizons, name="horizon"))

    def _place(self, name: Any) -> int:
        import pandas as pd

        place = int(self.names.get_indexer(pd.Index([name]))[0])
        if place < 0:
            raise InputError("it must be a factor studied", value=name, remedy="see names")
        return place


def evaluate_many(
    factors: Mapping[Any, pd.DataFrame] | AnyArray,
    prices: Prices,
    *,
    names: Sequence[Any] | None = None,
    horizons: Sequence[int] = (1, 5, 21),
    quantiles: int = 5,
    delay: int = 1,
    threads: int | None = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    max_bytes: int | None = None,
    study: Study | str | None = None,
) -> FactorStudies:
    """Study how well each of many factors foretells returns.

    What `nautilus_lab.factors.evaluate` says of one, for all: the same dates, ranks, quantiles and
    delay. Scores are held in float32, so that two that differ by less than one part in ten
    million count as equal.

    Parameters
    ----------
    factors : mapping from name to DataFrame (time, symbol), or array (factor, time, symbol)
        Scores, higher is better; NaN where not known. Frames of a mapping are read one at a time
        and may have rows and symbols that prices lack: those are left out and counted. An array
        has the times and symbols of `prices`.
    prices : DataFrame, shape (time, symbol)
        Closes, finite and positive.
    names : sequence, optional
        Of an array's factors; by default their numbers.
    horizons, quantiles, delay
        As in `nautilus_lab.factors.evaluate`.
    threads, executor, folder, progress, max_bytes
        As in `scan`.
    study : Study or str, optional
        Where every factor at every horizon is recorded as a trial, all in one piece; as in
        `nautilus_lab.factors.evaluate`.

    Returns
    -------
    FactorStudies

    Raises
    ------
    InputError
        When `horizons`, `quantiles` or `delay` break a rule, shapes do not fit, no symbol is
        shared, the work does not fit into `max_bytes`, or `folder` holds another work.
    NotEnoughData
        When a factor knows no score, or there is nothing to study.
    BadData
        When a price is NaN, infinite or not positive, a score infinite, or times unsorted.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=6, tz="UTC")
    >>> growth = {"A": 1.03, "B": 1.02, "C": 1.01, "D": 1.00}
    >>> prices = pd.DataFrame({s: [100 * g**t for t in range(6)] for s, g in growth.items()}, days)
    >>> scores = prices / prices.shift(1) - 1
    >>> many = evaluate_many({"up": scores, "down": -scores}, prices, horizons=[1], quantiles=2)
    >>> many.summary()["mean"].unstack().round(3).to_dict()
    {1: {'down': -1.0, 'up': 1.0}}
    """
    import numpy as np
    import pandas as pd

    recorded = None if study is None else open_study(study)
    if whole(quantiles) < 2:
        raise InputError("quantiles must be at least 2", value=quantiles, remedy="pass quantiles=5")
    threads = checked_threads(threads)
    forward = forward_returns(prices, horizons, delay=delay)
    source = _source(factors, require_prices(prices), names)
    bars = tuple(forward)
    shape = len(source.labels), len(source.times), len(source.symbols)
    needed = estimate(
        "evaluate_many", *shape[:2], symbols=shape[2], horizons=len(bars), quantiles=quantiles,
        threads=threads,
    )  # fmt: skip
    needed.require(max_bytes)
    tell(progress, needed)
    ahead = PanelAhead.of(forward, threads)
    ic = np.empty((*shape[:2], len(bars)), np.float32)
    spread = np.empty_like(ic)
    means = np.empty((shape[0], len(bars), quantiles))
    counts = np.empty((shape[0], 4 + len(bars)), np.int64)
    here = executor is None
    size = _SENT if not here or folder is not None or progress is not None else max(1, shape[0])
    if source.frames is not None:
        size = min(size, 16)
    each = threads if here else 1
    running = Running(executor=executor, folder=folder, progress=progress)
    for (begin, end), answer in running.each(
        "evaluate_many",
        panel_chunk,
        spans(shape[0], size),
        lambda chunk: (*source.block(*chunk), ahead, quantiles, each),
        settings={
            "horizons": bars,
            "quantiles": quantiles,
            "delay": delay,
            "names": [str(label) for label in source.labels],
        },
        sources=lambda: f"{hash_of(ahead.keys, ahead.returns)} {source.hashed()}",
    ):
        ic[begin:end], spread[begin:end] = answer["ic"], answer["spread"]
        means[begin:end], counts[begin:end] = answer["means"], answer["counts"]
    dropped = pd.DataFrame(counts[:, :3], source.labels, list(_REASONS))
    dropped.insert(0, "no score: warm-up or missing", shape[1] * shape[2] - counts[:, 1:4].sum(1))
    for place, bar in enumerate(bars):
        dropped[f"future not known, {bar}"] = counts[:, 3] - counts[:, 4 + place]
        dropped[f"used, {bar}"] = counts[:, 4 + place]
    found = FactorStudies(
        names=source.labels,
        times=source.times,
        horizons=bars,
        ic=ic,
        spread=spread,
        quantile_returns=means,
        dropped=dropped,
        delay=delay,
        n_names=shape[2],
        provenance=_marks(source.marks, shape[2], delay),
    )
    if recorded is not None:
        from nautilus_lab.factors.scale._trials import record_studies

        blocks = (source.block(*span)[0] for span in spans(shape[0], 16))
        record_studies(recorded, found, blocks, prices, {"quantiles": quantiles, "delay": delay})
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class PanelAhead:
    """What came after each date, made ready once for all factors.

    Attributes
    ----------
    ranks : array of float32, shape (horizon, date, name)
        Of the returns over the names, less their mean and of length one; NaN on dates whose
        returns are all equal.
    returns : array of float32, shape (horizon, date, name)
    keys : array of int64, shape (horizon, date, name)
        Sorted keys of the returns.
    usable : array of uint8, shape (horizon, date)
        Whether the future is known.
    """

    ranks: SingleArray
    returns: SingleArray
    keys: KeyArray
    usable: ByteArray

    @classmethod
    def of(cls, forward: Mapping[int, pd.DataFrame], threads: int) -> PanelAhead:
        """Rank the returns of each horizon and lay them side by side."""
        import numpy as np

        from nautilus_lab.factors.scale._moment_kernels import standardise
        from nautilus_lab.factors.scale._rank_kernels import row_ranks

        # Of frames, which lie by column, a stack would too.
        returns = np.ascontiguousarray(
            np.stack([frame.to_numpy() for frame in forward.values()]), dtype=np.float32
        )
        unit, keys = np.empty_like(returns), np.empty(returns.shape, np.int64)
        whole = np.ones(returns.shape[2], np.uint8)
        for place, lines in enumerate(returns):

            def work(begin: int, end: int, place: int = place, lines: Any = lines) -> None:
                some = slice(begin, end)
                keys[place, some] = KeyRoom(lines.shape[1]).sorted(lines[some])
                ranked = np.empty_like(lines[some])
                row_ranks(keys[place, some], whole, ranked)
                standardise(ranked, unit[place, some], 0, True)
                unit[place, some][(ranked == ranked[:, :1]).all(axis=1)] = np.nan

            share_out(work, len(lines), KEYED, threads)
        # Prices have no gaps, so a future is known for every name of a row or for none.
        usable = (~np.isnan(returns[:, :, 0])).astype(np.uint8)
        return cls(ranks=unit, returns=returns, keys=keys, usable=usable)


def panel_chunk(
    scores: SingleArray, outside: AnyArray, ahead: PanelAhead, quantiles: int, threads: int
) -> dict[str, AnyArray]:
    """Study some factors, shape (factor, date, name), with `outside` scores beyond the prices."""
    import numpy as np

    from nautilus_lab.factors.scale._panel_kernels import study_dates

    n, n_dates, n_names = scores.shape
    horizons = len(ahead.keys)
    ic = np.empty((n, n_dates, horizons), np.float32)
    means = np.empty((n, n_dates, horizons, quantiles), np.float32)
    whole = np.ones(n_names, np.uint8)
    held = threading.local()
    counted: list[CountArray] = []
    pieces = spans(n_dates, _DATES)

    def work(first: int, last: int) -> None:
        if not hasattr(held, "counts"):
            held.counts = np.zeros((n, 4 + horizons), np.int64)
            held.room = KeyRoom(n_names)
            counted.append(held.counts)
        for begin, end in pieces[first:last]:
            for factor in range(n):
                keys = held.room.sorted(scores[factor, begin:end])
                study_dates(
                    keys, begin, ahead.ranks, ahead.returns, ahead.keys, ahead.usable, whole,
                    quantiles, ic[factor], means[factor], held.counts[factor],
                )  # fmt: skip

    share_out(work, len(pieces), 1, threads)
    used = ~np.isnan(means)
    totals = np.where(used, means, 0).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        over_dates = totals / used.sum(axis=1)
    counts = np.sum(counted, axis=0)
    counts[:, 0] = outside
    return {
        "ic": ic,
        "spread": means[..., -1] - means[..., 0],
        "means": over_dates,
        "counts": counts,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Source:
    """Where the scores come from, in blocks."""

    labels: pd.Index[Any]
    times: pd.DatetimeIndex
    symbols: pd.Index[Any]
    array: AnyArray
    frames: Mapping[Any, pd.DataFrame] | None
    marks: Provenance

    def block(self, begin: int, end: int) -> tuple[SingleArray, AnyArray]:
        """Return scores, shape (factor, date, name), and how many each has beyond the prices."""
        import numpy as np

        outside = np.zeros(end - begin, np.int64)
        if self.frames is None:
            with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and named
                block = np.ascontiguousarray(self.array[begin:end], dtype=np.float32)
        else:
            block = np.empty((end - begin, len(self.times), len(self.symbols)), np.float32)
            for place, label in enumerate(self.labels[begin:end]):
                frame = require_scores(self.frames[label], name=str(label))
                if not frame.columns.isin(self.symbols).any():
                    raise InputError(
                        "scores and prices must share symbols",
                        value=f"{label}: scores of {', '.join(map(str, frame.columns[:3]))}",
                        remedy="make the scores from these prices",
                    )
                aligned = frame.reindex(index=self.times, columns=self.symbols)
                outside[place] = int(frame.count().sum() - aligned.count().sum())
                block[place] = aligned.to_numpy(dtype=np.float32)
        self._require(block, begin)
        return block, outside

    def hashed(self) -> str:
        """Return a hash of the scores."""
        if self.frames is None:
            return hash_of(self.array)
        return " ".join(hash_of(*self.block(*span)) for span in spans(len(self.labels), 16))

    def _require(self, block: SingleArray, begin: int) -> None:
        flat = block.reshape(-1, block.shape[2])
        known, _, _, bad = looked_at(flat)
        if bad is not None:
            row, column = bad
            factor, date = divmod(row, block.shape[1])
            raise BadData(
                "scores must be finite or NaN, and fit float32",
                value=f"{self.labels[begin + factor]}: {self.symbols[column]} at "
                f"{self.times[date]} = {flat[row, column]:g}",
                remedy="mend the score",
            )
        empty = known.reshape(block.shape[:2]).sum(axis=1) == 0
        if empty.any():
            raise NotEnoughData(
                "scores must hold at least one number",
                value=f"{self.labels[begin + int(empty.argmax())]}: NaN everywhere",
                remedy="shorten the warm-up, pass a longer history, or leave the factor out",
            )


def _source(factors: Any, prices: Prices, names: Sequence[Any] | None) -> _Source:
    import numpy as np
    import pandas as pd

    if isinstance(factors, Mapping):
        labels = pd.Index(list(factors))
        if not len(labels):
            raise NotEnoughData("there must be a factor", value=0, remedy="pass at least one")
        first = require_scores(factors[labels[0]], name=str(labels[0]))
        return _Source(
            labels=labels,
            times=prices.index,  # type: ignore[arg-type]
            symbols=prices.columns,
            array=np.empty(0, np.float32),
            frames=factors,
            marks=provenance(first, prices),
        )
    array = np.asarray(factors)
    if array.ndim != 3 or array.shape[1:] != prices.shape or not len(array):
        raise InputError(
            f"an array of factors has the shape (factor, {prices.shape[0]}, {prices.shape[1]})",
            value=array.shape,
            remedy="align the scores to the prices, or pass a mapping of frames",
        )
    labels = pd.RangeIndex(len(array)) if names is None else pd.Index(names)
    if len(labels) != len(array) or not labels.is_unique:
        raise InputError(
            "each factor has one name, given once",
            value=f"{labels.nunique()} names of {len(array)} factors",
            remedy="drop the copies, or rename them",
        )
    return _Source(
        labels=labels,
        times=prices.index,  # type: ignore[arg-type]
        symbols=prices.columns,
        array=array,
        frames=None,
        marks=provenance(prices),
    )


def _marks(marks: Provenance, n_names: int, delay: int) -> Provenance:
    notices = list(marks.notices)
    if n_names < _FEW_NAMES:
        notices.append(f"Evaluation on {n_names} names: weak statistical power.")
    if delay == 0:
        notices.append("Traded at the close that made the signal (delay 0): no market is so kind.")
    return dataclasses.replace(marks, notices=tuple(notices))
