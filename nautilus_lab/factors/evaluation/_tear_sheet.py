"""A factor study as a tear sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_lab.display import (
    Chart,
    Facts,
    Part,
    Table,
    TearSheet,
    bar_preview,
    format_value,
    histogram_preview,
    line_preview,
)
from nautilus_lab.factors.evaluation._figures import StudyFigures, bars
from nautilus_lab.factors.evaluation._newey_west import newey_west_t

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors._study import FactorStudy

_DRAWN = 120  # points of a line in a preview


def factor_tear_sheet(study: FactorStudy, *, periods_per_year: float | None = None) -> TearSheet:
    """Return figures, charts and tables of a study; see `FactorStudy.tear_sheet`."""
    draw = StudyFigures(study=study)
    begin, end = study.ic.index[0], study.ic.index[-1]
    parts: list[Part] = [Facts(values=_facts(study, draw)), *_charts(study, draw)]
    if draw.book is not None:
        parts.append(_book_table(draw, periods_per_year))
    parts += _tables(study)
    return TearSheet(
        title="Factor study",
        subtitle=(
            f"{format_value(begin)} to {format_value(end)} · {len(study.ic):,} dates, "
            f"{study.n_names} names · {_trades(study.delay)}"
        ),
        provenance=study.provenance,
        parts=tuple(parts),
    )


def _trades(delay: int) -> str:
    if delay == 0:
        return "trades at the close of the signal"
    return "trades at the next close" if delay == 1 else f"trades {delay} bars later"


def _facts(study: FactorStudy, draw: StudyFigures) -> dict[str, str]:
    facts = {}
    for bar, row in study.ic_summary.iterrows():
        facts[f"IC, {bars(bar)}"] = format_value(float(row["mean"]), ".4f")
        facts[f"t, {bars(bar)}"] = format_value(float(row["t"]), ".2f")
    first: Any = study.ic_summary.loc[draw.first]
    facts[f"ICIR, {bars(draw.first)}"] = format_value(float(first["icir"]), ".3f")
    facts["IC above zero"] = format_value(float(first["positive_share"]), ".1%")
    top = study.turnover.columns[-1]
    facts["Turnover of the top"] = format_value(float(study.turnover[top].mean()), ".1%")
    if draw.book is not None:
        facts["Break-even cost"] = format_value(draw.book.breakeven_bps, ".1f") + " bps"
    return facts


def _charts(study: FactorStudy, draw: StudyFigures) -> list[Chart]:
    first = draw.first
    charts = [
        Chart(
            title="Information coefficient",
            figure=draw.ic_figure,
            preview=lambda: line_preview(_thin(draw.smooth_ic()), ".2f"),
        ),
        Chart(title="Mean IC by month", figure=draw.month_figure),
        Chart(
            title="Distribution of the IC",
            figure=draw.histogram_figure,
            preview=lambda: histogram_preview(
                study.ic[first].dropna(), {"mean": float(study.ic[first].mean())}, ".2f"
            ),
        ),
        Chart(title="IC against a normal law", figure=draw.quantile_quantile_figure),
        Chart(
            title="Return by quantile",
            figure=draw.quantile_figure,
            preview=lambda: bar_preview(
                {
                    f"Q{quantile}": float(value)
                    for quantile, value in study.quantile_returns[first].items()
                },
                ".3%",
            ),
        ),
        Chart(title="Top less bottom quantile", figure=draw.spread_figure),
    ]
    if draw.book is not None:
        charts += [
            Chart(
                title="Growth by quantile",
                figure=draw.growth_figure,
                preview=lambda: line_preview(_thin(draw.growth()), ".2f", log=True),
            ),
            Chart(
                title="Long-short book",
                figure=draw.book_figure,
                preview=lambda: line_preview(_thin(draw.book_growth()), ".2f"),
            ),
        ]
    charts += [
        Chart(
            title="Decay",
            figure=draw.decay_figure,
            preview=lambda: bar_preview(
                {str(bar): float(value) for bar, value in draw.decay["ic"].items()}, ".3f"
            ),
        ),
        Chart(
            title="Turnover",
            figure=draw.turnover_figure,
            preview=lambda: line_preview(_thin(draw.turnover()), ".0%"),
        ),
    ]
    if study.observations.labels is not None:
        charts.append(
            Chart(
                title="IC within each group",
                figure=draw.group_figure,
                preview=lambda: bar_preview(
                    {
                        str(name): float(value)
                        for name, value in study.ic_by_group()
                        .xs(first, level="horizon")["mean"]
                        .items()
                    },
                    ".3f",
                ),
            )
        )
    charts.append(Chart(title="Names over time", figure=draw.names_figure))
    return charts


def _thin(lines: dict[str, pd.Series[float]]) -> dict[str, pd.Series[float]]:
    return {name: line.iloc[:: max(1, len(line) // _DRAWN)] for name, line in lines.items()}


def _book_table(draw: StudyFigures, periods_per_year: float | None) -> Table:
    """Return the books by score and by quantile, side by side."""
    import numpy as np
    import pandas as pd

    study = draw.study
    rows = {}
    books = {"by score": draw.book, "top less bottom": study.portfolio(weighting="quantile")}
    if study.observations.labels is not None:
        books["by score, neutral to groups"] = study.portfolio(neutral="group")
    for name, book in books.items():
        if book is None:
            continue
        returns = np.asarray(book.gross_returns, dtype=np.float64)
        row = {
            "mean, bps a bar": 1e4 * float(returns.mean()),
            "t": newey_west_t(returns, 0),
            "traded a bar": float(book.turnover.mean()),
            "break-even, bps": book.breakeven_bps,
        }
        if periods_per_year is not None and len(returns) > 2:
            did = book.performance(periods_per_year=periods_per_year)
            row |= {
                "return a year": did.annual_return,
                "Sharpe ratio": did.sharpe_ratio,
                "max drawdown": did.max_drawdown.depth,
            }
            if did.market is not None:
                row |= {
                    "alpha a year": did.market.alpha,
                    "t of alpha": did.market.alpha_t,
                    "beta": did.market.beta,
                }
        rows[name] = row
    percent = ("traded a bar", "return a year", "max drawdown", "alpha a year")
    compared = any("beta" in row for row in rows.values())
    plain = ("mean, bps a bar", "t", "break-even, bps", "Sharpe ratio", "t of alpha", "beta")
    return Table(
        title="Long-short books",
        rows=pd.DataFrame.from_dict(rows, orient="index").rename_axis("book"),
        formats=dict.fromkeys(percent, ".1%") | dict.fromkeys(plain, ".2f"),
        note=(
            "Before costs, traded at each signal; sizes sum to 1. Break-even is the cost of a "
            "trade that would eat the mean return, below 0 where that is a loss."
            + (" Alpha and beta against all scored names." if compared else "")
        ),
        wide=True,
    )


def _tables(study: FactorStudy) -> list[Part]:
    rises = study.monotonicity()
    quantiles = study.quantile_returns.rename(columns=bars).assign(turnover=study.turnover.mean())
    spread = study.spread_summary.join(rises[["spearman", "p_value"]])
    return [
        Table(
            title="Information coefficient by horizon",
            rows=study.ic_summary.rename(columns={"n_dates": "dates"}).rename(
                columns=lambda name: str(name).replace("_", " ")
            ),
            formats={
                "mean": ".4f",
                "std": ".3f",
                "icir": ".3f",
                "t": ".2f",
                "positive share": ".1%",
            },
            note="t by Newey and West with horizon - 1 lags.",
        ),
        Table(
            title="Top less bottom quantile by horizon",
            rows=spread.drop(columns="n_dates").rename(
                columns={
                    "hit_rate": "above zero",
                    "spearman": "rank of quantiles",
                    "p_value": "p of monotonic",
                }
            ),
            formats={
                "mean": ".3%",
                "error": ".3%",
                "t": ".2f",
                "above zero": ".1%",
                "rank of quantiles": ".2f",
                "p of monotonic": ".3f",
            },
            note=(
                "Of the whole holding period. Monotonic: by Patton and Timmermann, small when "
                "returns rise with each quantile."
            ),
        ),
        Table(
            title="Mean return by quantile and horizon",
            rows=quantiles,
            formats={bars(bar): ".3%" for bar in study.horizons} | {"turnover": ".1%"},
            note="Of the whole holding period, equally weighted; turnover per date.",
        ),
        Table(
            title="What became of the scores", rows=study.dropped.rename(columns=bars), wide=True
        ),
    ]
