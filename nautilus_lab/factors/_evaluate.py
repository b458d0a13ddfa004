"""Whether scores foretold the returns that followed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors._forward import ahead_of, checked_horizons, whole
from nautilus_lab.factors._rank import (
    average_ranks,
    bucket_means,
    buckets,
    rank_correlations,
    row_correlations,
)
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.evaluation._dropped import count_dropped, reasons_of
from nautilus_lab.factors.evaluation._ic import summarise
from nautilus_lab.factors.evaluation._neutral import Design, Groups, label_numbers, read_design
from nautilus_lab.factors.evaluation._observations import Observations
from nautilus_lab.factors.evaluation._shapes import FactorInput, read_factor
from nautilus_lab.frames import require_prices
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.trials import Study, open_study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray, Prices, Scores
    from nautilus_lab.factors._trials import Definition

# Below this the correlation of one date is mostly noise: its standard error is 1 / sqrt(n - 1).
_FEW_NAMES = 50


def evaluate(
    scores: Scores | pd.Series[float],
    prices: Prices | None = None,
    *,
    horizons: Sequence[int] | None = None,
    quantiles: int | None = None,
    delay: int | None = None,
    groups: Groups | None = None,
    neutral: Literal["none", "group"] | Mapping[str, Any] = "none",
    study: Study | str | None = None,
    definition: Definition | None = None,
) -> FactorStudy:
    """Study how well scores foretell returns.

    A score known at the close of a date is traded at the next close (`delay` 1), the convention
    for data with closes only, and held for each horizon.

    Parameters
    ----------
    scores : DataFrame or Series
        Higher is better; NaN where not known. Either wide, shape (time, symbol); or as alphalens
        takes them, a Series indexed by (date, asset); or the frame that its
        `get_clean_factor_and_forward_returns` makes, with columns ``1D``, ``5D``, ..., ``factor``,
        ``factor_quantile`` and perhaps ``group``. Long ones may have dates without a zone: they are
        read in that of the prices, or in UTC.
    prices : DataFrame, shape (time, symbol), optional
        Closes, positive; NaN where a symbol was not traded. Symbols and times that only one of the
        two frames has are left out, and counted in `FactorStudy.dropped`. Not needed when forward
        returns come with the scores; when given, these are not looked at.
    horizons : sequence of int, optional
        Holding periods in bars; (1, 5, 21), or those that come with the scores.
    quantiles : int, optional
        How many groups of equal size the names of a date are cut into, at least 2: 5, or those that
        come with the scores.
    delay : int, optional
        Bars between signal and trade: 1. 0 is kinder than any market, and the study says so.
        Forward returns that come with the scores are taken to have 0, as alphalens makes them,
        unless this says what prices they were made from.
    groups : DataFrame, Series or mapping, optional
        Sectors or the like: labels by time and symbol, or one for each symbol.
    neutral : {"none", "group"} or mapping of str to DataFrame, default="none"
        What is taken out of scores and of returns, date by date, before they are compared: nothing,
        the mean of the group, or a regression on these exposures (numbers, or labels for dummies).
    study : Study or str, optional
        Where each horizon is recorded as a trial: a name in the ledger of the workspace, or
        ``ledger.study(name)``; see `nautilus_lab.trials`.
    definition : FactorDefinition, str or callable, optional
        What the scores were made by, recorded with them, so that the trial can be made again: an
        expression of ``close`` and ``returns``, or a function of prices, with its settings as in
        ``functools.partial(momentum, window=252)``.

    Returns
    -------
    FactorStudy

    Raises
    ------
    InputError
        When `scores` has no shape that is known, `horizons`, `quantiles`, `delay` or `neutral`
        break a rule, or scores and prices share no symbol.
    NotEnoughData
        When, for some horizon, no date has `quantiles` different scored names and a known future.
    BadData
        When a price is infinite or not positive, a symbol has none at all, a score is infinite, or
        times are unsorted or repeated.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=6, tz="UTC")
    >>> growth = {"A": 1.03, "B": 1.02, "C": 1.01, "D": 1.00}
    >>> prices = pd.DataFrame({s: [100 * g**t for t in range(6)] for s, g in growth.items()}, days)
    >>> scores = prices / prices.shift(1) - 1
    >>> study = evaluate(scores, prices, horizons=[1], quantiles=2)
    >>> study
    FactorStudy(ic={1: 1.0000}, 3 dates, 4 names)
    >>> study.quantile_returns[1].round(4).to_dict()
    {1: 0.005, 2: 0.025}
    """
    import numpy as np
    import pandas as pd

    recorded = None if study is None else open_study(study)
    if quantiles is not None and whole(quantiles) < 2:
        raise InputError("quantiles must be at least 2", value=quantiles, remedy="pass quantiles=5")
    given = read_factor(scores, prices)
    grid = _with_prices(given, horizons, delay) if given.prices is not None else None
    if grid is None:
        grid = _with_returns(given, horizons, delay)
    known = given.scores
    names = known.columns[known.columns.isin(grid.symbols)]
    raw = _numbers(known, names)
    known_groups = groups if groups is not None else given.groups
    labels: IntArray | None = None
    group_names: tuple[Any, ...] = ()
    if known_groups is not None:
        labels, group_names = label_numbers(known_groups, known.index, names)
    design = _design(neutral, labels, known.index, names)
    score = raw.copy() if design is None else design.residuals(raw)

    own = quantiles is None and given.quantiles is not None
    cut = None if not own else given.quantiles[names].to_numpy(dtype=float) - 1  # type: ignore[index]
    count = int(np.nanmax(cut)) + 1 if cut is not None else quantiles or 5
    if count < 2:
        raise InputError(
            "quantiles that come with the scores must be at least 2",
            value=count,
            remedy="pass quantiles=5 to cut them anew",
        )
    n_scored = np.isfinite(score).sum(axis=1)
    enough, varies = n_scored >= (1 if own else count), _varies(score)
    has_prices = grid.entry >= 0
    eligible = has_prices & enough & varies
    reasons = {
        bar: reasons_of(
            raw,
            score,
            future,
            has_prices=has_prices,
            enough=enough,
            varies=varies,
            ended=grid.ended[bar],
        )
        for bar, future in grid.ahead.items()
    }
    for bar, found in reasons.items():
        if not (found == 0).any():
            raise NotEnoughData(
                f"a study needs a date with {count} scored names, not all equal, and prices "
                f"{bar} + {grid.delay} bars later",
                value=f"at most {int(n_scored.max())} names on {len(known)} dates, "
                f"of {len(names)} that scores and prices share",
                remedy=f"pass more names, or quantiles={len(names)} or fewer"
                if len(names) < count and len(names) >= 2
                else "pass a longer history, fewer quantiles or a shorter horizon",
            )

    score[~eligible] = np.nan
    ranks = average_ranks(score)
    bucket = buckets(ranks, count) if cut is None else np.where(np.isfinite(score), cut, np.nan)
    spearman, pearson, means = {}, {}, {}
    for bar, future in grid.ahead.items():
        ahead = np.where(reasons[bar] == 0, future, np.nan)
        ahead = ahead if design is None else design.residuals(ahead)
        spearman[bar] = rank_correlations(score, ranks, ahead)
        pearson[bar] = row_correlations(score, ahead)
        means[bar] = bucket_means(ahead, bucket, count)

    observations = Observations(
        times=known.index,
        symbols=names,
        unpriced=known.columns.difference(names, sort=False),
        scores=score,
        raw_scores=raw,
        bucket=bucket,
        quantiles=count,
        given=grid.given,
        reasons=reasons,
        delay=grid.delay,
        labels=labels,
        group_names=group_names,
        design=design,
        prices=grid.prices,
        price_times=grid.price_times,
        entry=grid.entry,
    )
    rows = observations.in_use
    times = known.index[rows]
    numbers = pd.Index(range(1, count + 1), name="quantile")

    def over_time(by_bar: dict[int, FloatArray]) -> pd.DataFrame:
        return pd.DataFrame({bar: by_bar[bar][rows] for bar in by_bar}, times).rename_axis(
            columns="horizon"
        )

    ic = over_time(spearman)
    answer = FactorStudy(
        ic=ic,
        pearson_ic=over_time(pearson),
        ic_summary=summarise(ic),
        quantile_returns=pd.DataFrame(
            {bar: pd.DataFrame(mean).mean().to_numpy() for bar, mean in means.items()}, numbers
        ).rename_axis(columns="horizon"),
        spread=over_time({bar: mean[:, -1] - mean[:, 0] for bar, mean in means.items()}),
        turnover=_turnover(bucket[eligible], known.index[eligible], numbers),
        dropped=count_dropped(observations),
        n_names=int(np.median(n_scored[rows])),
        delay=grid.delay,
        observations=observations,
        provenance=_marks(scores, prices, n_scored[rows], grid.delay, given.notices),
    )
    if recorded is None:
        return answer
    from nautilus_lab.factors._trials import record_study

    settings = {
        "horizons": answer.horizons,
        "quantiles": "as given" if own else count,
        "delay": grid.delay,
        "groups": known_groups,
        "neutral": neutral,
    }
    trials = record_study(recorded, answer, given, settings, definition)
    return dataclasses.replace(answer, trials=trials)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Grid:
    """Returns ahead of each score, and where they come from; see `Observations`."""

    symbols: pd.Index[Any]
    entry: IntArray
    delay: int
    ahead: dict[int, FloatArray]
    ended: dict[int, BoolArray]
    given: Mapping[int, FloatArray] = dataclasses.field(default_factory=dict)
    prices: FloatArray | None = None
    price_times: pd.Index[Any] | None = None


def _with_prices(given: FactorInput, horizons: Sequence[int] | None, delay: int | None) -> _Grid:

    wait = 1 if delay is None else delay
    bars = checked_horizons((1, 5, 21) if horizons is None else horizons, wait)
    assert given.prices is not None
    checked = require_prices(given.prices, at_least=max(bars) + wait + 1, gaps=True)
    scores = given.scores
    names = scores.columns[scores.columns.isin(checked.columns)]
    if not len(names):
        raise InputError(
            "scores and prices must share symbols",
            value=f"scores of {', '.join(map(str, scores.columns[:3]))}, "
            f"prices of {', '.join(map(str, checked.columns[:3]))}",
            remedy="make the scores from these prices",
        )
    values = _numbers(checked, names)
    entry = checked.index.get_indexer(scores.index)
    return _Grid(
        symbols=names,
        entry=entry,
        delay=wait,
        ahead={bar: ahead_of(values, entry, delay=wait, bars=bar) for bar in bars},
        ended={bar: entry + wait + bar >= len(values) for bar in bars},
        prices=values,
        price_times=checked.index,
    )


def _with_returns(given: FactorInput, horizons: Sequence[int] | None, delay: int | None) -> _Grid:
    import numpy as np

    wait = 0 if delay is None else delay
    bars = checked_horizons(list(given.ahead) if horizons is None else horizons, wait)
    if unknown := [bar for bar in bars if bar not in given.ahead]:
        raise InputError(
            "a horizon must be one of those that came with the scores",
            value=unknown,
            remedy=f"choose from {', '.join(map(str, given.ahead))}, or pass prices",
        )
    n = len(given.scores)
    every = {bar: np.asarray(frame, dtype=np.float64) for bar, frame in given.ahead.items()}
    for bar, values in every.items():
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise BadData(
                "forward returns must be finite or NaN",
                value=f"{given.scores.columns[column]} at {given.scores.index[row]}, {bar} bars",
                remedy="mend the prices they were made from",
            )
    return _Grid(
        symbols=given.scores.columns,
        entry=np.arange(n),
        delay=wait,
        ahead={bar: every[bar] for bar in bars},
        ended={bar: np.zeros(n, dtype=bool) for bar in bars},
        given=every,
    )


def _numbers(frame: pd.DataFrame, names: pd.Index[Any]) -> FloatArray:
    """Return the columns as an array, the frame's own where it can be: it is never written to."""
    import numpy as np

    whole = frame if frame.columns.equals(names) else frame[names]
    return np.asarray(whole.to_numpy(dtype=np.float64))


