"""The ledger of trials: 380 000 recorded and judged, one recorded, 5 000 counted.

The factors are drawn noise of 252 observations. Clusters are counted beside numpy's correlations
and scipy's linkage, in turn in one process, the number found to be the same first.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from nautilus_lab.analytics.significance import effective_trials
from nautilus_lab.factors.scale import FactorMatrix, scan
from nautilus_lab.trials import Ledger

FACTORS, WIDTH, TRIALS, ROUNDS = 380_000, 252, 5_000, 3


def row(key: str, target: float, measured: float, unit: str, how: str, *, most: bool) -> dict:
    met = measured <= target if most else measured >= target
    told = {"id": key, "target": float(target), "measured": float(measured), "unit": unit}
    return {**told, "met": bool(met), "how": how}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rows() -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        return [*_many(Ledger(folder=Path(folder) / "many")), *_one(Path(folder)), *_counted()]


def _many(ledger: Ledger) -> list[dict]:
    rng = np.random.default_rng(0)
    matrix = FactorMatrix(rng.standard_normal((FACTORS, WIDTH), dtype=np.float32))
    ahead = rng.standard_normal(WIDTH)
    scan(matrix, ahead)  # compiled, and its memory touched
    bare, recorded = [], []
    for n in range(ROUNDS):
        bare.append(seconds(lambda: scan(matrix, ahead)))
        study = ledger.study(f"round {n}")
        recorded.append(seconds(lambda study=study: scan(matrix, ahead, study=study)))
    assert len(ledger.runs("round 0")) == FACTORS
    size = sum(file.stat().st_size for file in ledger.folder.rglob("*") if file.is_file())
    table = ledger.runs("round 0")
    best = table["t"].abs().idxmax()
    judged = min(
        seconds(lambda: ledger.deflated_sharpe(best, either_sign=True)) for _ in range(ROUNDS)
    )
    found = ledger.deflated_sharpe(best, either_sign=True)
    assert found.n_trials == FACTORS
    assert found.probability < 0.95  # it is noise
    what = f"{FACTORS:,} factors of {WIDTH} observations, best of {ROUNDS}"
    return [
        row(
            "04-trials-record-380k",
            10,
            min(recorded) - min(bare),
            "s",
            f"{what}: a scan with study= less one without ({min(bare):.2f} s), on the disk, "
            "hashed row by row",
            most=True,
        ),
        row(
            "04-trials-record-380k-size",
            100,
            size / ROUNDS / 1e6,
            "MB",
            f"{what}: of the ledger, the returns of 5,000 in it",
            most=True,
        ),
        row(
            "04-trials-judge-380k",
            10,
            judged,
            "s",
            f"{what}: the deflated Sharpe ratio of the best, 5,000 clustered for the effective "
            f"number; {found.probability:.3f}, so luck",
            most=True,
        ),
    ]


def _one(folder: Path) -> list[dict]:
    study = Ledger(folder=folder / "one").study("one by one")
    days = pd.bdate_range("2015-01-01", periods=2_520, tz="UTC")
    lines = np.random.default_rng(1).normal(0, 0.01, (200, 2_520))
    taken = [
        seconds(lambda n=n, line=line: study.record(f"{n}", pd.Series(line, days)))
        for n, line in enumerate(lines)
    ]
    return [
        row(
            "04-trials-record-one",
            50,
            1e3 * float(np.median(taken)),
            "ms",
            "one trial of ten years of days, measured, hashed, and synced to the disk; "
            "median of 200",
            most=True,
        )
    ]


def _counted() -> list[dict]:
    rng = np.random.default_rng(2)
    ideas = rng.standard_normal((WIDTH, TRIALS // 10, 1))
    own = rng.standard_normal((WIDTH, TRIALS // 10, 10))
    frame = pd.DataFrame((0.98**0.5 * ideas + 0.02**0.5 * own).reshape(WIDTH, -1))

    def peer() -> int:
        apart = squareform(np.clip(1 - np.corrcoef(frame.to_numpy().T), 0, 2), checks=False)
        return int(fcluster(linkage(apart, "average"), 0.1, "distance").max())

    assert effective_trials(frame).number == peer() == TRIALS // 10
    ours, theirs, maxima = [], [], []
    for _ in range(ROUNDS):
        theirs.append(seconds(peer))
        ours.append(seconds(lambda: effective_trials(frame)))
        maxima.append(seconds(lambda: effective_trials(frame, method="maxima")))
    what = f"{TRIALS:,} trials of {WIDTH} returns, best of {ROUNDS}"
    return [
        row(
            "04-trials-effective",
            5,
            min(ours),
            "s",
            f"{what}: average linkage at 0.9; {TRIALS // 10} found, as by numpy and scipy, which "
            f"take {min(theirs) / min(ours):.2f} x as long",
            most=True,
        ),
        row(
            "04-trials-effective-maxima",
            1,
            min(maxima),
            "s",
            f"{what}: 2,000 draws of the joint distribution of all",
            most=True,
        ),
    ]
