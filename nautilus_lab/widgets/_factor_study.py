"""A factor study as a panel: how well scores foretold, how long, what a book would have made."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import ipywidgets

from nautilus_lab.exceptions import InputError
from nautilus_lab.widgets._charts import LineChart
from nautilus_lab.widgets._grid import Column, Grid
from nautilus_lab.widgets._kpi import Kpi, KpiRow
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._page import column, fixed, framed, row
from nautilus_lab.widgets._status import SimulatedBanner

_CARDS = (
    Kpi(key="ic", label="IC", digits=4, signed=True, coloured=True),
    Kpi(key="icir", label="ICIR", digits=3, signed=True, coloured=True),
    Kpi(key="t", label="t of the IC", digits=2, signed=True, coloured=True),
    Kpi(key="hit", label="IC above zero", unit="%", digits=1),
    Kpi(key="spread", label="Top less bottom", unit="bps", digits=1, signed=True, coloured=True),
    Kpi(key="turnover", label="Turnover of the top", unit="% a date", digits=1),
    Kpi(key="breakeven", label="Break-even cost", unit="bps", digits=1),
    Kpi(key="names", label="Names", digits=0),
)
_HORIZONS = (
    Column(key="horizon", label="Bars", kind="number", digits=0, width=0.7),
    Column(key="mean", label="IC", kind="number", digits=4),
    Column(key="std", label="Deviation", kind="number", digits=3),
    Column(key="icir", label="ICIR", kind="number", digits=3),
    Column(key="t", label="t", kind="signed"),
    Column(key="spread", label="Spread, bps", kind="signed", digits=1, fits=8),
)
_DECAY = (
    Column(key="horizon", label="Bars", kind="number", digits=0, width=0.7),
    Column(key="ic", label="IC", kind="signed", digits=4),
    Column(key="bar_ic", label="of the last bar", kind="signed", digits=4, width=1.3),
    Column(key="t", label="t", kind="number"),
)
_MONTHS = (
    Column(key="month", label="Month"),
    Column(key="ic", label="Mean IC", kind="signed", digits=3),
)
_DROPPED = (
    Column(key="reason", label="Scores", width=2.6, fits=30),
    Column(key="scores", label="How many", kind="number", digits=0),
)


class FactorStudyPanel:
    """A factor study on one page: cards, IC and book over time, horizons, quantiles, decay.

    Parameters
    ----------
    rows : mapping
        What `nautilus_lab.factors.FactorStudy.rows` returns: lists, texts and numbers.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Raises
    ------
    InputError
        When a part of the rows is missing.

    Examples
    --------
    >>> FactorStudyPanel({"title": "a study"})
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.InputError: rows of a study must have all parts; got no ...
    """

    def __init__(self, rows: Mapping[str, Any], *, theme: Theme = "auto") -> None:
        bars = [int(one["horizon"]) for one in rows.get("horizons", ())]
        self.banner = SimulatedBanner(text="simulated data", theme=theme)
        self.heading = ipywidgets.HTML()
        self.kpis = KpiRow(_CARDS, theme=theme)
        self.ic = LineChart(title="IC, moving mean", digits=3, height=240, base=0.0, theme=theme)
        self.book = LineChart(
            title="Long-short book, value of one unit before costs", height=240, base=1.0,
            theme=theme,
        )  # fmt: skip
        self.horizons = Grid(_HORIZONS, title="By horizon", height=150, theme=theme)
        of_bars = [
            Column(key=f"h{bar}", label=f"{bar} bars, bps", kind="signed", digits=1, fits=8)
            for bar in bars
        ]
        self.quantiles = Grid(
            [
                Column(key="quantile", label="Quantile", kind="number", digits=0),
                *of_bars,
                Column(key="turnover", label="Turnover, %", kind="number", digits=1),
            ],
            title="By quantile",
            height=200,
            theme=theme,
        )
        self.decay = Grid(_DECAY, title="Decay", height=240, theme=theme)
        self.months = Grid(_MONTHS, title="By month", height=240, newest_first=True, theme=theme)
        self.dropped = Grid(_DROPPED, title="What became of the scores", height=240, theme=theme)
        self.page = framed(
            theme,
            self.banner,
            self.heading,
            self.kpis,
            row("charts", self.ic, self.book),
            row(
                "books",
                column(fixed(self.horizons), self.quantiles),
                column(row("halves", self.decay, self.months)),
            ),
            self.dropped,
        )
        self.put(rows)

    def put(self, rows: Mapping[str, Any]) -> None:
        """Show another study of the same horizons.

        Raises
        ------
        InputError
            When a part of the rows is missing; what was shown stays then.
        """
        parts = ("horizons", "quantiles", "decay", "months", "dropped")
        wanted = ("title", "caption", "simulated", "cards", "ic", "book", *parts)
        if missing := [part for part in wanted if part not in rows]:
            raise InputError(
                "rows of a study must have all parts",
                value=f"no {', '.join(missing)}",
                remedy="pass study.rows()",
            )
        self.banner.simulated = bool(rows["simulated"])
        title, caption = html.escape(rows["title"]), html.escape(rows["caption"])
        self.heading.value = f"<b>{title}</b><br><small>{caption}</small>"
        self.kpis.put(rows["cards"])
        for chart, points in ((self.ic, rows["ic"]), (self.book, rows["book"])):
            chart.points.clear()
            chart.seed(points)
        for part in parts:
            getattr(self, part).replace(rows[part])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.page._repr_mimebundle_()

    def __repr__(self) -> str:
        return f"FactorStudyPanel({len(self.quantiles.rows)} quantiles)"
