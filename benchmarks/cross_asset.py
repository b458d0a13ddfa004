"""What features of several instruments cost beside pandas, scikit-learn and a loop of numpy."""

from __future__ import annotations

import gc
import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from nautilus_lab.features import FeatureEngine, drawn_universe

SYMBOLS, BARS, ROUNDS = 100, 1_260, 5
WINDOWS, PCA_WINDOW, COMPONENTS = (20, 60, 250), 120, 3
ENGINE = FeatureEngine()
OTHER = "S000"


def panel() -> pd.DataFrame:
    """Return bars of a declared drawn universe that three series move."""
    # one without gaps: the peers have no rule for them
    whole = drawn_universe(BARS, SYMBOLS + 2)
    columns = {name: column[:, :SYMBOLS] for name, column in whole.items()}
    times = pd.date_range("2015-01-01", periods=BARS, tz="UTC", name="timestamp")
    index = pd.MultiIndex.from_product(
        [times, [f"S{n:03}" for n in range(SYMBOLS)]], names=["timestamp", "symbol"]
    )
    return pd.DataFrame({name: column.ravel() for name, column in columns.items()}, index)


def timed(run, *args):
    gc.collect()
    began = time.perf_counter()
    answer = run(*args)
    return time.perf_counter() - began, answer


def by_pandas(closes: pd.DataFrame) -> list[pd.DataFrame]:
    returns = closes.pct_change(fill_method=None)
    other, found = returns[OTHER], []
    for window in WINDOWS:
        rolling = returns.rolling(window)
        found.append(rolling.corr(other))
        found.append(rolling.cov(other).div(other.rolling(window).var(), axis=0))
    return found


def faded_by_pandas(closes: pd.DataFrame) -> list[pd.DataFrame]:
    returns = closes.pct_change(fill_method=None).iloc[1:]
    other, found = returns[OTHER], []
    for span in WINDOWS:
        ewm, of_other = (one.ewm(span=span, min_periods=span) for one in (returns, other))
        found.append(ewm.corr(other))
        found.append(ewm.cov(other).div(of_other.var(), axis=0))
    return found


def by_scikit_learn(closes: pd.DataFrame) -> np.ndarray:
    """Return the shares of the first components of each window."""
    returns = closes.pct_change(fill_method=None).to_numpy()
    out = np.full((BARS, COMPONENTS), np.nan)
    for at in range(PCA_WINDOW, BARS):
        part = returns[at - PCA_WINDOW + 1 : at + 1]
        scores = (part - part.mean(axis=0)) / part.std(axis=0, ddof=1)
        fit = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(scores)
        out[at] = fit.explained_variance_ratio_
    return out


def by_numpy(closes: pd.DataFrame) -> np.ndarray:
    """Return the same by an eigendecomposition of each correlation matrix."""
    returns = closes.pct_change(fill_method=None).to_numpy()
    out = np.full((BARS, COMPONENTS), np.nan)
    for at in range(PCA_WINDOW, BARS):
        matrix = np.corrcoef(returns[at - PCA_WINDOW + 1 : at + 1].T)
        values, _ = np.linalg.eigh(matrix)
        out[at] = values[::-1][:COMPONENTS] / SYMBOLS
    return out


def same(name: str, ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-9) -> None:
    if not np.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True):
        raise AssertionError(f"{name} differs")


def of_pairs(bars: pd.DataFrame, closes: pd.DataFrame) -> list[dict]:
    rows = []
    asked = {
        "04-cross-rolling-over-pandas": (
            by_pandas,
            ("correlation", "market_beta", "window"),
            f"rolling correlation and beta, windows {WINDOWS}",
            3,
        ),
        "04-cross-faded-over-pandas": (
            faded_by_pandas,
            ("ewm_correlation", "ewm_beta", "span"),
            f"exponentially weighted correlation and beta, spans {WINDOWS}",
            3,
        ),
    }
    for name, (peer, (*kinds, setting), what, target) in asked.items():
        features = [f"{kind}(against={OTHER},{setting}={n})" for n in WINDOWS for kind in kinds]
        found = ENGINE.compute(bars, features)
        for ours, theirs in zip(found.values(), peer(closes), strict=True):
            same(name, ours.loc[theirs.index].to_numpy(), theirs.to_numpy())
        theirs_s, ours_s = [], []
        for _ in range(ROUNDS):
            theirs_s.append(timed(peer, closes)[0])
            ours_s.append(timed(ENGINE.compute, bars, features)[0])
        how = (
            f"best of {ROUNDS} in turn: {what}, {SYMBOLS} symbols x {BARS:,} bars of a drawn "
            f"universe against one of them; equal values; ours from bars, their checks included, "
            f"{min(ours_s) * 1e3:.0f} ms, pandas from closes {min(theirs_s) * 1e3:.0f} ms"
        )
        rows.append(row(name, target, min(theirs_s) / min(ours_s), how))
    return rows


def of_components(bars: pd.DataFrame, closes: pd.DataFrame) -> list[dict]:
    from threadpoolctl import threadpool_limits

    asked = [f"pca_exposure(window={PCA_WINDOW},components={COMPONENTS})"]
    found = ENGINE.compute(bars, asked)
    ours = np.stack([found[c][OTHER].to_numpy() for c in found if ".share_" in c], axis=1)
    rows = []
    # Theirs with BLAS on one thread: on two it waits for itself, which is no merit of ours.
    with threadpool_limits(1):
        for name, peer, who, target in (
            ("04-cross-pca-over-numpy", by_numpy, "numpy's corrcoef and eigh in a loop", 1.3),
            ("04-cross-pca-over-sklearn", by_scikit_learn, "scikit-learn's PCA in a loop", 2),
        ):
            same(name, ours, peer(closes))
            theirs_s, ours_s = [], []
            for _ in range(3):
                theirs_s.append(timed(peer, closes)[0])
                ours_s.append(timed(ENGINE.compute, bars, asked)[0])
            how = (
                f"best of 3 in turn: exposures to {COMPONENTS} components, window {PCA_WINDOW}, "
                f"{SYMBOLS} symbols x {BARS:,} bars; equal shares of variance; ours "
                f"{min(ours_s):.2f} s on two threads, exposures and signs included; {who} "
                f"{min(theirs_s):.2f} s, BLAS on one thread"
            )
            rows.append(row(name, target, min(theirs_s) / min(ours_s), how))
    return rows


def row(name: str, target: float, measured: float, how: str) -> dict:
    return {
        "id": name,
        "target": target,
        "measured": round(measured, 2),
        "unit": "x",
        "met": bool(measured >= target),
        "how": how,
    }


def rows() -> list[dict]:
    bars = panel()
    closes = bars["close"].unstack()
    return of_pairs(bars, closes) + of_components(bars, closes)


if __name__ == "__main__":
    for line in rows():
        print(line)
