"""How series of factors move together, now and with lags."""

from __future__ import annotations

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
)
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import listed, require_count
from nautilus_lab.factors.risk_models._model import heat_map
from nautilus_lab.factors.risk_models._time_series import automatic_lags
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import BoolArray, FloatArray

Errors: TypeAlias = Literal["bartlett", "newey_west"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossCorrelation(HasTearSheet):
    """Correlations of series with each other, at several lags.

    Attributes
    ----------
    lagged : DataFrame, shape (pair and lag, 4)
        By ``leader``, ``follower`` and ``lag``: ``rho``, the correlation of the leader with the
        follower `lag` periods later; ``error``, what it would deviate by if the two had nothing
        to do with each other; ``t``; and ``n``, the pairs of periods.
    order : tuple of str
        The series, so that those that move together stand together.
    n_observations : int
        Periods that know all series.
    errors : {"bartlett", "newey_west"}
        How errors were found.
    provenance : Provenance
        Where the series came from.
    """

    lagged: pd.DataFrame
    order: tuple[str, ...]
    n_observations: int
    errors: Errors
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        return (
            f"CrossCorrelation({len(self.order)} series, lags 0 to {self.max_lag}, "
            f"{self.n_observations} periods)"
        )

    @property
    def max_lag(self) -> int:
        """The longest lag."""
        return int(self.lagged.index.get_level_values("lag").max())

    @property
    def contemporaneous(self) -> pd.DataFrame:
        """The correlations of the same periods, in `order`."""
        return self.at(0)

    def at(self, lag: int) -> pd.DataFrame:
        """Return the correlations of leaders (rows) with followers `lag` periods later.

        Raises
        ------
        InputError
            When the lag was not computed.
        """
        if not 0 <= lag <= self.max_lag:
            raise InputError(
                "a lag must be one of those computed",
                value=lag,
                remedy=f"0 to {self.max_lag}, or pass a larger max_lag",
            )
        wide = self.lagged["rho"].xs(lag, level="lag").unstack("follower")
        return wide.loc[list(self.order), list(self.order)]

    def strongest(self, count: int = 10, *, lagged_only: bool = False) -> pd.DataFrame:
        """Return the pairs whose correlation is furthest from chance, by size of t.

        Parameters
        ----------
        count : int, default=10
            How many.
        lagged_only : bool, default=False
            Leave out those of the same period.
        """
        table = self.lagged
        lag = table.index.get_level_values("lag")
        leader = table.index.get_level_values("leader").astype(str)
        follower = table.index.get_level_values("follower").astype(str)
        # Without a lag a pair is named once.
        kept = (lag > 0) | ((leader < follower) & (not lagged_only))
        table = table[kept]
        return table.reindex(table["t"].abs().sort_values(ascending=False).index).head(count)

    def tear_sheet(self) -> TearSheet:
        """Return the map of correlations and the strongest with and without a lag."""
        now = self.contemporaneous
        beside = now.to_numpy()[~_diagonal(len(now))]
        formats = {"rho": ".3f", "error": ".3f", "t": ".1f"}
        return TearSheet(
            title="Cross-correlation",
            subtitle=(
                f"{len(self.order)} series · {self.n_observations:,} periods · errors after "
                f"{self.errors.replace('_', ' and ').title().replace('And', 'and')}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Mean correlation": format_value(float(beside.mean()), ".2f"),
                        "Mean |correlation|": format_value(float(abs(beside).mean()), ".2f"),
                        "Greatest": format_value(float(beside.max()), ".2f"),
                        "Least": format_value(float(beside.min()), ".2f"),
                    }
                ),
                Chart(title="Correlation", figure=self._figure),
                Table(
                    title="Correlation, clustered",
                    rows=now.rename_axis(""),
                    formats=dict.fromkeys(map(str, now.columns), ".2f"),
                    wide=True,
                    most=20,
                ),
                Table(title="Strongest, same period", rows=self._now(), formats=formats),
                Table(
                    title="Strongest, lagged",
                    rows=self.strongest(lagged_only=True).reset_index(),
                    formats=formats,
                    note=(
                        f"Of {len(self.lagged):,} correlations looked at: by chance one in twenty "
                        "has a |t| above 2."
                    ),
                ),
            ),
        )

    def _now(self) -> pd.DataFrame:
        same = self.lagged.index.get_level_values("lag") == 0
        found = self.strongest(len(self.lagged))
        return found[found.index.isin(self.lagged.index[same])].head(10).reset_index()

    def _figure(self, theme: Theme) -> go.Figure:
        return heat_map(
            self.contemporaneous,
            title="Correlation",
            caption=self.provenance.caption,
            theme=theme,
        )


