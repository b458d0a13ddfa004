"""Dated documents as a series for each instrument, at the times of bars, from what was known."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, UnknownSymbol
from nautilus_lab.features._panel import FeaturePanel
from nautilus_lab.frames import require_bars, require_scores

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, BoolArray, FloatArray, IntArray, Prices

COLUMNS = ("tone", "impact", "count", "dispersion", "surprise", "attention")
_NEVER = 2**62  # nanoseconds


@dataclass(frozen=True, kw_only=True)
class NewsWindow:
    """How long a document counts, and from when.

    Attributes
    ----------
    half_life : str, default="3D"
        After so long it weighs half.
    window : str, default="30D"
        Older ones do not count.
    baseline : str, default="180D"
        What is usual is read off the documents of this span before the window.
    least : int, default=5
        Fewer of them tell nothing of what is usual.
    delay : str, default="0s"
        How long after its publication a document can be acted on.
    closes_after : str, default="0s"
        How long after its timestamp a bar is complete. The default takes the timestamp for the
        moment at which the row is known: bars that are stamped with the beginning of their day,
        as those of `lab.marketdata`, get the news of a day with the next day's bar. Say
        ``"21h"`` where a day that is stamped 00:00 UTC closes at 21:00.
    """

    half_life: str = "3D"
    window: str = "30D"
    baseline: str = "180D"
    least: int = 5
    delay: str = "0s"
    closes_after: str = "0s"

    def __post_init__(self) -> None:
        for name in ("half_life", "window", "baseline", "delay", "closes_after"):
            if self._ns(name) < (name not in ("delay", "closes_after")):
                raise InputError(f"{name} must be a span of time", value=getattr(self, name))
        if self._ns("baseline") <= self._ns("window"):
            raise InputError("baseline must be longer than window", value=self.baseline)
        if self.least < 2:
            raise InputError("least must be at least 2", value=self.least)

    def _ns(self, name: str) -> int:
        import pandas as pd

        told = getattr(self, name)
        try:
            if not isinstance(told, str):  # of a number nobody knows the unit
                raise TypeError(type(told).__name__)
            return int(pd.Timedelta(told).as_unit("ns").value)
        except (ValueError, TypeError):
            raise InputError(
                f"{name} must be a span of time", value=told, remedy='write "3D"'
            ) from None

    def weigh(self, known: IntArray, scores: FloatArray, first: int, times: IntArray) -> FloatArray:
        """Return the numbers of one instrument, shape (6, times); see `news_sentiment`."""
        import numpy as np

        from nautilus_lab.features.sentiment._news_kernels import weigh

        out = np.empty((len(COLUMNS), len(times)))
        spans = (self._ns("half_life"), self._ns("window"), self._ns("baseline"))
        weigh(known, scores, first, times + self._ns("closes_after"), *spans, self.least, out)
        return out

    def known(self, published: Any) -> Any:
        """Return when what is published at some time, in nanoseconds, can be acted on."""
        return published + self._ns("delay")


def news_sentiment(
    scored: pd.DataFrame,
    bars: Bars | Prices,
    *,
    score: str = "compound",
    window: NewsWindow | None = None,
) -> FeaturePanel:
    """Return what the documents about each instrument told by the time of each bar.

    A document counts from its publication on, and not before: cutting off the documents after a
    time changes nothing up to it. A document without a score is left out of everything.

    Parameters
    ----------
    scored : DataFrame
        ``published``, tz-aware; ``symbol``; and the score: what `score_documents` returns, or the
        scores of a vendor. In any order; times may repeat.
    bars : DataFrame
        Long bars, or a wide frame of prices: its times and symbols are those of the answer.
        Documents about other symbols do not matter.
    score : str, default="compound"
        The column that is aggregated.
    window : NewsWindow, optional
        How long a document counts, and from when.

    Returns
    -------
    FeaturePanel
        ``tone``: the mean score by age, NaN where no document is in the window. ``impact``: the
        sum of scores by age, 0 without documents. ``count``: how many. ``dispersion``: their
        deviation, divisor n - 1. ``surprise``: the tone less the mean of the baseline, in its
        deviations; NaN where too few documents tell what is usual. ``attention``: how many times
        as many documents as usual; NaN until a whole baseline was watched.

    Raises
    ------
    InputError
        When a column is not there, times have no zone, or no document is about these symbols.
    BadData
        When a publication time or a symbol is missing, or a score is infinite; the row is named.
    NotEnoughData
        When there are no documents.

    Examples
    --------
    >>> import pandas as pd
    >>> news = pd.DataFrame({
    ...     "published": pd.to_datetime(["2024-01-02 14:00", "2024-01-03 00:00"], utc=True),
    ...     "symbol": "ACME", "compound": [0.5, -0.1],
    ... })
    >>> days = pd.date_range("2024-01-02", periods=3, tz="UTC")
    >>> prices = pd.DataFrame({"ACME": [10.0, 10.1, 10.2]}, index=days)
    >>> news_sentiment(news, prices)["count"]["ACME"].tolist()
    [0.0, 2.0, 2.0]
    """
    import numpy as np
    import pandas as pd

    how = NewsWindow() if window is None else window
    times, symbols, missing = _where(bars)
    published, whose, scores = _documents(scored, score)
    at = times.as_unit("ns").asi8
    array = np.empty((len(COLUMNS), len(symbols), len(times)))
    order = np.argsort(published, kind="stable")
    rows = pd.Series(order).groupby(whose[order], sort=False).indices
    if not any(symbol in rows for symbol in symbols):
        raise InputError(
            "documents must be about the symbols of the bars",
            value=f"{', '.join(map(str, list(rows)[:3]))} against {', '.join(symbols[:3])}",
            remedy="name both alike",
        )
    for number, symbol in enumerate(symbols):
        own = order[rows.get(symbol, np.array([], dtype=np.intp))]
        known = how.known(published[own])
        first = int(known[0]) if len(known) else _NEVER
        array[:, number] = how.weigh(known, scores[own], first, at)
    if missing is not None:
        array[:, missing] = np.nan
    return FeaturePanel(columns=COLUMNS, times=times, symbols=symbols, array=array)


def _where(bars: Any) -> tuple[pd.DatetimeIndex, tuple[str, ...], BoolArray | None]:
    """Return times, symbols, and which of both have no bar, shape (symbol, time)."""
    import numpy as np
    import pandas as pd

    if isinstance(bars, pd.DataFrame) and isinstance(bars.index, pd.MultiIndex):
        bars = require_bars(bars)
        place, times = pd.factorize(bars.index.get_level_values("timestamp"), sort=True)
        whose, symbols = pd.factorize(bars.index.get_level_values("symbol"), sort=True)
        missing = np.ones((len(symbols), len(times)), dtype=bool)
        missing[whose, place] = False
        return pd.DatetimeIndex(times).tz_convert("UTC"), tuple(map(str, symbols)), missing
    wide = require_scores(bars, name="bars")
    return pd.DatetimeIndex(wide.index), tuple(map(str, wide.columns)), None


def _documents(scored: Any, score: str) -> tuple[IntArray, Any, FloatArray]:
    import numpy as np
    import pandas as pd

    needed = ("published", "symbol", score)
    if not isinstance(scored, pd.DataFrame) or not set(needed) <= set(scored.columns):
        raise InputError(
            f"documents must be a DataFrame with {', '.join(needed)}",
            value=", ".join(map(str, getattr(scored, "columns", [type(scored).__name__]))),
            remedy="see score_documents",
        )
    if scored.empty:
        raise NotEnoughData("documents must not be none", value=scored.shape)
    published = scored["published"]
    if not isinstance(published.dtype, pd.DatetimeTZDtype):
        raise InputError(
            "published must be tz-aware times",
            value=str(published.dtype),
            remedy='say which zone they are in: pd.to_datetime(times).dt.tz_localize("UTC")',
        )
    _refuse(scored, published.isna(), "a document must have the time of its publication")
    symbols = scored["symbol"]
    _refuse(
        scored,
        symbols.isna() | (symbols.astype(str).str.strip() == ""),
        "a document must be about a symbol",
    )
    try:
        scores = scored[score].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"{score} must be numbers", value=str(scored[score].dtype)) from None
    _refuse(scored, np.isinf(scores), f"{score} must be finite")
    told = ~np.isnan(scores)
    if not told.any():
        raise NotEnoughData(f"no document has a {score}", value=len(scored))
    times = pd.DatetimeIndex(published).as_unit("ns").asi8
    return times[told], symbols.astype(str).to_numpy()[told], scores[told]


def _refuse(scored: pd.DataFrame, wrong: Any, rule: str) -> None:
    import numpy as np

    if np.asarray(wrong).any():
        label = scored.index[int(np.argmax(np.asarray(wrong)))]
        raise BadData(rule, value=f"row {label}", remedy="mend it, or leave the row out")


class NewsStream:
    """`news_sentiment` as documents arrive: the same numbers, at the time they are asked for.

    Parameters
    ----------
    symbols : sequence of str
        The instruments.
    window : NewsWindow, optional
        As of `news_sentiment`.
    """

    columns = COLUMNS

    def __init__(self, symbols: Sequence[str], *, window: NewsWindow | None = None) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise InputError("a stream is of symbols, each once", value=tuple(symbols))
        self.window = NewsWindow() if window is None else window
        self._of: dict[str, list[tuple[int, float]]] = {symbol: [] for symbol in symbols}
        self._first = dict.fromkeys(symbols, _NEVER)
        self._asked = dict.fromkeys(symbols, -_NEVER)

    def __repr__(self) -> str:
        kept = sum(map(len, self._of.values()))
        return f"NewsStream({len(self._of)} symbols, {kept} documents kept)"

    def add(self, symbol: str, published: pd.Timestamp, score: float) -> None:
        """Take a document; one that arrives late counts as of its publication.

        Raises
        ------
        UnknownSymbol
            When the stream is of no such instrument.
        InputError
            When the time has no zone.
        BadData
            When the time or the score is missing or infinite.
        """
        import math

        known = self.window.known(_stamp(published))
        if not math.isfinite(score):
            raise BadData("a score must be finite", value=f"{symbol}: {score}")
        insort(self._kept(symbol), (known, float(score)), key=lambda one: one[0])
        self._first[symbol] = min(self._first[symbol], known)

    def values(self, symbol: str, at: pd.Timestamp) -> FloatArray:
        """Return the six numbers of an instrument at the timestamp of a bar.

        Raises
        ------
        UnknownSymbol
            When the stream is of no such instrument.
        InputError
            When the time has no zone, or is before one that was asked for.
        """
        import numpy as np

        kept, now = self._kept(symbol), _stamp(at)
        if now < self._asked[symbol]:
            raise InputError("a stream is asked for later and later times", value=at.isoformat())
        self._asked[symbol] = now
        known = np.array([one for one, _ in kept], dtype=np.int64)
        scores = np.array([score for _, score in kept])
        found = self.window.weigh(known, scores, self._first[symbol], np.array([now]))[:, 0]
        # what no later time looks back to
        past = now + self.window._ns("closes_after") - self.window._ns("baseline")
        del kept[: int(np.searchsorted(known, past, side="right"))]
        return found

    def _kept(self, symbol: str) -> list[tuple[int, float]]:
        found = self._of.get(symbol)
        if found is None:
            raise UnknownSymbol("the stream is of no such symbol", value=symbol)
        return found


def _stamp(time: pd.Timestamp) -> int:
    import pandas as pd

    stamp = pd.Timestamp(time)
    if pd.isna(stamp):
        raise BadData("a time must not be missing (NaT)")
    if stamp.tz is None:
        raise InputError("a time must be tz-aware", value=str(time), remedy='tz_localize("UTC")')
    return int(stamp.as_unit("ns").value)
