"""One factor studied in depth, beside alphalens-reloaded: the same numbers, checked first.

The panel is declared synthetic: 500 names over 2 520 days with a weak planted foresight, ties and
gaps. Peer and ours run in one process, in turn.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from benchmarks._in_turn import in_turn
from nautilus_lab.factors import evaluate

ASSETS, DATES = 500, 2_520
HORIZONS = (1, 5, 10)
ROUNDS = 3


def row(key: str, target: float, measured: float, how: str) -> dict:
    return {
        "id": key,
        "target": float(target),
        "measured": float(measured),
        "unit": "x",
        "met": bool(measured >= target),
        "how": how,
    }


def panel() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2010-01-04", periods=DATES, tz="UTC")
    names = [f"S{i:03d}" for i in range(ASSETS)]
    walk = np.cumsum(rng.standard_normal((DATES, ASSETS)) * 0.01, axis=0)
    prices = pd.DataFrame(100 * np.exp(walk), days, names)
    ahead = (prices.shift(-6) / prices.shift(-1) - 1).fillna(0.0)
    scores = (ahead + rng.standard_normal(prices.shape) * 0.2).round(3)
    return scores.mask(rng.random(scores.shape) < 0.1), prices


def rows() -> list[dict]:
    warnings.simplefilter("ignore")  # alphalens has its own, on pandas 3
    from alphalens import performance, utils

    scores, prices = panel()
    # alphalens trades at the close of the signal: hand it the prices of the next one.
    entry = prices.shift(-1).iloc[:-1]
    stacked = scores.iloc[:-1].stack()
    stacked.index.names = ["date", "asset"]

    def cleaned() -> pd.DataFrame:
        return utils.get_clean_factor_and_forward_returns(
            stacked, entry, quantiles=5, periods=HORIZONS, max_loss=1.0
        )

    def figures(clean: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
        return (
            performance.factor_information_coefficient(clean),
            performance.mean_return_by_quantile(clean, demeaned=False)[0],
            performance.quantile_turnover(clean["factor_quantile"], 5).dropna(),
            performance.factor_rank_autocorrelation(clean).dropna(),
        )

    clean = cleaned()
    ic, means, turnover, ranks = figures(clean)
    study = evaluate(clean)
    worst = max(
        np.abs(study.ic.to_numpy() - ic.to_numpy()).max(),
        np.abs(study.quantile_returns.to_numpy() - means.to_numpy()).max(),
        np.abs(study.turnover[5].to_numpy() - turnover.to_numpy()).max(),
        np.abs(study.rank_autocorrelation().to_numpy() - ranks.to_numpy()).max(),
    )
    by_prices = evaluate(scores, prices, horizons=HORIZONS)
    apart = np.abs(by_prices.ic.to_numpy()[: len(ic)] - ic.to_numpy()).max()
    if not max(worst, apart) < 1e-6:
        raise AssertionError(f"alphalens' figures differ by {worst} and {apart}")

    whole, ours = in_turn(
        ROUNDS,
        lambda: figures(cleaned()),
        lambda: evaluate(scores, prices, horizons=HORIZONS).rank_autocorrelation(),
    )
    counted, given = in_turn(
        ROUNDS, lambda: figures(clean), lambda: evaluate(clean).rank_autocorrelation()
    )
    what = (
        f"{ASSETS} names x {DATES:,} dates, ties and a tenth of gaps: IC at {len(HORIZONS)} "
        "horizons, returns of 5 quantiles, turnover, rank autocorrelation"
    )
    return [
        row(
            "04-evaluate-alphalens",
            10,
            whole / ours,
            f"{what}, from scores and prices in {ours:.2f} s, every dropped score accounted for, "
            f"against {whole:.1f} s of alphalens-reloaded; IC equal to {apart:.0e}; best of "
            f"{ROUNDS} in turn",
        ),
        row(
            "04-evaluate-alphalens-clean",
            2,
            counted / given,
            f"{what}, from alphalens' own clean frame in {given:.2f} s, against its "
            f"{counted:.1f} s; all equal to {worst:.0e}; best of {ROUNDS} in turn",
        ),
    ]
