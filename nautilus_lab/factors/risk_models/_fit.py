"""What a cross-sectional model found: factor returns, and the model as of any date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
from nautilus_lab.factors.risk_models._aligned import listed
from nautilus_lab.factors.risk_models._model import FactorRiskModel
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, IntArray, Weights
    from nautilus_lab.factors.risk_models._cross_sectional import CrossSectionalModel

_MOST_LINES = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossSectionalFit(HasTearSheet):
    """Factor returns by date, what they leave, and the risk model as of any date.

    Attributes
    ----------
    factor_returns : DataFrame, shape (time, factor)
        Intercept (``"market"``), styles, groups, currencies; fractions. NaN for a group without
        names on a date.
    t : DataFrame, shape (time, factor)
        Their t of the weighted regressions; currencies, which are given, have none.
    r_squared : Series, shape (time,)
        Weighted share explained, about the weighted mean.
    n_names : Series, shape (time,)
        Names that took part.
    specific_returns : DataFrame, shape (time, symbol)
        What no factor explains; NaN where a name did not take part.
    dropped : Series
        Names times dates by the first reason for which they did not take part; with ``used``
        last, they sum to all.
    settings : CrossSectionalModel
        What it was fitted with.
    symbols, times : Index
        Of the data.
    styles : ndarray, shape (style, time, symbol)
        Exposures known at each time.
    caps, groups : ndarray, shape (time, symbol)
        Capitalisation, and number of the group, -1 where not known.
    n_groups, n_currencies : int
        How many factors each has.
    currencies : ndarray, shape (symbol,)
        Number of the currency, -1 for the base.
    provenance : Provenance
        Where the data came from.
    """

    factor_returns: pd.DataFrame
    t: pd.DataFrame
    r_squared: pd.Series[float]
    n_names: pd.Series[int]
    specific_returns: pd.DataFrame
    dropped: pd.Series[int]
    settings: CrossSectionalModel
    symbols: pd.Index[str] = field(repr=False)
    times: pd.Index[pd.Timestamp] = field(repr=False)
    styles: FloatArray = field(repr=False)
    caps: FloatArray = field(repr=False)
    groups: IntArray = field(repr=False)
    n_groups: int = field(repr=False)
    currencies: IntArray = field(repr=False)
    n_currencies: int = field(repr=False)
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        return (
            f"CrossSectionalFit({len(self.factors)} factors, {len(self.symbols)} symbols, "
            f"{len(self.factor_returns)} dates, mean R²={float(self.r_squared.mean()):.4f})"
        )

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors, in order."""
        return tuple(map(str, self.factor_returns.columns))

    def exposures(self, date: pd.Timestamp | str | None = None) -> pd.DataFrame:
        """Return what was known of each name at the close of a date, the last by default.

        Parameters
        ----------
        date : Timestamp or str, optional
            One of the times of the data.

        Returns
        -------
        DataFrame, shape (symbol, factor)
            Of the names of which everything is known.

        Raises
        ------
        InputError
            When the date is none of the data's.
        """
        import numpy as np
        import pandas as pd

        row = self._row(date)
        values = self.loads(row)
        known = np.isfinite(values).all(axis=1) & np.isfinite(self.caps[row])
        return pd.DataFrame(values[known], self.symbols[known], self.factor_returns.columns)

    def at(self, date: pd.Timestamp | str | None = None) -> FactorRiskModel:
        """Return the risk model as it could be made at the close of a date.

        Parameters
        ----------
        date : Timestamp or str, optional
            One of the times of the data; the last by default. Nothing after it is used.

        Returns
        -------
        FactorRiskModel
            For the return of the next period. A group without names at the date is not in it;
            where one of the others had none on some date before, the covariance begins after it.

        Raises
        ------
        InputError
            When the date is none of the data's.
        NotEnoughData
            When there are too few factor returns up to it.
        """
        import numpy as np
        import pandas as pd

        row = self._row(date)
        as_of = self.times[row]
        n = int((self.factor_returns.index <= as_of).sum())
        settings = self.settings.factor_covariance
        if n < settings.needed:
            raise NotEnoughData(
                f"a covariance of factors takes at least {settings.needed} dates",
                value=f"{n} up to {as_of.date()}",
                remedy="ask for a later date",
            )
        loads = self.exposures(as_of)
        # A group without names at the date is one of another time, past or to come.
        empty = loads.columns[(loads == 0).to_numpy().all(axis=0)]
        loads = loads.drop(columns=empty.intersection(self._group_names))
        past = self.factor_returns.iloc[:n][loads.columns]
        notices = []
        gone = past.columns[past.isna().to_numpy().any(axis=0)]
        if len(gone):
            # A group that is new, or was without names: known dates only would mix samples.
            whole = int(past.isna().to_numpy().any(axis=1).nonzero()[0].max()) + 1
            past = past.iloc[whole:]
            notices.append(
                f"{listed(gone)} had no names on some date: the covariance begins after it."
            )
            if len(past) < settings.needed:
                raise NotEnoughData(
                    f"a covariance of factors takes {settings.needed} dates on which each group "
                    "has names",
                    value=f"{len(past)} after the last date without {listed(gone)}",
                    remedy="ask for a later date, or merge small groups",
                )
        covariance = settings.estimate(past)
        known = self.symbols.get_indexer(loads.index)
        specific = np.asarray(self.specific_returns.iloc[:n], dtype=np.float64)[:, known]
        variance, own = self.settings.specific_risk.estimate(specific, self.caps[row][known])
        if not own.all():
            notices.append(
                f"Specific risk of {listed(loads.index[~own])} is that of their size group: their "
                "history is short."
            )
        left_out = self.symbols.difference(loads.index, sort=False)
        if len(left_out):
            notices.append(f"Not in the model, for want of exposures: {listed(left_out)}.")
        return FactorRiskModel(
            kind="cross-sectional",
            as_of=as_of,
            exposures=loads,
            factor_covariance=covariance,
            specific_variance=pd.Series(variance, loads.index, name="specific variance"),
            n_observations=len(past),
            notices=tuple(notices),
            provenance=self.provenance,
        )

    def covariance(self, date: pd.Timestamp | str | None = None) -> pd.DataFrame:
        """Return the covariance of returns as of a date; see `at`."""
        return self.at(date).covariance()

    def volatility_forecasts(
        self,
        portfolios: Mapping[str, Weights | Mapping[str, float]],
        dates: Sequence[pd.Timestamp | str] | None = None,
    ) -> pd.DataFrame:
        """Forecast the volatility of portfolios from each date on, out of sample.

        Parameters
        ----------
        portfolios : mapping of str to Series or mapping
            Name -> symbol -> weight, the same at all dates.
        dates : sequence of Timestamp, optional
            When to forecast; by default every 21st date from the first that has enough behind it.

        Returns
        -------
        DataFrame, shape (date, portfolio)
            Of the return of the next period.

        Raises
        ------
        InputError
            When a symbol has no exposures at one of the dates.
        """
        import pandas as pd

        if not portfolios or (dates is not None and not len(dates)):
            raise InputError(
                "a forecast needs a portfolio and a date",
                value=f"{len(portfolios)} portfolios",
                remedy='pass {"index": weights}',
            )
        when = self._default_dates() if dates is None else [self.times[self._row(d)] for d in dates]
        rows = {}
        for date in when:
            model = self.at(date)
            rows[date] = {name: model.risk(w).total for name, w in portfolios.items()}
        return pd.DataFrame.from_dict(rows, orient="index")

    def tear_sheet(self) -> TearSheet:
        """Return what factors earned, how sure that is, and how much they explain."""
        import numpy as np
        import pandas as pd

        begin, end = self.factor_returns.index[0], self.factor_returns.index[-1]
        returns = self.factor_returns
        n = returns.notna().sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            rows = pd.DataFrame(
                {
                    "mean": returns.mean(),
                    "volatility": returns.std(),
                    "t of mean": returns.mean() / returns.std() * np.sqrt(n),
                    "mean |t|": self.t.abs().mean(),
                    "share |t| > 2": (self.t.abs() > 2).sum() / self.t.notna().sum(),
                }
            ).reindex(returns.columns)
        return TearSheet(
            title="Cross-sectional factor returns",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(returns):,} dates, "
                f"{int(self.n_names.median())} names, {returns.shape[1]} factors · "
                f"weights: {self.settings.weighting.replace('_', ' ')}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Mean R²": format_value(float(self.r_squared.mean()), ".1%"),
                        "Names": f"{int(self.n_names.min())} to {int(self.n_names.max())}",
                        "Used": format_value(
                            int(self.dropped["used"]) / int(self.dropped.sum()), ".1%"
                        ),
                    }
                ),
                Chart(
                    title="Cumulative factor returns",
                    figure=self._figure,
                    preview=lambda: line_preview(self._lines(_MOST_LINES), ".0%"),
                ),
                Chart(
                    title="R²",
                    figure=self._r_squared_figure,
                    preview=lambda: line_preview({"R²": self._smooth_r_squared()}, ".0%"),
                ),
                Table(
                    title="Factor returns",
                    rows=rows.rename_axis("factor"),
                    formats={
                        "mean": ".4%",
                        "volatility": ".3%",
                        "t of mean": ".2f",
                        "mean |t|": ".2f",
                        "share |t| > 2": ".0%",
                    },
                    note="Of one period; |t| of the weighted regressions of each date.",
                    wide=True,
                ),
                Table(title="What became of the names", rows=self.dropped.to_frame()),
            ),
        )

    def _lines(self, most: int) -> dict[str, pd.Series[float]]:
        moved = self.factor_returns.std().sort_values(ascending=False).index[:most]
        return {
            str(name): self.factor_returns[name].fillna(0.0).cumsum()
            for name in self.factor_returns.columns
            if name in moved
        }

    def _smooth_r_squared(self) -> pd.Series[float]:
        return self.r_squared.rolling(max(1, min(21, len(self.r_squared) // 8))).mean()

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        lines = self._lines(self.factor_returns.shape[1])
        figure = go.Figure([line_trace(line, name) for name, line in lines.items()])
        figure.update_yaxes(tickformat=".0%", title="sum of factor returns")
        return style_figure(
            figure,
            title="Cumulative factor returns",
            caption=self.provenance.caption,
            theme=theme,
        )

    def _r_squared_figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure(line_trace(self._smooth_r_squared(), "R²"))
        figure.update_yaxes(tickformat=".0%", title="share of the variance over names")
        return style_figure(figure, title="R²", caption=self.provenance.caption, theme=theme)

    def _row(self, date: pd.Timestamp | str | None) -> int:
        import pandas as pd

        if date is None:
            return len(self.times) - 1
        try:
            asked = pd.Timestamp(date)
        except ValueError:
            raise InputError(
                "a date must be one of the data's", value=date, remedy='pass "2024-01-31"'
            ) from None
        asked = asked.tz_localize("UTC") if asked.tz is None else asked.tz_convert("UTC")
        row = self.times.get_indexer(pd.DatetimeIndex([asked]))[0]
        if row < 0:
            raise InputError(
                "a date must be one of the data's",
                value=str(asked),
                remedy=f"they run from {self.times[0].date()} to {self.times[-1].date()}",
            )
        return int(row)

    @property
    def _group_names(self) -> pd.Index[str]:
        first = int(self.settings.intercept) + len(self.styles)
        return self.factor_returns.columns[first : first + self.n_groups]

    def _default_dates(self) -> list[pd.Timestamp]:
        begin = max(
            self.settings.factor_covariance.needed, self.settings.specific_risk.min_observations
        )
        return list(self.factor_returns.index[begin::21])

    def loads(self, row: int) -> FloatArray:
        """Return the exposures of every name, NaN where not known."""
        import numpy as np

        n = len(self.symbols)
        columns = [np.ones((n, 1))] if self.settings.intercept else []
        columns.append(self.styles[:, row].T)
        if self.n_groups:
            codes = self.groups[row]
            member = (codes[:, None] == np.arange(self.n_groups)).astype(np.float64)
            member[codes < 0] = np.nan
            columns.append(member)
        if self.n_currencies:
            held = self.currencies[:, None] == np.arange(self.n_currencies)
            columns.append(held.astype(np.float64))
        return np.hstack(columns)