def _design(
    neutral: str | Mapping[str, Any],
    labels: IntArray | None,
    times: pd.Index[Any],
    symbols: pd.Index[Any],
) -> Design | None:
    if isinstance(neutral, Mapping):
        return read_design(neutral, times, symbols)
    if neutral == "none":
        return None
    if neutral != "group":
        raise InputError(
            "neutral must be none, group, or exposures by name",
            value=neutral,
            remedy='pass neutral="group" and groups=..., or neutral={"beta": frame}',
        )
    if labels is None:
        raise InputError("neutral to groups needs groups", remedy="pass groups={symbol: sector}")
    return Design(labels=(labels,))


def _varies(score: FloatArray) -> BoolArray:
    import numpy as np

    known = np.isfinite(score)
    low = np.where(known, score, np.inf).min(axis=1)
    return np.asarray(np.where(known, score, -np.inf).max(axis=1) > low)


def _turnover(
    bucket: FloatArray, times: pd.Index[pd.Timestamp], groups: pd.Index[int]
) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    columns = {}
    for place, group in enumerate(groups):
        inside = bucket == place
        sizes = inside[1:].sum(axis=1)
        stayed = (inside[1:] & inside[:-1]).sum(axis=1)
        columns[group] = np.where(sizes > 0, 1 - stayed / np.maximum(sizes, 1), np.nan)
    return pd.DataFrame(columns, times[1:]).rename_axis(columns="quantile")


def _marks(
    scores: Any,
    prices: Prices | None,
    n_names: NDArray[np.intp],
    delay: int,
    read_as: Sequence[str],
) -> Provenance:
    import numpy as np

    marks = provenance(*(frame for frame in (scores, prices) if frame is not None))
    notices = [*marks.notices, *read_as]
    few, median = int((n_names < _FEW_NAMES).sum()), int(np.median(n_names))
    if median < _FEW_NAMES:
        notices.append(f"Evaluation on {median} names: weak statistical power.")
    elif few:
        notices.append(
            f"{few:,} of {len(n_names):,} dates have fewer than {_FEW_NAMES} names: weak "
            "statistical power there."
        )
    if delay == 0:
        notices.append("Traded at the close that made the signal (delay 0): no market is so kind.")
    return dataclasses.replace(marks, notices=tuple(notices))
