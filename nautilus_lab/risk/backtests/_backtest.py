"""The backtest of a value at risk: what it said against what came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_lab.display import (
    LOSS,
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
from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_series
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.risk.backtests._coverage_tests import (
    CoverageTest,
    christoffersen_test,
    conditional_coverage_test,
    kupiec_test,
)
from nautilus_lab.risk.backtests._traffic_light import TrafficLight, traffic_light

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from nautilus_lab._typing import ReturnSeries


@dataclass(frozen=True, kw_only=True, eq=False)
class VarBacktest(HasTearSheet):
    """What value at risk said against what came. A Basel-style measure.

    Attributes
    ----------
    confidence : float
        What the value at risk promised.
    exceptions : Series of bool, shape (time,)
        The periods whose loss was above it, by the P&L with more of them, missing data included.
    n_exceptions, n_observations : int
        Counted over all periods.
    actual_exceptions, hypothetical_exceptions : int or None
        By each P&L; None for one that was not given.
    missing : int
        Periods without P&L or value at risk, each an exception.
    kupiec, independence, conditional_coverage : CoverageTest
        Frequency, independence and both.
    light : TrafficLight
        Over the last 250 periods, by the P&L with more exceptions in them; over all where there
        are fewer.
    pnl, value_at_risk : Series, shape (time,)
        What was compared; NaN where missing.
    provenance : Provenance
        Where the P&L came from.
    """

    confidence: float
    exceptions: pd.Series[bool] = field(repr=False)
    n_exceptions: int
    n_observations: int
    actual_exceptions: int
    hypothetical_exceptions: int | None = None
    missing: int
    kupiec: CoverageTest = field(repr=False)
    independence: CoverageTest = field(repr=False)
    conditional_coverage: CoverageTest = field(repr=False)
    light: TrafficLight
    pnl: ReturnSeries = field(repr=False)
    value_at_risk: ReturnSeries = field(repr=False)
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    @property
    def expected(self) -> float:
        """How many exceptions the confidence promises over all periods."""
        return self.n_observations * (1 - self.confidence)

    def tear_sheet(self) -> TearSheet:
        """Return counts, zone and tests, and the P&L against the value at risk."""
        tests = (self.kupiec, self.independence, self.conditional_coverage)
        share = format(self.confidence * 100, "g") + "%"
        begin, end = self.pnl.index[0], self.pnl.index[-1]
        power = self.kupiec.power
        note = ""
        if power is not None:
            weak = ": not to reject proves little" if power < 0.8 else ""
            note = (
                "A model with twice the promised exceptions is found by Kupiec's test with a "
                f"chance of {power:.0%}{weak}. "
            )
        return TearSheet(
            title=f"Backtest of value at risk {share}",
            subtitle=f"{format_value(begin)} to {format_value(end)}",
            provenance=self.provenance,
            parts=(
                Facts(
                    values={
                        "Exceptions": f"{self.n_exceptions} of {self.n_observations:,}",
                        "Promised": f"{self.expected:,.1f}",
                        "Missing data": format_value(self.missing),
                        f"Zone, last {self.light.observations}": self.light.zone,
                    }
                ),
                Chart(
                    title="P&L and value at risk",
                    figure=self._figure,
                    preview=lambda: line_preview({"P&L": self.pnl, "-VaR": -self.value_at_risk}),
                ),
                Table(
                    title="Tests",
                    rows=[
                        {
                            "test": test.name,
                            "likelihood ratio": test.statistic,
                            "p value": test.p_value,
                            "rejected at 5%": "yes" if test.rejected() else "no",
                        }
                        for test in tests
                    ],
                    formats={"likelihood ratio": ".3f", "p value": ".4f"},
                    note=note + "A Basel-style measure, not a regulatory figure.",
                ),
            ),
        )

    def _figure(self, theme: Theme) -> go.Figure:
        import plotly.graph_objects as go

        figure = go.Figure(
            [
                line_trace(self.pnl.dropna(), "P&L"),
                line_trace(-self.value_at_risk.dropna(), "value at risk"),
            ]
        )
        over = self.pnl[self.exceptions & self.pnl.notna()]
        figure.add_scatter(
            x=over.index, y=over, mode="markers", name="exceptions", marker={"color": LOSS}
        )
        return style_figure(
            figure, title="P&L and value at risk", caption=self.provenance.caption, theme=theme
        )


def backtest_value_at_risk(
    pnl: ReturnSeries,
    value_at_risk: ReturnSeries,
    *,
    hypothetical: ReturnSeries | None = None,
    confidence: float = 0.99,
) -> VarBacktest:
    """Hold what value at risk said against what came.

    A period is an exception when its loss is not within the value at risk; where P&L or value
    at risk is missing it is one too. Of actual and hypothetical P&L, the one with more
    exceptions counts [1]_.

    Parameters
    ----------
    pnl : Series, shape (time,)
        Actual P&L, gains positive, money or fractions; NaN where it is missing.
    value_at_risk : Series, shape (time,)
        Losses positive, same unit and times, as known before each period (see `rolling_risk`);
        NaN where it is missing.
    hypothetical : Series, shape (time,), optional
        P&L of the positions of the period before, without what was traded since.
    confidence : float, default=0.99
        What the value at risk promises, in (0, 1).

    Raises
    ------
    InputError
        When `confidence` is out of bounds, or times are not tz-aware.
    BadData
        When the times of the series differ, are unsorted or repeated, or a value is infinite.
    NotEnoughData
        When there are fewer than 2 periods.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR32.
    """
    import numpy as np
    import pandas as pd

    said = _of_times("value at risk", value_at_risk, None)
    given = {"actual": _of_times("P&L", pnl, said.index)}
    if hypothetical is not None:
        given["hypothetical"] = _of_times("hypothetical P&L", hypothetical, said.index)
    # Written so that NaN is an exception.
    over = {name: ~(-one.to_numpy() <= said.to_numpy()) for name, one in given.items()}
    counts = {name: int(hits.sum()) for name, hits in over.items()}
    chosen = max(counts, key=lambda name: counts[name])
    hits = over[chosen]
    missing = np.isnan(np.column_stack([said, *given.values()])).any(axis=1)
    recent = {name: int(one[-250:].sum()) for name, one in over.items()}
    return VarBacktest(
        confidence=confidence,
        exceptions=pd.Series(hits, index=said.index, name="exception"),
        n_exceptions=counts[chosen],
        n_observations=len(hits),
        actual_exceptions=counts["actual"],
        hypothetical_exceptions=counts.get("hypothetical"),
        missing=int(missing.sum()),
        kupiec=kupiec_test(counts[chosen], len(hits), confidence=confidence),
        independence=christoffersen_test(hits),
        conditional_coverage=conditional_coverage_test(hits, confidence=confidence),
        light=traffic_light(max(recent.values()), len(hits[-250:]), confidence=confidence),
        pnl=given[chosen],
        value_at_risk=said,
        provenance=provenance(pnl),
    )


def _of_times(name: str, series: ReturnSeries, times: pd.Index[Any] | None) -> ReturnSeries:
    """Check a series in which NaN is allowed: missing data is an answer here."""
    import pandas as pd

    if not isinstance(series, pd.Series):
        raise InputError(
            f"{name} must be a Series",
            value=type(series).__name__,
            remedy="take one column: frame['SYMBOL']",
        )
    checked = require_series(series.where(series.notna(), 0.0), at_least=2, name=name)
    if times is not None and not checked.index.equals(times):
        raise BadData(
            f"{name} must have the times of the value at risk",
            value=f"{len(checked.index.symmetric_difference(times))} times in one only",
            remedy="reindex it to those times; what is missing becomes NaN, and an exception",
        )
    return pd.Series(series.to_numpy(dtype=float), index=checked.index, name=series.name)
