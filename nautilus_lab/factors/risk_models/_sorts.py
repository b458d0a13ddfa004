"""Factor returns made by sorting: small against big, cheap against dear, winners against losers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    format_value,
    line_preview,
    line_trace,
    style_figure,
)
from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed, require_like
from nautilus_lab.factors.risk_models._standardise import require_caps
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import Provenance, mark, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray, Scores

Rebalance: TypeAlias = Literal["june", "monthly"]
_CORNERS = ("low", "middle", "high")


@dataclass(frozen=True, kw_only=True, eq=False)
class SortedFactors(HasTearSheet):
    """Factor returns of sorted portfolios.

    Attributes
    ----------
    factors : DataFrame, shape (time, factor)
        ``SMB`` and one long-short factor a characteristic; simple returns, fractions.
    market : Series, shape (time,)
        Return of all names, weighted by capitalisation of the period before.
    portfolios : DataFrame, shape (time, (characteristic, size, group))
        Returns of the six portfolios of each characteristic.
    counts : DataFrame, shape (formation, (characteristic, size, group))
        Names of each portfolio when it was formed.
    provenance : Provenance
        Where the data came from.
    """

    factors: pd.DataFrame
    market: pd.Series[float]
    portfolios: pd.DataFrame
    counts: pd.DataFrame
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.factors.columns))
        return f"SortedFactors({names}; {len(self.factors)} periods, {len(self.counts)} formations)"

    def tear_sheet(self) -> TearSheet:
        """Return what the factors earned and of how many names."""
        import numpy as np
        import pandas as pd

        begin, end = self.factors.index[0], self.factors.index[-1]
        every = self.factors.assign(market=self.market)
        rows = pd.DataFrame({"mean": every.mean(), "volatility": every.std()})
        rows["t of mean"] = rows["mean"] / rows["volatility"] * np.sqrt(len(every))
        return TearSheet(
            title="Sorted factors",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(every):,} periods, "
                f"{len(self.counts)} formations"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Fewest names in a portfolio": format_value(int(self.counts.min().min())),
                        "Names": format_value(
                            int(self.counts.T.groupby(level=0).sum().T.iloc[-1].max())
                        ),
                    }
                ),
                Chart(
                    title="Growth of factors",
                    figure=self._figure,
                    preview=lambda: line_preview(self._lines(), ".0%"),
                ),
                Table(
                    title="Factor returns",
                    rows=rows.rename_axis("factor"),
                    formats={"mean": ".4%", "volatility": ".3%", "t of mean": ".2f"},
                    note="Of one period, before costs.",
                ),
            ),
        )

    def _lines(self) -> dict[str, pd.Series[float]]:
        return {str(name): line.cumsum() for name, line in self.factors.items()}

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure([line_trace(line, name) for name, line in self._lines().items()])
        figure.update_yaxes(tickformat=".0%", title="sum of factor returns")
        return style_figure(
            figure, title="Factor returns", caption=self.provenance.caption, theme=theme
        )


def sorted_factors(
    returns: pd.DataFrame,
    size: Scores,
    characteristics: Mapping[str, Scores],
    *,
    rebalance: Rebalance | Sequence[pd.Timestamp] = "june",
    breakpoints: Sequence[str] | None = None,
    tails: tuple[float, float] = (0.3, 0.7),
) -> SortedFactors:
    r"""Sort names two by three into portfolios, and take the differences of their returns [1]_.

    At each formation names are cut at the median size and, independently, at the 30th and 70th
    percentile of a characteristic. The six portfolios are weighted by size and held, without
    trading, from the next period to the next formation. For each characteristic the factor is
    the mean of the two high portfolios less that of the two low ones; ``SMB`` is the mean of the
    three small less that of the three big ones, averaged over characteristics named in
    ``{"HML", "RMW", "CMA"}``, or over all where none is.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions; NaN where there is none: a name whose return is missing while
        it is held earns nothing that period and keeps its weight.
    size : DataFrame, shape (time, symbol)
        Capitalisation known at the close of each time, positive or NaN.
    characteristics : mapping of str to DataFrame, shape (time, symbol)
        Factor name -> what it sorts by, known at the close of each time: ``{"HML":
        book_to_market, "UMD": past_return}``. High is what is held long.
    rebalance : {"june", "monthly"} or sequence of Timestamp, default="june"
        Formed at the last close of June, of each month, or at the times given.
    breakpoints : sequence of str, optional
        Symbols that the cuts are taken from (French: those of the NYSE); all by default.
    tails : tuple of float, default=(0.3, 0.7)
        Where the characteristic is cut.

    Returns
    -------
    SortedFactors
        A row depends on characteristics of formations before it only.

    Raises
    ------
    InputError
        When symbols or times differ, or settings are out of their bounds.
    NotEnoughData
        When there is no formation before the last period, or one leaves a portfolio empty: it
        is named.
    BadData
        When a value is infinite or a size not positive.

    References
    ----------
    .. [1] Fama, E. F. and French, K. R. (1993). Common risk factors in the returns on stocks and
       bonds. Journal of Financial Economics 33(1), 3-56.
    """
    import numpy as np
    import pandas as pd

    frame = require_scores(returns, name="returns")
    earned = np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    sizes = require_caps(size, frame)
    if not characteristics:
        raise InputError(
            "a sort needs a characteristic", value="none", remedy='pass {"HML": book_to_market}'
        )
    if not 0 < tails[0] < tails[1] < 1:
        raise InputError(
            "tails must satisfy 0 < low < high < 1", value=tails, remedy="pass tails=(0.3, 0.7)"
        )
    sorts = {
        name: require_like(one, frame, f"characteristic {name!r}", "returns")
        for name, one in characteristics.items()
    }
    cut_from = np.ones(frame.shape[1], dtype=bool)
    if breakpoints is not None:
        unknown = [symbol for symbol in breakpoints if symbol not in frame.columns]
        if unknown or not len(breakpoints):
            raise InputError(
                "breakpoints must be symbols of the returns",
                value=listed(unknown) or "none",
                remedy="drop them",
            )
        cut_from = np.asarray(frame.columns.isin(list(breakpoints)))
    formed = _formations(frame.index, rebalance)
    columns, counts = [], {}
    for name, one in sorts.items():
        portfolio, count = _six(earned, sizes, one, formed, cut_from, tails, frame.index, name)
        columns.append(portfolio)
        counts[name] = count
    begin = formed[0] + 1
    keys = pd.MultiIndex.from_product(
        [list(sorts), ["small", "big"], _CORNERS], names=["characteristic", "size", "group"]
    )
    portfolios = pd.DataFrame(np.hstack(columns)[begin:], frame.index[begin:], keys)
    factors, smb = {}, {}
    for name in sorts:
        six = portfolios[name]
        factors[name] = (six["small"]["high"] + six["big"]["high"]) / 2 - (
            six["small"]["low"] + six["big"]["low"]
        ) / 2
        smb[name] = six["small"].mean(axis=1) - six["big"].mean(axis=1)
    of_size = [smb[name] for name in sorts if name in ("HML", "RMW", "CMA")] or list(smb.values())
    before = np.where(np.isfinite(earned[1:]), sizes[:-1], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        market = np.nansum(before * earned[1:], axis=1) / np.nansum(before, axis=1)
    marks = provenance(returns, size, *characteristics.values())
    whole = pd.Series(market[begin - 1 :], frame.index[begin:], name="market")
    return SortedFactors(
        factors=mark(pd.DataFrame({"SMB": sum(of_size) / len(of_size), **factors}), marks),
        market=mark(whole, marks),
        portfolios=portfolios,
        counts=pd.DataFrame(
            np.hstack(list(counts.values())).astype(int), frame.index[formed], keys
        ),
        provenance=marks,
    )


def _formations(
    times: pd.Index[pd.Timestamp], rebalance: Rebalance | Sequence[pd.Timestamp]
) -> list[int]:
    """Return the rows at whose close portfolios are formed, all but the last row."""
    import numpy as np
    import pandas as pd

    if isinstance(rebalance, str):
        if rebalance not in ("june", "monthly"):
            raise InputError(
                "rebalance must be june, monthly or times",
                value=rebalance,
                remedy='pass rebalance="june"',
            )
        when = pd.DatetimeIndex(times)
        month = np.asarray(when.year * 12 + when.month)
        # The last row of a month is known to be the last only when the next one has begun.
        last = np.flatnonzero(month[1:] != month[:-1])
        rows = [row for row in last.tolist() if rebalance == "monthly" or when[row].month == 6]
    else:
        places = times.get_indexer(pd.DatetimeIndex(list(rebalance)))
        if (places < 0).any():
            missing = [str(t) for t, p in zip(rebalance, places, strict=True) if p < 0]
            raise InputError(
                "formations must be times of the returns",
                value=listed(missing),
                remedy="pass times of returns.index",
            )
        rows = sorted({int(place) for place in places} - {len(times) - 1})
    if not rows:
        raise NotEnoughData(
            "sorted factors need a formation before the last period",
            value=f"none between {times[0].date()} and {times[-1].date()}",
            remedy='pass a longer history, or rebalance="monthly"',
        )
    return rows


def _six(
    returns: FloatArray,
    sizes: FloatArray,
    characteristic: FloatArray,
    formed: list[int],
    cut_from: BoolArray,
    tails: tuple[float, float],
    times: pd.Index[pd.Timestamp],
    name: str,
) -> tuple[FloatArray, IntArray]:
    """Return the returns of the six portfolios, and how many names each formation had."""
    import numpy as np

    n = len(returns)
    found = np.full((n, 6), np.nan)
    counts = np.zeros((len(formed), 6), dtype=np.intp)
    for place, row in enumerate(formed):
        known = np.isfinite(sizes[row]) & np.isfinite(characteristic[row])
        cut = known & cut_from
        bucket = np.full(returns.shape[1], -1)
        if cut.sum() >= 6:
            half = np.median(sizes[row][cut])
            low, high = np.quantile(characteristic[row][cut], tails)
            big = np.where(sizes[row] > half, 3, 0)
            group = 1 - (characteristic[row] <= low) + (characteristic[row] > high)
            bucket = np.where(known, big + group, -1)
        counts[place] = [(bucket == b).sum() for b in range(6)]
        if not counts[place].all():
            empty = int(np.argmin(counts[place]))
            raise NotEnoughData(
                "every portfolio of a sort must hold a name",
                value=f"{name}: none {'big' if empty > 2 else 'small'} and "
                f"{_CORNERS[empty % 3]} of {int(cut.sum())} names at {times[row].date()}",
                remedy="widen the universe, begin where characteristics are known",
            )
        end = formed[place + 1] if place + 1 < len(formed) else n - 1
        for b in range(6):
            inside = bucket == b
            worth = sizes[row][inside].copy()
            for period in range(row + 1, end + 1):
                gain = returns[period][inside]
                there = np.isfinite(gain)
                # What has lost everything has no return any more.
                if there.any() and worth[there].sum() > 0:
                    found[period, b] = (worth[there] @ gain[there]) / worth[there].sum()
                worth[there] *= 1 + gain[there]
    return found, counts
