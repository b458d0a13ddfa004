"""All different trials of some studies, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.analytics.significance import EffectiveTrials
from nautilus_lab.analytics.significance._effective import Method, effective_of
from nautilus_lab.exceptions import NotEnoughData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray
    from nautilus_lab.trials._entry import Entry

# Where returns without times stand on an axis of times: by their place, before all of them.
_BEFORE_TIME = -(2**62)
_MOST = 5_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """The different trials of some studies, in the order they were recorded.

    Attributes
    ----------
    ids, names : list of str, shape (trial,)
    hashes : array of bytes, shape (trial,)
    results : dict of str to array, shape (trial,)
        What every trial has: `nautilus_lab.trials.MEASURES`.
    n_repeats : int
        Records of what had been tried before.
    n_unlike : int
        Repeats that came out otherwise than the first.
    entry : array of int, shape (trial,)
        Place of its entry.
    chosen : array of bool, shape (trial,)
        Whether its returns were kept for its t, and not by chance.
    """

    ids: list[str]
    names: list[str]
    hashes: NDArray[np.bytes_]
    results: dict[str, FloatArray]
    n_repeats: int
    n_unlike: int
    entry: IntArray
    chosen: BoolArray
    series: list[tuple[NDArray[np.int64], NDArray[np.float32], IntArray]]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def with_returns(self) -> IntArray:
        """Places of the trials whose returns were kept."""
        import numpy as np

        return np.concatenate([places for _, _, places in self.series] or [np.empty(0, np.intp)])

    def matrix(self, places: IntArray) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the times, UNIX ns, and the returns of some trials, shape (trial, time)."""
        import numpy as np

        row = np.full(len(self), -1)
        row[places] = np.arange(len(places))
        wanted = [(times, lines, row[at]) for times, lines, at in self.series]
        used = [times for times, _, at in wanted if (at >= 0).any()]
        axis = np.unique(np.concatenate(used)) if used else np.empty(0, np.int64)
        out = np.full((len(places), len(axis)), np.nan)
        for times, lines, at in wanted:
            mine = at >= 0
            if mine.any():
                out[np.ix_(at[mine], np.searchsorted(axis, times))] = lines[mine]
        return axis, out

    def effective(self, *, method: Method, threshold: float, seed: int) -> EffectiveTrials:
        """Count the independent ones; of large batches by a sample of them."""
        import numpy as np

        n = len(self)
        held = self.with_returns
        rng = np.random.default_rng(seed)
        drawn = held if len(held) <= _MOST else np.sort(rng.choice(held, _MOST, replace=False))
        weights = np.ones(n)
        if not len(drawn):
            return EffectiveTrials(
                number=float(n), n_trials=n, method=method, weights=weights, n_compared=0, n_alone=n
            )
        found = effective_of(
            self.matrix(drawn)[1], method=method, threshold=threshold, most=_MOST, seed=seed
        )
        weights[drawn] = found.weights
        compared = np.zeros(n, bool)
        compared[drawn] = True
        fair = compared & ~self.chosen
        for place in np.unique(self.entry):
            inside = self.entry == place
            # Of an entry that kept the returns of all or none, and none was left out, there is
            # nothing to say: without returns a trial counts as an independent one.
            left = inside & ~compared
            sampled = inside & fair
            if left.any() and sampled.any():
                weights[left] = weights[sampled].mean()
        return EffectiveTrials(
            number=round(float(weights.sum()), 9),  # thirds of three are one
            n_trials=n,
            method=method,
            weights=weights,
            n_compared=found.n_compared,
            n_alone=found.n_alone + int((~compared & (weights == 1)).sum()),
        )


def population_of(entries: Iterable[Entry], measures: tuple[str, ...]) -> Population:
    """Bring the trials of some entries together, each that was tried counted once.

    Raises
    ------
    NotEnoughData
        When there is none.
    """
    import numpy as np

    ids: list[str] = []
    names: list[str] = []
    hashes, entry, chosen = [], [], []
    results: dict[str, list[FloatArray]] = {name: [] for name in measures}
    kept: list[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[Any]]] = []
    begin = 0
    for place, one in enumerate(entries):
        ids += [f"{one.seq}.{row}" for row in range(one.n)] if one.n > 1 else [str(one.seq)]
        names += one.names
        hashes.append(one.keys)
        entry.append(np.full(one.n, place))
        told = one.results
        for name in measures:
            results[name].append(told[name])
        mine = np.zeros(one.n, bool)
        columns = one.columns
        if "returns" in columns:
            rows, lines = columns["rows"], columns["returns"]
            mine[rows[: one.told["n_chosen"]]] = True
            times = one.times
            if times is None:
                times = _BEFORE_TIME + np.arange(lines.shape[1])
            kept.append((times, lines, rows + begin))
        chosen.append(mine)
        begin += one.n
    if not ids:
        raise NotEnoughData(
            "there must be a trial", value="none was recorded", remedy="see ledger.studies()"
        )
    every = np.concatenate(hashes)
    _, first, which = np.unique(every, return_index=True, return_inverse=True)
    original = first[which]
    once = original == np.arange(len(every))
    joined = {name: np.concatenate(lines) for name, lines in results.items()}
    sharpe = joined["sharpe"]
    then = sharpe[original]
    # Rounding, of another processor say, is no other result.
    unlike = ~(
        np.isclose(sharpe, then, rtol=1e-6, atol=1e-12) | (np.isnan(sharpe) & np.isnan(then))
    )
    place_of = np.where(once, np.cumsum(once) - 1, -1)
    series = []
    for times, lines, rows in kept:
        at = place_of[rows]
        if (at >= 0).any():
            series.append((times, lines[at >= 0], at[at >= 0]))
    keep = np.flatnonzero(once)
    return Population(
        ids=[ids[at] for at in keep],
        names=[names[at] for at in keep],
        hashes=every[keep],
        results={name: line[keep] for name, line in joined.items()},
        n_repeats=len(every) - len(keep),
        n_unlike=int(unlike.sum()),
        entry=np.concatenate(entry)[keep],
        chosen=np.concatenate(chosen)[keep],
        series=series,
    )
