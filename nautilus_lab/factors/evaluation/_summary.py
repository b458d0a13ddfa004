"""A study in one table, and as plain rows for dashboards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors._study import FactorStudy
    from nautilus_lab.factors.evaluation._observations import Observations

_POINTS = 800  # of a line on a panel, about


def names_over_time(observations: Observations) -> pd.DataFrame:
    """Return how many names each date scored, and used by horizon, shape (time, 1 + horizons)."""
    import numpy as np
    import pandas as pd

    counts: dict[Any, Any] = {"scored": np.isfinite(observations.raw_scores).sum(axis=1)}
    for bar, found in observations.reasons.items():
        counts[bar] = (found == 0).sum(axis=1)
    return pd.DataFrame(counts, observations.times)


def has_book(study: FactorStudy) -> bool:
    """Whether returns of one bar are there to make a book of."""
    return study.observations.prices is not None or 1 in study.observations.given


def summary(study: FactorStudy) -> pd.DataFrame:
    """Return the figures of a study, shape (figure, horizon)."""
    import pandas as pd

    rises, spread = study.monotonicity(), study.spread_summary
    book = study.portfolio() if has_book(study) else None
    table = pd.DataFrame(
        {
            "IC": study.ic_summary["mean"],
            "IC, Pearson": study.pearson_ic.mean(),
            "ICIR": study.ic_summary["icir"],
            "t of the IC": study.ic_summary["t"],
            "IC above zero": study.ic_summary["positive_share"],
            "spread": spread["mean"],
            "error of the spread": spread["error"],
            "t of the spread": spread["t"],
            "spread above zero": spread["hit_rate"],
            "Spearman of the quantiles": rises["spearman"],
            "p of monotonic": rises["p_value"],
            "dates": study.ic_summary["n_dates"],
        }
    )
    table["turnover of the top"] = float(study.turnover.iloc[:, -1].mean())
    table["rank autocorrelation"] = float(study.rank_autocorrelation().mean())
    table["break-even cost, bps"] = book.breakeven_bps if book is not None else math.nan
    return table.T.rename_axis(index="figure", columns="horizon")


def plain_rows(study: FactorStudy) -> dict[str, Any]:
    """Return what a dashboard shows of a study: lists, texts and numbers only.

    Returns
    -------
    dict
        ``title``, ``caption``, ``simulated``; ``cards`` (name -> number); ``ic`` and ``book``,
        lists of (UNIX ns, value); ``horizons``, ``quantiles``, ``decay``, ``months``, ``dropped``:
        lists of rows with an ``id``.
    """
    first = study.horizons[0]
    top = study.turnover.columns[-1]
    book = study.portfolio() if has_book(study) else None
    row = {str(name): float(line[first]) for name, line in study.ic_summary.items()}
    smooth = study.ic[first].rolling(max(1, min(63, len(study.ic) // 8))).mean().dropna()
    growth = (1 + book.gross_returns).cumprod() if book is not None else study.ic[first].iloc[:0]
    months: Any = study.ic_by_period("month")[first]
    return {
        "title": f"Factor study, {len(study.ic):,} dates, {study.n_names} names",
        "caption": study.provenance.caption,
        "simulated": study.provenance.simulated,
        "cards": {
            "ic": row["mean"],
            "icir": row["icir"],
            "t": row["t"],
            "hit": 100 * row["positive_share"],
            "spread": 1e4 * float(study.spread[first].mean()),
            "turnover": 100 * float(study.turnover[top].mean()),
            "breakeven": book.breakeven_bps if book is not None else math.nan,
            "names": float(study.n_names),
        },
        "ic": _points(smooth),
        "book": _points(growth),
        "horizons": [
            {"id": str(bar), "horizon": int(str(bar))}
            | {str(name): float(value) for name, value in line.items()}
            | {"spread": 1e4 * float(study.spread[bar].mean())}
            for bar, line in study.ic_summary.iterrows()
        ],
        "quantiles": [
            {
                "id": str(quantile),
                "quantile": int(str(quantile)),
                "turnover": 100 * float(study.turnover[quantile].mean()),
            }
            | {f"h{bar}": 1e4 * float(value) for bar, value in line.items()}
            for quantile, line in study.quantile_returns.iterrows()
        ],
        "decay": [
            {"id": str(bar), "horizon": int(str(bar))}
            | {str(name): float(value) for name, value in line.items()}
            for bar, line in study.decay(decay_ladder(study)).iterrows()
        ],
        "months": [
            {"id": f"{year}-{month:02d}", "month": f"{year}-{month:02d}", "ic": float(value)}
            for (year, month), value in months.items()
        ],
        "dropped": [
            {"id": str(reason), "reason": str(reason), "scores": int(line[first])}
            for reason, line in study.dropped.iterrows()
        ],
    }


def decay_ladder(study: FactorStudy) -> list[int]:
    """Return the horizons whose decay is drawn: each bar of a week, then wider and wider."""
    prices = study.observations.prices
    if prices is None:
        return sorted(study.horizons)
    most = min(max(10, *study.horizons), len(prices) - study.delay - 1)
    steps = [1, 2, 3, 4, 5, 7, 10, 15, 21, 31, 42, 63, 84, 126, 189, 252]
    return sorted({*(step for step in steps if step <= most), *study.horizons})


def _points(line: pd.Series[float]) -> list[tuple[int, float]]:
    """Return (UNIX ns, value), some hundreds of them; the last is always there."""
    import pandas as pd

    kept = line.iloc[:: -max(1, len(line) // _POINTS)].iloc[::-1]
    times = pd.DatetimeIndex(kept.index).as_unit("ns").asi8
    return [(int(ns), float(value)) for ns, value in zip(times, kept.to_numpy(), strict=True)]
