"""The shapes a factor may come in: a wide frame, or the long ones of alphalens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_scores

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices, Returns, Scores

_SHAPES = "a wide frame (time x symbol), or a Series indexed by (date, asset)"
_IN_UTC = "Times of the factor bore no zone and were read as UTC."


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorInput:
    """A factor in one shape, whatever it came in.

    Attributes
    ----------
    scores : DataFrame, shape (time, symbol)
        NaN where not known.
    prices : DataFrame or None
        As handed in, its times in a zone; None when the forward returns came with the scores.
    ahead : mapping of int to DataFrame, shape (time, symbol)
        Horizon -> forward returns that came with the scores; empty otherwise.
    quantiles : DataFrame or None
        Quantiles that came with the scores, from 1 up.
    groups : DataFrame or None
        Groups that came with the scores.
    notices : tuple of str
        What a reader must know of how the shape was read.
    """

    scores: Scores
    prices: Prices | None
    ahead: Mapping[int, Returns] = field(default_factory=dict)
    quantiles: pd.DataFrame | None = None
    groups: pd.DataFrame | None = None
    notices: tuple[str, ...] = ()


def read_factor(factor: Scores | pd.Series[float], prices: Prices | None) -> FactorInput:
    """Return a factor as wide frames.

    Parameters
    ----------
    factor : DataFrame or Series
        A wide frame (time, symbol); a Series indexed by (date, asset), which is what alphalens
        takes; or the frame that `alphalens.utils.get_clean_factor_and_forward_returns` makes:
        columns ``1D``, ``5D``, ..., ``factor``, ``factor_quantile`` and perhaps ``group``.
    prices : DataFrame, shape (time, symbol), optional
        Needed unless forward returns come with the factor.

    Returns
    -------
    FactorInput
        Long factors whose dates bear no zone are read in the zone of the prices, or, when those
        bear none either, both in UTC. Wide frames must say their zone.

    Raises
    ------
    InputError
        When it has none of these shapes, or no returns can be had.
    NotEnoughData
        When it is empty.
    BadData
        When a (date, asset) is there twice, times are missing, or a score is infinite.
    """
    import pandas as pd

    if not isinstance(factor, pd.Series | pd.DataFrame):
        raise InputError("scores must be a frame", value=type(factor).__name__, remedy=_SHAPES)
    if not isinstance(factor.index, pd.MultiIndex):
        if isinstance(factor, pd.Series):
            raise InputError(
                "a Series of scores must be indexed by (date, asset)",
                value=f"an index of {factor.index.dtype}",
                remedy=f"pass {_SHAPES}",
            )
        return FactorInput(scores=require_scores(factor), prices=_needed(prices))
    zone, priced, notices = _zones(factor.index, prices)
    if isinstance(factor, pd.Series):
        return FactorInput(
            scores=require_scores(_wide(factor, zone)), prices=_needed(priced), notices=notices
        )
    if "factor" not in factor.columns:
        raise InputError(
            "a long frame of scores must have a column named factor",
            value=", ".join(map(str, factor.columns)),
            remedy=f"pass {_SHAPES}, or what alphalens' get_clean_factor_and_forward_returns made",
        )
    scores = require_scores(_wide(factor["factor"], zone))
    groups = _wide(factor["group"], zone) if "group" in factor.columns else None
    if priced is not None:
        return FactorInput(scores=scores, prices=priced, groups=groups, notices=notices)
    columns = _horizons(factor)
    return FactorInput(
        scores=scores,
        prices=None,
        ahead={bar: _wide(factor[name], zone).astype(float) for name, bar in columns.items()},
        quantiles=_quantiles(_wide(factor["factor_quantile"], zone))
        if "factor_quantile" in factor.columns
        else None,
        groups=groups,
        notices=notices,
    )


def _needed(prices: Prices | None) -> Prices:
    if prices is None:
        raise InputError(
            "scores alone cannot be studied: prices are needed",
            remedy="pass prices, or the frame of alphalens that has forward returns",
        )
    return prices


def _zones(
    index: pd.MultiIndex, prices: Prices | None
) -> tuple[Any, Prices | None, tuple[str, ...]]:
    """Return the zone for dates without one, the prices in a zone, and what to say of it."""
    import pandas as pd

    if index.nlevels != 2 or not isinstance(index.levels[0], pd.DatetimeIndex):
        kinds = ", ".join(str(level.dtype) for level in index.levels)
        raise InputError(
            "long scores must be indexed by (date, asset)",
            value=f"levels of {kinds}",
            remedy="put dates first: factor.swaplevel().sort_index()",
        )
    if not len(index):
        raise NotEnoughData("scores must not be empty", value=0, remedy="widen the dates")
    dates = pd.DatetimeIndex(index.levels[0])
    naive = dates.tz is None
    notices = (_IN_UTC,) if naive else ()
    zone: Any = "UTC" if naive else None
    if prices is not None and isinstance(prices.index, pd.DatetimeIndex):
        of_prices = prices.index.tz
        if of_prices is None:
            prices = prices.tz_localize("UTC")
        elif naive and str(of_prices) != "UTC":
            zone = of_prices
            notices = (f"Times of the factor bore no zone and were read as the prices': {zone}.",)
    return zone, prices, notices


def _wide(column: pd.Series[Any], zone: Any) -> pd.DataFrame:
    import pandas as pd

    if column.index.has_duplicates:
        time, symbol = column.index[column.index.duplicated()][0]
        raise BadData(
            "scores must have each (date, asset) once",
            value=f"{symbol} at {time}",
            remedy="drop the copies: factor[~factor.index.duplicated()]",
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    wide: Any = column.unstack()
    if zone is not None:
        wide = wide.tz_localize(zone)
    found: pd.DataFrame = wide.tz_convert("UTC").rename_axis(columns=None)
    return found


def _quantiles(wide: pd.DataFrame) -> pd.DataFrame:
    """Return quantiles as floats; they are whole numbers from 1 up, or NaN."""
    import numpy as np

    try:
        found = wide.astype(float)
    except (TypeError, ValueError):
        raise BadData(
            "factor_quantile must be numbers", value=str(wide.dtypes.iloc[0]), remedy="1, 2, ..."
        ) from None
    known = found.to_numpy()[np.isfinite(found.to_numpy())]
    wrong = (known < 1) | (known != np.floor(known))
    if wrong.any():
        raise BadData(
            "factor_quantile must be whole numbers from 1 up",
            value=float(known[wrong][0]),
            remedy="pass quantiles=5 with prices, or number them from 1",
        )
    return found


def _horizons(clean: pd.DataFrame) -> dict[str, int]:
    """Return column -> bars for the columns that alphalens names by how long was held."""
    import pandas as pd

    spans: dict[str, pd.Timedelta] = {}
    for name in clean.columns:
        try:
            spans[str(name)] = pd.Timedelta(str(name))
        except ValueError:
            continue
    if not spans:
        raise InputError(
            "forward returns must come with the scores, or prices must be given",
            value=", ".join(map(str, clean.columns)),
            remedy="pass prices=..., or a frame with columns like 1D and 5D",
        )
    dates = clean.index.levels[0]  # type: ignore[attr-defined]
    day = pd.Timedelta(days=1)
    step = (dates[1:] - dates[:-1]).min() if len(dates) > 1 else day
    if any(span % step for span in spans.values()):
        step = day
    bars = {name: round(span / step) for name, span in spans.items()}
    if any(bar < 1 for bar in bars.values()) or len(set(bars.values())) < len(bars):
        raise InputError("columns of forward returns must be different spans", value=list(spans))
    return bars