def cross_correlation(
    series: pd.DataFrame,
    *,
    max_lag: int = 5,
    errors: Errors = "newey_west",
    lags: int | None = None,
) -> CrossCorrelation:
    r"""Correlate every series with every other, in the same period and with lags.

    For factor returns, ICs, spreads; whatever has no trend. Means and deviations are those of all
    periods, so that :math:`\rho_{xy}(l) = \frac{1}{n} \sum_t z_{x,t} z_{y,t+l}`, as in the usual
    definition.

    Parameters
    ----------
    series : DataFrame, shape (time, series)
        At least two. NaN before the first and after the last period that knows all of them are
        left out; a gap in between is refused.
    max_lag : int, default=5
        The longest lag, in periods.
    errors : {"newey_west", "bartlett"}, default="newey_west"
        ``newey_west``: of the mean of the products, for series whose variances move together.
        ``bartlett``: root of :math:`\frac{1}{n} \sum_j (1 - |j| / (L + 1)) \rho_x(j) \rho_y(j)`
        over :math:`|j|` up to `lags`, :math:`L`; :math:`1 / \sqrt n` for series that do not
        follow themselves [1]_. Both are of series that
        have nothing to do with each other: a series with itself at lag 0 has none.
    lags : int, optional
        How far autocorrelation counts; by default ``floor(4 (n / 100) ** (2 / 9))``.

    Returns
    -------
    CrossCorrelation

    Raises
    ------
    InputError
        When there is one series only, or a setting is out of its bounds.
    NotEnoughData
        When fewer than ``max_lag + 3`` periods know all series.
    BadData
        When a value is infinite, a gap lies in between, or a series never varies: it is named.

    References
    ----------
    .. [1] Bartlett, M. S. (1955). An Introduction to Stochastic Processes. Cambridge.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> days = pd.date_range("2024-01-01", periods=500, tz="UTC")
    >>> lead = pd.Series(rng.normal(size=500), days)
    >>> both = pd.DataFrame({"lead": lead, "follow": lead.shift(2) + rng.normal(size=500)})
    >>> cross_correlation(both).strongest(1, lagged_only=True)["rho"].round(2).to_dict()
    {('lead', 'follow', 2): 0.74}
    """
    import numpy as np
    import pandas as pd

    frame = require_scores(series, name="series")
    if frame.shape[1] < 2:
        raise InputError(
            "a correlation takes two series", value=frame.shape[1], remedy="pass more columns"
        )
    if errors not in ("newey_west", "bartlett"):
        raise InputError(
            "errors must be newey_west or bartlett", value=errors, remedy='pass "newey_west"'
        )
    require_count(max_lag, "max_lag", least=0)
    values = _whole(frame, max_lag + 3)
    n = len(values)
    chosen = automatic_lags(n) if lags is None else require_count(lags, "lags", least=0, most=n - 1)
    still = values.min(axis=0) == values.max(axis=0)
    if still.any():
        raise BadData(
            "every series must vary",
            value=listed(frame.columns[still]),
            remedy="drop it: what is constant correlates with nothing",
        )
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    names = [str(name) for name in frame.columns]
    bartlett = _bartlett(z, chosen) if errors == "bartlett" else None
    parts = []
    for lag in range(max_lag + 1):
        rho = z[: n - lag].T @ z[lag:] / n
        error = bartlett if bartlett is not None else _newey_west(z, rho, lag, chosen)
        if not lag:
            error = error.copy()
            np.fill_diagonal(error, np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = rho / error
        keys = pd.MultiIndex.from_product(
            [names, names, [lag]], names=["leader", "follower", "lag"]
        )
        parts.append(
            pd.DataFrame(
                {"rho": rho.ravel(), "error": error.ravel(), "t": ratio.ravel(), "n": n - lag}, keys
            )
        )
    return CrossCorrelation(
        lagged=pd.concat(parts),
        order=tuple(names[place] for place in _clustered(z.T @ z / n)),
        n_observations=n,
        errors=errors,
        provenance=provenance(series),
    )


def _whole(frame: pd.DataFrame, at_least: int) -> FloatArray:
    """Return the periods from the first to the last that know all series."""
    import numpy as np

    values = np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    known = np.isfinite(values).all(axis=1)
    rows = np.flatnonzero(known)
    if len(rows) < at_least:
        unknown = frame.columns[np.isnan(values).all(axis=0)]
        raise NotEnoughData(
            f"correlations take at least {at_least} periods that know all series",
            value=f"{len(rows)}" + (f"; never known: {listed(unknown)}" if len(unknown) else ""),
            remedy="drop series that are seldom known, or pass a smaller max_lag",
        )
    part = values[rows[0] : rows[-1] + 1]
    if len(rows) < len(part):
        row, column = np.argwhere(np.isnan(part))[0].tolist()
        raise BadData(
            "series must have no gap between their first and last period: lags count periods",
            value=f"{frame.columns[column]} at {frame.index[rows[0] + row].date()}",
            remedy="drop the series, or those periods if a lag across them is meant",
        )
    return part


def _newey_west(z: FloatArray, rho: FloatArray, lag: int, lags: int) -> FloatArray:
    """Return the errors of the means of products, each pair by itself."""
    import numpy as np

    n, k = z.shape
    found = np.empty((k, k))
    for leader in range(k):
        products = z[: n - lag, [leader]] * z[lag:]
        off = products - products.mean(axis=0)
        variance = (off**2).sum(axis=0)
        for step in range(1, min(lags, len(off) - 1) + 1):
            variance += 2 * (1 - step / (lags + 1)) * (off[step:] * off[:-step]).sum(axis=0)
        found[leader] = np.sqrt(variance.clip(min=0.0)) / n
    return found


def _bartlett(z: FloatArray, lags: int) -> FloatArray:
    """Return the errors under independence, from how each series follows itself."""
    import numpy as np

    n = len(z)
    total = np.ones((z.shape[1], z.shape[1]))
    for j in range(1, lags + 1):
        own = (z[: n - j] * z[j:]).sum(axis=0) / n
        # With falling weights the sum is a variance: it cannot become negative.
        total += 2 * (1 - j / (lags + 1)) * np.outer(own, own)
    return np.asarray(np.sqrt(total.clip(min=0.0) / n), dtype=np.float64)


def _clustered(correlation: FloatArray) -> list[int]:
    """Return an order in which what moves together stands together."""
    import numpy as np
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = np.sqrt(((1 - correlation) / 2).clip(min=0.0))
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform((distance + distance.T) / 2, checks=False), "average", True)
    return [int(place) for place in leaves_list(tree)]


def _diagonal(n: int) -> BoolArray:
    import numpy as np

    return np.eye(n, dtype=bool)
