"""How often the best of several in one half of the data is a poor one in the other."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.frames import require_returns

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, Returns

# Splits worked on together: three frames of (split, trial) are held.
_SPLITS = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Overfitting:
    """What choosing the best of several trials by their Sharpe ratio is worth out of sample.

    Attributes
    ----------
    probability : float
        Share of splits in which the best of one half is below the median of the other: the
        probability of backtest overfitting. 0.5 is what choosing at random gives.
    loss_probability : float
        Share of splits in which it loses money in the other half.
    slope : float
        Of its Sharpe ratio out of sample on that in sample, over the splits: negative when what
        looks better does worse.
    logits : array of float64, shape (split,)
        Logit of its relative rank out of sample; at most 0 is below the median.
    n_splits, n_trials : int
    """

    probability: float
    loss_probability: float
    slope: float
    logits: FloatArray
    n_splits: int
    n_trials: int

    def __repr__(self) -> str:
        return (
            f"Overfitting(probability={self.probability:.3f}, "
            f"loss_probability={self.loss_probability:.3f}, {self.n_trials:,} trials, "
            f"{self.n_splits:,} splits)"
        )


def overfitting(returns: Returns, *, blocks: int = 16) -> Overfitting:
    """Cross-validate a choice combinatorially and symmetrically [1]_.

    The periods are cut into `blocks` of equal length (the first few that do not divide are left
    out); each half of the blocks chooses the trial with the highest Sharpe ratio, and the other
    half ranks it.

    Parameters
    ----------
    returns : DataFrame, shape (time, trial)
        Simple returns per period of every trial there was, not of the survivors; finite.
    blocks : int, default=16
        Even, 2 to 20; 16 make 12,870 splits.

    Returns
    -------
    Overfitting

    Raises
    ------
    InputError
        When `blocks` is odd or out of bounds.
    NotEnoughData
        When there are fewer than two trials, or fewer than two periods a block.
    BadData
        When a return is NaN or infinite, or times are unsorted.

    References
    ----------
    .. [1] Bailey, D., Borwein, J., López de Prado, M. and Zhu, Q. (2017). The Probability of
       Backtest Overfitting. Journal of Computational Finance 20(4), 39-69.

    Notes
    -----
    A trial whose returns do not vary within a half has a Sharpe ratio of 0 there: it made nothing
    of its risk, and is neither chosen nor ranked above one that gained.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> days = pd.date_range("2020-01-01", periods=320, tz="UTC")
    >>> noise = pd.DataFrame(np.random.default_rng(1).normal(0, 0.01, (320, 20)), days)
    >>> overfitting(noise.add([0.01] + 19 * [0.0])).probability  # one of them has skill
    0.0
    """
    import numpy as np
    from scipy.stats import rankdata

    if blocks % 2 or not 2 <= blocks <= 20:
        raise InputError("blocks must be even, 2 to 20", value=blocks, remedy="pass blocks=16")
    values = np.asarray(require_returns(returns), dtype=np.float64)
    length = len(values) // blocks
    if length < 2 or values.shape[1] < 2:
        raise NotEnoughData(
            f"{blocks} blocks need at least {2 * blocks} periods, and two trials",
            value=f"{len(values)} periods of {values.shape[1]} trials",
            remedy="pass fewer blocks, a longer history, or every trial there was",
        )
    # A mean near 0 is subtracted: sums of squares then keep their digits.
    centre = values.mean(axis=0)
    cut = values[len(values) - blocks * length :].reshape(blocks, length, -1) - centre
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    halves = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    chosen = np.zeros((len(halves), blocks))
    np.put_along_axis(chosen, halves, 1.0, axis=1)

    def sharpes(which: FloatArray) -> FloatArray:
        n = length * blocks // 2
        mean = which @ sums / n
        variance = (which @ squares - n * mean**2) / (n - 1)
        steady = variance <= 1e-14 * (which @ squares + n * centre**2) / n
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = (mean + centre) / np.sqrt(variance)
        return np.where(steady, 0.0, ratio)

    ranks, inside, outside = [], [], []
    for begin in range(0, len(chosen), _SPLITS):
        which = chosen[begin : begin + _SPLITS]
        before, after = sharpes(which), sharpes(1 - which)
        rows, best = np.arange(len(which)), before.argmax(axis=1)
        ranks.append(rankdata(after, axis=1)[rows, best])
        inside.append(before[rows, best])
        outside.append(after[rows, best])
    relative = np.concatenate(ranks) / (values.shape[1] + 1)
    logits = np.log(relative / (1 - relative))
    before, after = np.concatenate(inside), np.concatenate(outside)
    moved = before - before.mean()
    spread = float(moved @ moved)
    return Overfitting(
        probability=float((logits <= 0).mean()),
        loss_probability=float((after < 0).mean()),
        slope=float(moved @ after) / spread if spread else math.nan,
        logits=logits,
        n_splits=len(chosen),
        n_trials=values.shape[1],
    )
