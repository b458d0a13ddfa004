"""What was known when: which past dates may teach what is used on a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors._forward import ahead_of, checked_horizons
from nautilus_lab.factors.combination._standard import Scale, scaled
from nautilus_lab.factors.evaluation._shapes import read_factor
from nautilus_lab.frames import require_prices

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, IntArray, Prices, Scores


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """How weights are learned from the past, date by date.

    Parameters
    ----------
    horizon : int, default=5
        Bars ahead that are foretold.
    delay : int, default=1
        Bars between signal and trade.
    window : int, default=252
        Dates of scores learned from, the latest that are allowed.
    min_dates : int, default=63
        Nothing is learned from fewer.
    embargo : int, optional
        Least number of bars from a date that is learned from to the date its lesson is used on.
        ``delay + horizon`` when not given, after which its returns are known; not less.
    refit : int, default=21
        Dates for which a fitted model is used.
    """

    horizon: int = 5
    delay: int = 1
    window: int = 252
    min_dates: int = 63
    embargo: int | None = None
    refit: int = 21

    def __post_init__(self) -> None:
        checked_horizons([self.horizon], self.delay)
        if not 2 <= self.min_dates <= self.window:
            raise InputError(
                "dates to learn from must be at least 2, and not more than the window",
                value=f"min_dates={self.min_dates}, window={self.window}",
                remedy="pass window=252, min_dates=63",
            )
        if not self.refit >= 1:
            raise InputError("a model is used for a date at least", value=self.refit, remedy="21")
        if not self.bars_apart >= self.delay + self.horizon:
            raise InputError(
                "an embargo must last until the returns of a date are known",
                value=self.embargo,
                remedy=f"pass at least delay + horizon, {self.delay + self.horizon}",
            )

    @property
    def bars_apart(self) -> int:
        """Bars from a date that is learned from to the date its lesson is used on."""
        return self.delay + self.horizon if self.embargo is None else self.embargo


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """Factors on one scale, what followed, and what of it may be known when.

    Attributes
    ----------
    names : tuple of str
        The factors.
    times, symbols : Index
        Of the factors.
    factors : ndarray, shape (factor, time, symbol)
        On one scale; NaN where not known.
    ahead : ndarray or None, shape (time, symbol)
        Returns that followed; None when nothing is learned.
    taught : ndarray of int, shape (lesson,)
        Dates that can be learned from.
    known : ndarray of int, shape (time,)
        How many of `taught`, from the first on, may be known on each date.
    """

    names: tuple[str, ...]
    times: pd.Index[Any]
    symbols: pd.Index[Any]
    factors: FloatArray
    ahead: FloatArray | None
    taught: IntArray
    known: IntArray


def lessons(
    scores: Mapping[str, Any], prices: Prices | None, walk: WalkForward, scale: Scale
) -> Lessons:
    """Check factors and prices and lay them on one grid.

    Raises
    ------
    InputError
        When there is no factor, or one has no shape that is known.
    BadData
        When wide factors differ in times or symbols.
    """
    import numpy as np

    if not scores:
        raise InputError("factors must not be none", remedy='pass {"momentum": scores, ...}')
    frames: dict[str, Scores] = {}
    checked, long = prices, False
    for name, one in scores.items():
        long = long or one.index.nlevels > 1
        # Without prices to learn from there is nothing to align with but the factor itself.
        given = read_factor(one, one if prices is None else prices)
        frames[name] = given.scores
        checked = given.prices
    first = next(iter(frames.values()))
    times, symbols = first.index, first.columns
    for name, frame in frames.items():
        if long:
            times, symbols = times.union(frame.index), symbols.union(frame.columns, sort=False)
        elif not frame.index.equals(times) or not frame.columns.equals(symbols):
            raise BadData(
                "factors must have the same times and symbols",
                value=f"{name}: {frame.shape}, {next(iter(frames))}: {first.shape}",
                remedy="align them: scores.reindex(index=times, columns=symbols)",
            )
    stacked = [
        scaled(np.array(frame.reindex(index=times, columns=symbols), dtype=np.float64), scale)
        for frame in frames.values()
    ]
    ahead, taught = None, np.zeros(0, dtype=np.intp)
    known = np.zeros(len(times), dtype=np.intp)
    if prices is not None:
        least = walk.delay + walk.horizon + 1
        assert checked is not None
        checked = require_prices(checked, at_least=least, gaps=True)
        values = np.array(checked.reindex(columns=symbols), dtype=np.float64)
        entry = checked.index.get_indexer(times)
        ahead = ahead_of(values, entry, delay=walk.delay, bars=walk.horizon)
        taught = np.flatnonzero(np.isfinite(ahead).any(axis=1))
        # By the row of the prices that is the latest at each date, though it be none of theirs.
        now = checked.index.searchsorted(times, side="right") - 1
        known = np.searchsorted(entry[taught] + walk.bars_apart, now, side="right")
    return Lessons(
        names=tuple(scores),
        times=times,
        symbols=symbols,
        factors=np.stack(stacked),
        ahead=ahead,
        taught=taught,
        known=known,
    )
