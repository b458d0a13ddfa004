"""Value at risk and expected shortfall of 500 stocks over ten years, against pandas."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from nautilus_lab.risk import HistoricalRisk

ROUNDS = 15
CALLS = 20
DAYS, SYMBOLS = 2_520, 500
CONFIDENCE = 0.99
TAIL = DAYS * 0.01
TARGET = 2.5


def book() -> tuple[pd.DataFrame, pd.Series]:
    """Return daily returns with fat tails, and what is held of each."""
    random = np.random.default_rng(20200102)
    common = 0.008 * random.standard_t(4, (DAYS, 1))
    values = common + 0.015 * random.standard_t(4, (DAYS, SYMBOLS))
    symbols = [f"S{number:03}" for number in range(SYMBOLS)]
    days = pd.bdate_range("2010-01-04", periods=DAYS, tz="UTC")
    weights = random.dirichlet(np.ones(SYMBOLS))
    return pd.DataFrame(values, days, symbols), pd.Series(weights, symbols)


def figures(losses: pd.Series) -> tuple[float, float, pd.Series]:
    """Return value at risk, expected shortfall and the tail, by our rule, in pandas."""
    tail = losses.nlargest(int(TAIL) + 1)
    at_risk = tail.iloc[-1]
    shortfall = (tail.iloc[:-1].sum() + (TAIL - int(TAIL)) * at_risk) / TAIL
    return at_risk, shortfall, tail


def multiplied(returns: pd.DataFrame, weights: pd.Series) -> tuple[float, float]:
    """The form of the textbooks: weights times returns, summed over the symbols."""
    return figures(-(returns * weights).sum(axis=1))[:2]


def dotted(returns: pd.DataFrame, weights: pd.Series) -> tuple[float, float]:
    """The fastest form that pandas has, the two figures only."""
    return figures(-(returns @ weights))[:2]


def whole(returns: pd.DataFrame, weights: pd.Series) -> tuple[float, float, pd.Series]:
    """The fastest form in pandas with all that ours tells: each symbol's contribution, too."""
    at_risk, shortfall, tail = figures(-(returns @ weights))
    shares = pd.Series(1.0, tail.index)
    shares.iloc[-1] = TAIL - int(TAIL)
    return at_risk, shortfall, -(shares / TAIL @ returns.loc[tail.index]) * weights


def ours(returns: pd.DataFrame, weights: pd.Series) -> tuple[float, float, pd.Series]:
    """By the library: every return checked, marginals and contributions by symbol included."""
    report = HistoricalRisk(confidence=CONFIDENCE).measure(returns, weights)
    return report.value_at_risk, report.expected_shortfall, report.contributions


def best_ms(call: Callable[..., object], returns: pd.DataFrame, weights: pd.Series) -> float:
    """Return the shortest of some calls, milliseconds."""
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call(returns, weights)
        times.append(time.perf_counter() - began)
    return min(times) * 1e3


def rows() -> list[dict]:
    """Check equal figures, then measure all in turn and keep the best of each."""
    returns, weights = book()
    found = ours(returns, weights)
    for peer in (multiplied, dotted, whole):
        told = peer(returns, weights)
        if not np.allclose(told[:2], found[:2], rtol=1e-12, atol=0):
            raise AssertionError(f"{peer.__name__} tells {told[:2]}, ours {found[:2]}")
    if not np.allclose(whole(returns, weights)[2], found[2], rtol=1e-9, atol=1e-15):
        raise AssertionError("the contributions differ")
    calls = (whole, dotted, multiplied, ours)
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for call in calls:
            best[call] = min(best[call], best_ms(call, returns, weights))
    ratio = best[whole] / best[ours]
    return [
        {
            "id": "03-var-es",
            "target": TARGET,
            "measured": round(ratio, 2),
            "unit": "x",
            "met": ratio >= TARGET,
            "how": (
                f"HistoricalRisk.measure on {SYMBOLS} symbols x {DAYS:,} days, checks included, "
                f"{best[ours]:.2f} ms; the fastest form of pandas with the same answer (value at "
                f"risk, expected shortfall, each symbol's contribution) {best[whole]:.2f} ms. "
                f"pandas without the contributions: returns @ weights {best[dotted]:.2f} ms "
                f"({best[dotted] / best[ours]:.1f} times ours), (returns * weights).sum(axis=1) "
                f"{best[multiplied]:.2f} ms ({best[multiplied] / best[ours]:.1f} times). Best of "
                f"{ROUNDS * CALLS} in turn, equal to 1e-12"
            ),
        }
    ]


if __name__ == "__main__":
    print(rows())
