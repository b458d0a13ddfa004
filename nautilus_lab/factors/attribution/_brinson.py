"""Active return by group: what allocation brought, and what selection within groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.analytics import total_return
from nautilus_lab.display import (
    Chart,
    Facts,
    HasTearSheet,
    Table,
    TearSheet,
    Theme,
    bar_preview,
    format_value,
    style_figure,
)
from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.attribution._linking import Linking, linked
from nautilus_lab.factors.risk_models._aligned import labels_of, listed
from nautilus_lab.frames import require_returns, require_scores
from nautilus_lab.provenance import Provenance, provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import FloatArray, ReturnSeries, TargetWeights

_EFFECTS = ("allocation", "selection", "interaction")


@dataclass(frozen=True, kw_only=True, eq=False)
class BrinsonAttribution(HasTearSheet):
    """Active return split by group.

    Attributes
    ----------
    by_period : DataFrame, shape (time, (effect, group))
        Effects of single periods; a row sums to the active return.
    effects : DataFrame, shape (group, 4)
        ``allocation``, ``selection``, ``interaction`` and their ``total``, linked over time: they
        sum to the difference of the compounded returns.
    groups : DataFrame, shape (group, 4)
        Mean weights and mean returns of one period, of ``portfolio`` and ``benchmark``.
    portfolio, benchmark : Series, shape (time,)
        Their returns.
    method : {"carino", "menchero"}
        How effects were linked.
    provenance : Provenance
        Where the data came from.
    """

    by_period: pd.DataFrame
    effects: pd.DataFrame
    groups: pd.DataFrame
    portfolio: ReturnSeries
    benchmark: ReturnSeries
    method: Linking
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={float(self.effects[name].sum()):.4f}" for name in _EFFECTS)
        return f"BrinsonAttribution({told}, {len(self.effects)} groups)"

    @property
    def total(self) -> float:
        """The compounded return less the benchmark's."""
        return total_return(self.portfolio) - total_return(self.benchmark)

    def tear_sheet(self) -> TearSheet:
        """Return the effects by group."""
        begin, end = self.portfolio.index[0], self.portfolio.index[-1]
        sums = self.effects.sum()
        rows = self.effects.join(self.groups)
        return TearSheet(
            title="Brinson attribution",
            subtitle=(
                f"{format_value(begin)} to {format_value(end)} · {len(self.portfolio):,} periods, "
                f"{len(rows)} groups · linked after {self.method.title()}"
            ),
            provenance=self.provenance,
            parts=(
                Facts(
                    values={"Active return": format_value(self.total, ".2%")}
                    | {name.title(): format_value(float(sums[name]), ".2%") for name in _EFFECTS}
                ),
                Chart(
                    title="Active return by group",
                    figure=self._figure,
                    preview=lambda: bar_preview(
                        {str(n): float(v) for n, v in self.effects["total"].head(10).items()}, ".1%"
                    ),
                ),
                Table(
                    title="Effects",
                    rows=rows.rename_axis("group"),
                    formats=dict.fromkeys((*_EFFECTS, "total"), ".3%")
                    | dict.fromkeys(self.groups.columns, ".2%"),
                    wide=True,
                    note="Effects are linked over time; weights and returns are means of a period.",
                ),
            ),
        )

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        names = [str(name) for name in self.effects.index]
        figure = go.Figure([go.Bar(x=names, y=self.effects[one], name=one) for one in _EFFECTS])
        figure.update_layout(barmode="relative")
        figure.update_yaxes(tickformat=".1%", title="part of the active return")
        return style_figure(
            figure, title="Active return by group", caption=self.provenance.caption, theme=theme
        )


