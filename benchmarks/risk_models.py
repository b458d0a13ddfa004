"""Factor risk models of 500 names over ten years, beside loops of statsmodels.

The panel is synthetic: times do not depend on what returns are. Every peer runs in this process,
in turn with ours, on a part of the work where all of it would take minutes; equal results are
checked first.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.regression.rolling import RollingOLS
from threadpoolctl import threadpool_limits

from benchmarks._in_turn import in_turn
from nautilus_lab.factors.attribution import attribute_holdings
from nautilus_lab.factors.risk_models import (
    CrossSectionalModel,
    factor_regression,
    rolling_regression,
    standardised,
)

NAMES, DAYS, STYLES, GROUPS, WINDOW = 500, 2_520, 10, 11, 252
ROUNDS = 5


def row(key: str, target: float, measured: float, how: str) -> dict:
    return {
        "id": key,
        "target": float(target),
        "measured": float(measured),
        "unit": "x",
        "met": bool(measured >= target),
        "how": how,
    }


def cross_sectional_rows() -> list[dict]:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2010-01-04", periods=DAYS, tz="UTC")
    names = [f"S{i:03d}" for i in range(NAMES)]
    caps = pd.DataFrame(np.tile(np.exp(rng.normal(8, 1.2, NAMES)), (DAYS, 1)), days, names)
    groups = pd.Series([f"G{i % GROUPS:02d}" for i in range(NAMES)], names)
    exposures = {
        f"style {i}": standardised(pd.DataFrame(rng.normal(size=(DAYS, NAMES)), days, names), caps)
        for i in range(STYLES)
    }
    returns = pd.DataFrame(rng.normal(0, 0.02, (DAYS, NAMES)), days, names)
    model = CrossSectionalModel()

    def ours() -> object:
        return model.fit(returns, exposures, caps=caps, groups=groups)

    fit = ours()
    some = np.linspace(1, DAYS - 1, 120).astype(int)
    dummies = pd.get_dummies(groups, dtype=float).to_numpy()
    shares = np.asarray(caps.iloc[0]) @ dummies
    kept = dummies[:, :-1] - dummies[:, [-1]] * (shares[:-1] / shares[-1])
    stack = np.stack([one.to_numpy() for one in exposures.values()], axis=2)
    weights = np.sqrt(caps.to_numpy())
    earned = returns.to_numpy()

    def design(date: int) -> np.ndarray:
        return np.column_stack([np.ones(NAMES), stack[date - 1], kept])

    def by_statsmodels() -> list[tuple[np.ndarray, np.ndarray, float]]:
        found = []
        for date in some:
            peer = sm.WLS(earned[date], design(date), weights=weights[date - 1]).fit()
            found.append((peer.params, peer.tvalues, peer.rsquared))
        return found

    def by_numpy() -> None:
        for date in some:
            root = np.sqrt(weights[date - 1])
            np.linalg.lstsq(design(date) * root[:, None], earned[date] * root, rcond=None)

    for date, (params, ratios, explained) in zip(some, by_statsmodels(), strict=True):
        mine = fit.factor_returns.iloc[date - 1].to_numpy()[:-1]
        np.testing.assert_allclose(mine, params, rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(fit.t.iloc[date - 1].to_numpy()[:-1], ratios, rtol=1e-6)
        np.testing.assert_allclose(fit.r_squared.iloc[date - 1], explained, rtol=1e-8)
    mine, peers, numpys = in_turn(ROUNDS, ours, by_statsmodels, by_numpy)
    share = (DAYS - 1) / len(some)
    what = (
        f"{NAMES} names x {DAYS:,} dates, {STYLES} styles, {GROUPS} groups and a market, weighted, "
        f"constrained, checked input to specific returns: {mine:.2f} s"
    )
    told = f"best of {ROUNDS} in turn; coefficients, t and R² equal to 1e-6"
    rows = [
        row(
            "04-risk-model-cross-section",
            5,
            peers * share / mine,
            f"{what}, against a loop of statsmodels' WLS on {len(some)} dates ({peers:.2f} s), "
            f"extrapolated linearly; {told}",
        ),
        row(
            "04-risk-model-cross-section-numpy",
            1.5,
            numpys * share / mine,
            f"{what}, against a loop of numpy's lstsq, coefficients only, on {len(some)} dates "
            f"({numpys:.2f} s), extrapolated linearly; best of {ROUNDS} in turn",
        ),
    ]
    began = time.perf_counter()
    model_now = fit.at()
    took = time.perf_counter() - began
    held = pd.DataFrame(np.full((DAYS, NAMES), 1 / NAMES), days, names)
    began = time.perf_counter()
    attribution = attribute_holdings(held, returns, fit)
    attributed = time.perf_counter() - began
    np.testing.assert_allclose(
        attribution.effects.sum(axis=1), returns.iloc[1:].mean(axis=1), atol=1e-14
    )
    np.testing.assert_allclose(
        model_now.risk(held.iloc[-1]).total ** 2,
        held.iloc[-1] @ model_now.covariance() @ held.iloc[-1],
    )
    rows[0]["how"] += (
        f"; then {1e3 * took:.0f} ms for the risk model as of a date, {attributed:.2f} s for the "
        "attribution of a portfolio over all dates"
    )
    return rows


def time_series_rows() -> list[dict]:
    rng = np.random.default_rng(1)
    days = pd.bdate_range("2010-01-04", periods=DAYS, tz="UTC")
    names = [f"S{i:03d}" for i in range(NAMES)]
    factors = pd.DataFrame(
        rng.normal(0, 0.01, (DAYS, 5)), days, ["MKT", "SMB", "HML", "RMW", "CMA"]
    )
    values = factors.to_numpy() @ rng.normal(0.4, 0.5, (5, NAMES))
    returns = pd.DataFrame(values + rng.normal(0, 0.015, (DAYS, NAMES)), days, names)
    design = sm.add_constant(factors)
    few = names[:2]

    def ours() -> object:
        return rolling_regression(returns, factors, window=WINDOW)

    def by_statsmodels() -> list[object]:
        return [RollingOLS(returns[name], design, window=WINDOW).fit() for name in few]

    found = ours()
    for name, peer in zip(few, by_statsmodels(), strict=True):
        np.testing.assert_allclose(found.of(name), peer.params, rtol=1e-6, atol=1e-10)
        np.testing.assert_allclose(found.t["HML"][name], peer.tvalues["HML"], rtol=1e-5, atol=1e-8)
    mine, peers = in_turn(3, ours, by_statsmodels)
    some, lags = names[:20], 7

    def full() -> object:
        return factor_regression(returns, factors, lags=lags)

    def full_by_statsmodels() -> list[object]:
        return [
            sm.OLS(returns[name], design).fit(
                cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}
            )
            for name in some
        ]

    whole = full()
    for name, peer in zip(some, full_by_statsmodels(), strict=True):
        np.testing.assert_allclose(whole.t.loc[name], peer.tvalues, rtol=1e-7)
    one, other = in_turn(ROUNDS, full, full_by_statsmodels)
    return [
        row(
            "04-risk-model-rolling-betas",
            50,
            peers * NAMES / len(few) / mine,
            f"five factors, {NAMES} names x {DAYS:,} days, every window of {WINDOW} anew: "
            f"{mine:.2f} s with t and R², against statsmodels' RollingOLS on {len(few)} names "
            f"({peers:.2f} s), extrapolated linearly; best of 3 in turn, equal to 1e-6",
        ),
        row(
            "04-risk-model-regressions",
            10,
            other * NAMES / len(some) / one,
            f"five factors, {NAMES} names x {DAYS:,} days, errors by Newey and West with {lags} "
            f"lags: {1e3 * one:.0f} ms, against statsmodels' OLS on {len(some)} names "
            f"({other:.2f} s), extrapolated linearly; best of {ROUNDS} in turn, t equal to 1e-7",
        ),
    ]


def rows() -> list[dict]:
    # Many small matrices: threads of BLAS would wait for each other, for the peers above all.
    with threadpool_limits(1, user_api="blas"):
        return [*cross_sectional_rows(), *time_series_rows()]


if __name__ == "__main__":
    for line in rows():
        print(line)
