"""Which factors are worth having: one composite score of each study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.evaluation._summary import decay_ladder, has_book

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors._study import FactorStudy

# criterion -> share of the composite; higher is better in each
CRITERIA = {
    "icir": 0.30,
    "t": 0.15,
    "monotonic": 0.15,
    "breakeven_bps": 0.15,
    "half_life": 0.10,
    "rank_autocorrelation": 0.05,
    "coverage": 0.10,
}


def score_factors(
    studies: Mapping[str, FactorStudy],
    *,
    horizon: int | None = None,
    weights: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Rank factors by what a desk asks of one, in one table.

    Parameters
    ----------
    studies : mapping of str to FactorStudy
        Name -> study; all with the horizon.
    horizon : int, optional
        The first of the first study when not given.
    weights : mapping of str to float, optional
        Criterion -> its share; those of `CRITERIA` when not given. They are scaled to sum to 1.

    Returns
    -------
    DataFrame, shape (factor, 11), the best first
        ``score``, in [0, 1]: the weighted mean of the factor's percentile among these by each
        criterion, where a criterion that is NaN counts as the lowest; ``ic``; the criteria:
        ``icir``; ``t`` of the IC; ``monotonic``, Spearman's correlation of quantile and return;
        ``breakeven_bps``; ``half_life``, bars after which a bar's IC is below half of the first
        bar's (infinite when it never is up to the longest looked at, 0 when the first is not above
        0); ``rank_autocorrelation``; ``coverage``, the share of scores handed in that was used;
        and ``turnover`` of the top quantile, ``names``.

    Raises
    ------
    InputError
        When there is no study, one lacks the horizon, or a weight is negative or of no criterion.
    """
    import pandas as pd

    if not studies:
        raise InputError("factors to score must not be none", remedy='pass {"momentum": study}')
    bar = next(iter(studies.values())).horizons[0] if horizon is None else horizon
    shares = dict(CRITERIA if weights is None else weights)
    if unknown := shares.keys() - CRITERIA.keys():
        raise InputError(
            "a weight must be of a criterion", value=sorted(unknown), remedy=", ".join(CRITERIA)
        )
    total = sum(shares.values())
    if not total > 0 or min(shares.values()) < 0:
        raise InputError("weights must not be negative, nor all 0", value=shares)
    rows = {}
    for name, study in studies.items():
        if bar not in study.horizons:
            raise InputError(
                "each study must have the horizon",
                value=f"{name}: {study.horizons}, not {bar}",
                remedy="evaluate all factors with the same horizons",
            )
        rows[name] = _criteria(study, bar)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("factor")
    score = sum(
        share / total * table[name].rank(pct=True).fillna(0.0) for name, share in shares.items()
    )
    table.insert(0, "score", score)
    return table.sort_values("score", ascending=False, kind="stable")


def _criteria(study: FactorStudy, bar: int) -> dict[str, float]:
    ic = study.ic_summary.loc[bar]
    counts = study.dropped[bar]
    return {
        "ic": ic["mean"],
        "icir": ic["icir"],
        "t": ic["t"],
        "monotonic": study.monotonicity(draws=1).loc[bar, "spearman"],
        "breakeven_bps": _breakeven(study),
        "half_life": half_life(study),
        "rank_autocorrelation": float(study.rank_autocorrelation().mean()),
        "coverage": counts["used"] / counts.sum(),
        "turnover": float(study.turnover.iloc[:, -1].mean()),
        "names": study.n_names,
    }


def _breakeven(study: FactorStudy) -> float:
    return study.portfolio().breakeven_bps if has_book(study) else math.nan


def half_life(study: FactorStudy) -> float:
    """Return the bars after which the IC of a bar is below half of the first bar's.

    Returns
    -------
    float
        Infinite when it is not within the longer of 21 bars and the longest horizon; 0 when the
        first is not above 0; NaN where no prices were given.
    """
    if study.observations.prices is None:
        return math.nan
    most = min(max(21, *study.horizons), len(study.observations.prices) - study.delay - 1)
    ladder = sorted({*decay_ladder(study), *(step for step in (1, 15, 21) if step <= most)})
    line = study.decay(ladder)["bar_ic"]
    if not line.iloc[0] > 0:
        return 0.0
    below = line.index[line < line.iloc[0] / 2]
    return float(below[0]) if len(below) else math.inf