def brinson_fachler(
    weights: TargetWeights,
    benchmark: TargetWeights,
    returns: pd.DataFrame,
    groups: pd.Series[str] | Mapping[str, str],
    *,
    method: Linking = "carino",
) -> BrinsonAttribution:
    r"""Split active return into allocation, selection and interaction, group by group [1]_.

    With weights :math:`w` and returns :math:`R` of group g in portfolio (p) and benchmark (b):
    allocation :math:`(w_p - w_b)(R_b^g - R_b)`, selection :math:`w_b (R_p^g - R_b^g)`, interaction
    :math:`(w_p - w_b)(R_p^g - R_b^g)`. A group that the benchmark has not counts as earning the
    benchmark's return there; one that the portfolio has not earns what it earns in the benchmark.

    Parameters
    ----------
    weights, benchmark : DataFrame, shape (time, symbol)
        Fractions of capital that sum to 1 at each time, held from its close over the next
        period. Cash is a symbol too.
    returns : DataFrame, shape (time, symbol)
        Simple returns of the same times; NaN only where not held.
    groups : Series or mapping, symbol -> group
        Asset classes, sectors, currencies or countries; of every symbol.
    method : {"carino", "menchero"}, default="carino"
        How effects are linked; see `linked`.

    Returns
    -------
    BrinsonAttribution

    Raises
    ------
    InputError
        When symbols or times differ, weights do not sum to 1 or a symbol has no group.
    BadData
        When a holding has no return, a value is infinite or times are unsorted.

    References
    ----------
    .. [1] Brinson, G. P. and Fachler, N. (1985). Measuring non-US equity portfolio performance.
       Journal of Portfolio Management 11(3), 73-76.
    """
    import numpy as np
    import pandas as pd

    earned = require_scores(returns, name="returns")
    amounts = _whole(weights, earned, "weights")[:-1]
    compared = _whole(benchmark, earned, "benchmark")[:-1]
    labels = labels_of(groups, earned.columns, "groups")
    gains = np.asarray(earned.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)[1:]
    times = earned.index[1:]
    unheard = ~np.isfinite(gains) & ((amounts != 0) | (compared != 0))
    if unheard.any():
        row, column = np.argwhere(unheard)[0]
        raise BadData(
            "every holding must have a return",
            value=f"none of {earned.columns[column]} at {times[row].date()}",
            remedy="sell it before, or mend its return",
        )
    gains = np.where(np.isfinite(gains), gains, 0.0)
    codes, names = pd.factorize(labels, sort=True)
    member = (codes[:, None] == np.arange(len(names))).astype(np.float64)
    w_p, w_b = amounts @ member, compared @ member
    c_p, c_b = (amounts * gains) @ member, (compared * gains) @ member
    total_p, total_b = c_p.sum(axis=1), c_b.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        r_b = np.where(w_b != 0, c_b / w_b, total_b[:, None])
        r_p = np.where(w_p != 0, c_p / w_p, r_b)
    allocation = (w_p - w_b) * (r_b - total_b[:, None])
    selection = w_b * (r_p - r_b)
    # Written as what is left, it also holds what long and short positions of weight 0 earned.
    interaction = c_p - w_p * r_b - selection
    keys = pd.MultiIndex.from_product([_EFFECTS, list(map(str, names))], names=["effect", "group"])
    by_period = pd.DataFrame(np.hstack([allocation, selection, interaction]), times, keys)
    portfolio = pd.Series(total_p, times, name="portfolio")
    bench = pd.Series(total_b, times, name="benchmark")
    sums = linked(by_period, portfolio, bench, method=method).sum()
    effects = pd.DataFrame({one: sums[one] for one in _EFFECTS}, index=list(map(str, names)))
    effects["total"] = effects.sum(axis=1)
    return BrinsonAttribution(
        by_period=by_period,
        effects=effects.rename_axis("group"),
        groups=pd.DataFrame(
            {
                "weight": w_p.mean(axis=0),
                "benchmark weight": w_b.mean(axis=0),
                "return": r_p.mean(axis=0),
                "benchmark return": r_b.mean(axis=0),
            },
            index=effects.index,
        ),
        portfolio=portfolio,
        benchmark=bench,
        method=method,
        provenance=provenance(returns, weights, benchmark),
    )


def _whole(weights: TargetWeights, returns: pd.DataFrame, name: str) -> FloatArray:
    """Return weights by the columns of returns, checked to sum to 1."""
    import numpy as np

    frame = require_returns(weights, at_least=2, name=name)
    unknown = frame.columns.difference(returns.columns, sort=False)
    if len(unknown) or not frame.index.equals(returns.index):
        differ = frame.index.symmetric_difference(returns.index)
        raise InputError(
            f"{name} must have the times of returns, and symbols that have returns",
            value=listed(unknown) if len(unknown) else f"{len(differ)} times differ",
            remedy=f"align them: {name}.reindex(returns.index)",
        )
    values = np.asarray(frame.reindex(columns=returns.columns, fill_value=0.0), dtype=np.float64)
    off = np.abs(values.sum(axis=1) - 1)
    if off.max() > 1e-6:
        place = int(off.argmax())
        raise InputError(
            f"{name} must sum to 1 at each time",
            value=f"{values[place].sum():.6g} at {frame.index[place].date()}",
            remedy="add what is not invested as a symbol of its own: cash",
        )
    return values
