"""380 000 factors of 252 observations, and a panel of 200 factors, beside what else does it.

The factors are synthetic, as the issue says: thirty weak drivers, noise, and 8 % planted near
duplicates, half of them turned over. Every peer runs in this process, in turn with ours; equal
results are checked first. Limits of the machine are measured beside what they bound.
"""

from __future__ import annotations

import subprocess
import sys
import time
import warnings

import numba
import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks._in_turn import in_turn
from nautilus_lab.factors import forward_returns
from nautilus_lab.factors.scale import (
    FactorMatrix,
    evaluate_many,
    most_correlated,
    near_duplicates,
    scan,
    zscores,
)
from nautilus_lab.factors.scale._threads import share_out

FACTORS, WIDTH, PLANTED, DRIVERS = 380_000, 252, 30_000, 30
QUERIES, K = 1_000, 20
ASSETS, DATES, PANEL = 500, 2_520, 200
ROUNDS = 7
SIDE = 2_048


def row(key: str, target: float, measured: float, unit: str, how: str, *, most: bool) -> dict:
    met = measured <= target if most else measured >= target
    return {
        "id": key,
        "target": float(target),
        "measured": float(measured),
        "unit": unit,
        "met": bool(met),
        "how": how,
    }


def factors(rng: np.random.Generator, *, common: float = 0.0) -> np.ndarray:
    """Return the synthetic factors; `common` is the weight of a driver that all of them share."""
    drivers = rng.standard_normal((DRIVERS, WIDTH), dtype=np.float32)
    values = (rng.standard_normal((FACTORS, DRIVERS), dtype=np.float32) * 0.12) @ drivers
    for begin in range(0, FACTORS, 20_000):
        block = values[begin : begin + 20_000]
        block += rng.standard_normal(block.shape, dtype=np.float32)
    if common:
        market = rng.standard_normal(WIDTH, dtype=np.float32)
        for begin in range(0, FACTORS, 20_000):
            block = values[begin : begin + 20_000]
            weight = common * rng.uniform(0.5, 1.5, (len(block), 1)).astype(np.float32)
            block += weight * market
    source = rng.integers(0, FACTORS - PLANTED, PLANTED)
    copies = values[FACTORS - PLANTED :]
    copies[:] = values[source]
    noise = rng.standard_normal((PLANTED, WIDTH), dtype=np.float32)
    copies += rng.uniform(0.05, 0.4, (PLANTED, 1)).astype(np.float32) * noise
    copies[::2] *= -1
    return values


@numba.njit(nogil=True, fastmath=True)
def _read(a: np.ndarray) -> float:
    total = np.float32(0)
    for i in range(a.size):
        total += a[i]
    return total


@numba.njit(nogil=True, fastmath=True)
def _triad(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    for i in range(a.size):
        out[i] = a[i] + np.float32(3) * b[i]


def bandwidth_rows(values: np.ndarray, matrix: FactorMatrix, line: np.ndarray) -> list[dict]:
    """Standard scores and Pearson IC, against the memory they read and write."""
    flat, out = values.reshape(-1), np.empty_like(values)
    a, b, c = flat[: flat.size // 3], flat[flat.size // 3 :], out.reshape(-1)
    size = a.size // 2 + 1
    _read(flat[:9])
    _triad(a[:9], b[:9], c[:9])
    zscores(matrix, out=out)
    some = np.random.default_rng(1).integers(0, FACTORS, 300)
    expected = stats.zscore(values[some].astype(float), axis=1)
    np.testing.assert_allclose(out[some], expected, atol=1e-4)
    found = scan(matrix, line, methods=["pearson"])
    exact = [stats.pearsonr(values[i].astype(float), line).statistic for i in some]
    np.testing.assert_allclose(found.ic["pearson"][some, 0], exact, atol=1e-4)

    def by_numpy() -> np.ndarray:
        return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)

    half = flat.size // 2 + 1
    read, triad, ours_z, ours_ic = in_turn(
        ROUNDS,
        lambda: share_out(lambda i, j: _read(flat[i:j]), flat.size, half, 2),
        lambda: share_out(lambda i, j: _triad(a[i:j], b[i:j], c[i:j]), a.size, size, 2),
        lambda: zscores(matrix, out=out),
        lambda: scan(matrix, line, methods=["pearson"]),
    )
    (numpy_z,) = in_turn(2, by_numpy)
    triad_rate, read_rate = 3 * a.nbytes / triad, values.nbytes / read
    limit_z, limit_ic = 2 * values.nbytes / triad_rate, values.nbytes / read_rate
    what = f"{FACTORS:,} x {WIDTH} float32, 2 threads, best of {ROUNDS} in turn"
    return [
        row(
            "04-factors-zscore",
            2,
            ours_z / limit_z,
            "x limit",
            f"{what}: {1e3 * ours_z:.0f} ms over what reading and writing it takes at the triad's "
            f"{triad_rate / 1e9:.1f} GB/s of this run; equal to scipy's",
            most=True,
        ),
        row(
            "04-factors-zscore-numpy",
            10,
            numpy_z / ours_z,
            "x",
            f"{what}: as 04-factors-zscore, times faster than numpy's mean and std",
            most=False,
        ),
        row(
            "04-factors-pearson-ic",
            2,
            ours_ic / limit_ic,
            "x limit",
            f"{what}: {1e3 * ours_ic:.0f} ms from the raw values over what reading them takes at "
            f"this run's {read_rate / 1e9:.1f} GB/s; equal to scipy's",
            most=True,
        ),
    ]


def spearman_row(values: np.ndarray, matrix: FactorMatrix, line: np.ndarray) -> dict:
    found = scan(matrix, line, methods=["spearman"])
    count = 1_000
    by_scipy = [stats.spearmanr(values[i], line).statistic for i in range(count)]
    np.testing.assert_allclose(found.ic["spearman"][:count, 0], by_scipy, atol=1e-5)
    ours, scipys = in_turn(
        5,
        lambda: scan(matrix, line, methods=["spearman"]),
        lambda: [stats.spearmanr(values[i], line) for i in range(count)],
    )
    return row(
        "04-factors-spearman-ic",
        250,
        scipys * FACTORS / count / ours,
        "x",
        f"{FACTORS:,} x {WIDTH} float32, 2 threads, {1e3 * ours:.0f} ms, against "
        f"scipy.stats.spearmanr on {count:,} of them ({scipys:.2f} s), extrapolated linearly; best "
        "of 5 in turn, equal to 1e-5",
        most=False,
    )


def top_rows(values: np.ndarray, matrix: FactorMatrix) -> list[dict]:
    asked = np.arange(QUERIES)
    unit = zscores(matrix)
    unit /= np.float32(np.sqrt(WIDTH))
    wanted = unit[:QUERIES].copy()
    found = most_correlated(matrix, asked, k=K, signed=True)
    some = wanted[:20] @ unit.T
    some[np.arange(20), np.arange(20)] = -2
    np.testing.assert_allclose(found.rho[:20], -np.sort(-some, axis=1)[:, :K], atol=1e-5)
    room = np.empty((QUERIES, 4_096), np.float32)

    def products() -> None:
        for begin in range(0, FACTORS, 4_096):
            block = unit[begin : begin + 4_096]
            np.matmul(wanted, block.T, out=room[:, : len(block)])

    def products_here() -> None:
        with threadpool_limits(1, user_api="blas"):
            share_out(lambda i, j: wanted @ unit[i:j].T, FACTORS, 4_096, 2)

    works = [
        lambda: most_correlated(matrix, asked, k=K, signed=True),
        products,
        products_here,
        lambda: most_correlated(matrix, asked, k=K),
    ]
    try:
        import faiss
    except ImportError:
        ours, by_blas, by_threads, by_size = in_turn(ROUNDS, *works)
        peer = None
    else:
        faiss.omp_set_num_threads(2)
        index = faiss.IndexFlatIP(WIDTH)
        index.add(unit)
        ours, by_blas, by_threads, by_size, peer = in_turn(
            ROUNDS, *works, lambda: index.search(wanted, K)
        )
    limit = min(by_blas, by_threads)
    what = (
        f"top {K} of {FACTORS:,} for {QUERIES:,} queries, signed, from the raw values: {ours:.2f} s"
    )
    against = (
        f"this run's matrix products alone ({limit:.2f} s); by size instead of sign {by_size:.2f} s"
    )
    rows = [
        row(
            "04-factors-top-gemm",
            1.4,
            ours / limit,
            "x limit",
            f"{what} over {against}; best of {ROUNDS} in turn. faiss took 1.4 of it where it was "
            "measured before" + ("" if peer else "; it is not installed here"),
            most=True,
        )
    ]
    if peer is not None:
        rows.append(
            row(
                "04-factors-top-faiss",
                1.1,
                ours / peer,
                "x faiss",
                f"{what} over faiss.IndexFlatIP's search of rows standardised and added before "
                f"({peer:.2f} s); best of {ROUNDS} in turn",
                most=True,
            )
        )
    return rows


def truth(values: np.ndarray, rows: np.ndarray) -> set[tuple[int, int]]:
    """Return all pairs of some rows with any other, by float32 products looked at in float64."""
    unit = zscores(FactorMatrix(values))
    unit /= np.float32(np.sqrt(WIDTH))
    pairs = set()
    for begin in range(0, FACTORS, 8_192):
        rho = np.abs(unit[rows] @ unit[begin : begin + 8_192].T)
        near = np.argwhere(rho > 0.95 - 1e-4)
        for a, b in zip(rows[near[:, 0]].tolist(), (near[:, 1] + begin).tolist(), strict=True):
            if a != b and abs(np.corrcoef(values[[a, b]].astype(float))[0, 1]) > 0.95:
                pairs.add((min(a, b), max(a, b)))
    return pairs


def quality(values: np.ndarray, found: object) -> tuple[float, int, int]:
    """Return the recall of pairs of 6 000 rows, their number, and how many found are false."""
    rng = np.random.default_rng(2)
    rows = np.concatenate(
        [rng.integers(FACTORS - PLANTED, FACTORS, 4_000), rng.integers(0, FACTORS - PLANTED, 2_000)]
    )
    rows = np.unique(rows)
    expected = truth(values, rows)
    reported = set(zip(found.left.tolist(), found.right.tolist(), strict=True))
    false = 0
    for begin in range(0, len(found), 5_000):
        left, right = found.left[begin : begin + 5_000], found.right[begin : begin + 5_000]
        a, b = values[left].astype(float), values[right].astype(float)
        a -= a.mean(1, keepdims=True)
        b -= b.mean(1, keepdims=True)
        rho = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
        false += int((np.abs(rho) <= 0.95).sum())
    return len(expected & reported) / len(expected), len(expected), false


def duplicate_rows(values: np.ndarray, matrix: FactorMatrix) -> list[dict]:
    unit = zscores(matrix)
    a, room = unit[:SIDE].copy(), np.empty((SIDE, SIDE), np.float32)
    count = 20

    def products() -> None:
        for block in range(1, count + 1):
            np.matmul(a, unit[block * SIDE : (block + 1) * SIDE].T, out=room)

    def products_here() -> None:
        with threadpool_limits(1, user_api="blas"):
            share_out(
                lambda i, j: [a @ unit[b * SIDE : (b + 1) * SIDE].T for b in range(i, j)],
                count,
                1,
                2,
            )

    found = near_duplicates(matrix)
    recall, known, false = quality(values, found)
    ours, by_blas, by_threads = in_turn(5, lambda: near_duplicates(matrix), products, products_here)
    blocks = FACTORS / SIDE * (FACTORS / SIDE + 1) / 2
    exact = min(by_blas, by_threads) / count * blocks
    how = (
        f"{len(found):,} pairs of |rho| > 0.95 among {FACTORS:,} factors in {ours:.2f} s, "
        f"{found.n_compared / 1e6:,.0f} million pairs looked at, {found.plan.tables} tables of "
        f"{found.plan.bits} bits; best of 5 in turn"
    )
    return [
        row(
            "04-factors-duplicates",
            30,
            exact / ours,
            "x",
            f"{how}. Against the products alone of the exact half matrix in blocks of {SIDE:,}: "
            f"{exact:.0f} s, extrapolated linearly from {count} blocks",
            most=False,
        ),
        row(
            "04-factors-duplicates-recall",
            0.999,
            recall,
            "share",
            f"of the {known:,} pairs that 6,000 rows have with any other, found exactly; {how}",
            most=False,
        ),
        row(
            "04-factors-duplicates-false",
            0,
            false,
            "pairs",
            "reported with |rho| <= 0.95 by numpy in float64, all pairs looked at again",
            most=True,
        ),
    ]


def clustered_rows() -> list[dict]:
    """The same with a driver that all factors share: any two correlate by about 0.5."""
    values = factors(np.random.default_rng(3), common=1.2)
    matrix = FactorMatrix(values)
    began = time.perf_counter()
    found = near_duplicates(matrix)
    took = time.perf_counter() - began
    recall, known, false = quality(values, found)
    plan = found.plan
    how = (
        f"{FACTORS:,} factors that share a driver (mean |rho| about 0.5): {len(found):,} pairs in "
        f"{took:.1f} s, {plan.components} components taken out, {plan.tables} tables of "
        f"{plan.bits} bits, {found.n_compared / 1e6:,.0f} million pairs looked at"
    )
    return [
        row(
            "04-factors-clustered-recall",
            0.999,
            recall,
            "share",
            f"of the {known:,} pairs that 6,000 rows have, found exactly; {how}",
            most=False,
        ),
        row("04-factors-clustered-false", 0, false, "pairs", how, most=True),
    ]


MEMORY = f"""
import re
import numpy as np
from benchmarks.factors_scale import FACTORS, WIDTH
from nautilus_lab.factors.scale import FactorMatrix, clusters, most_correlated, scan, zscores
rng = np.random.default_rng(0)
values = np.empty((FACTORS, WIDTH), np.float32)
for begin in range(0, FACTORS, 20_000):
    rng.standard_normal(dtype=np.float32, out=values[begin : begin + 20_000])
values[FACTORS - {PLANTED}:] = values[:{PLANTED}] * np.float32(-2)
matrix = FactorMatrix(values)
zscores(matrix)
found = scan(matrix, np.arange(WIDTH))
most_correlated(matrix, range({QUERIES}))
kept = clusters(matrix, scores=found.scores())
assert len(kept.kept) == FACTORS - {PLANTED}, kept
with open("/proc/self/status") as told:
    print(int(re.search(r"VmHWM:\\s+(\\d+)", told.read())[1]) * 1024)
"""


def memory_row() -> dict:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], stdout=subprocess.PIPE, text=True, check=True
    )
    peak, given = int(done.stdout), 4 * FACTORS * WIDTH
    return row(
        "04-factors-memory",
        6,
        peak / given,
        "x input",
        f"peak resident memory of a process that scores, scans, compares and clusters {FACTORS:,} "
        f"factors one after the other: {peak / 1e6:,.0f} MB, they take {given / 1e6:.0f} MB",
        most=True,
    )


def panel_rows() -> list[dict]:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2010-01-04", periods=DATES, tz="UTC")
    names = [f"S{i:03d}" for i in range(ASSETS)]
    walk = np.cumsum(rng.standard_normal((DATES, ASSETS)) * 0.01, axis=0)
    prices = pd.DataFrame(100 * np.exp(walk), days, names)
    scores = rng.standard_normal((PANEL, DATES, ASSETS), dtype=np.float32)
    # With ties and gaps in one factor: what is checked is what is measured.
    scores[1] = scores[1].round(1)
    scores[1][rng.random(scores[1].shape) < 0.1] = np.nan
    horizons = (1, 5, 10)
    ahead = forward_returns(prices, horizons)

    def ours() -> object:
        return evaluate_many(scores, prices, horizons=horizons)

    found = ours()
    for factor in (0, 1):
        for date in range(0, DATES - 11, 97):
            for place, bar in enumerate(horizons):
                pair = scores[factor, date], ahead[bar].iloc[date].to_numpy()
                known = ~np.isnan(pair[0])
                rho = stats.spearmanr(pair[0][known], pair[1][known]).statistic
                if abs(rho - found.ic[factor, date, place]) > 1e-4:
                    raise AssertionError(f"factor {factor}, date {date}, horizon {bar}")
    futures = np.stack([np.nan_to_num(frame.to_numpy()) for frame in ahead.values()])
    futures = np.ascontiguousarray(futures, dtype=np.float32)
    ranks = stats.rankdata(futures, axis=2).astype(np.float32)
    ranks -= ranks.mean(2, keepdims=True)
    ranks /= np.linalg.norm(ranks, axis=2, keepdims=True) + 1e-9
    few, each = 4, ASSETS // 5

    def by_numpy() -> None:
        for factor in range(few):
            order = np.argsort(scores[factor + 2], axis=1)
            rank = np.empty((DATES, ASSETS), np.float32)
            np.put_along_axis(rank, order, np.arange(ASSETS, dtype=np.float32)[None], 1)
            rank -= rank.mean(1, keepdims=True)
            rank /= np.linalg.norm(rank, axis=1, keepdims=True)
            np.einsum("da,hda->dh", rank, ranks)
            for future in futures:
                np.take_along_axis(future, order, 1).reshape(DATES, 5, each).mean(2)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from alphalens import performance, utils

        entry = prices.shift(-1).iloc[:-1]
        stacked = pd.DataFrame(scores[0].astype(float), days, names).iloc[:-1].stack()
        stacked.index.names = ["date", "asset"]

        def by_alphalens() -> object:
            clean = utils.get_clean_factor_and_forward_returns(
                stacked, entry, quantiles=5, periods=horizons, max_loss=1.0
            )
            performance.mean_return_by_quantile(clean, by_date=True)
            return performance.factor_information_coefficient(clean)

        ic = by_alphalens()
        difference = np.abs(ic.to_numpy() - found.ic[0, : len(ic)].astype(float)).max()
        if difference > 1e-4:
            raise AssertionError(f"alphalens' IC differs by {difference}")
        (alphalens,) = in_turn(2, by_alphalens)
    mine, numpys = in_turn(5, ours, by_numpy)
    how = (
        f"{ASSETS} assets x {DATES:,} dates x {PANEL} factors, IC at three horizons and returns of "
        f"five quantiles in {mine:.2f} s, 2 threads"
    )
    return [
        row(
            "04-factors-panel-alphalens",
            500,
            alphalens * PANEL / mine,
            "x",
            f"{how}, against alphalens-reloaded on one factor ({alphalens:.1f} s, best of 2), "
            f"extrapolated linearly; IC equal to {difference:.0e}",
            most=False,
        ),
        row(
            "04-factors-panel-numpy",
            4,
            numpys * PANEL / few / mine,
            "x",
            f"{how}, against argsort, ranks without ties and einsum on {few} factors "
            f"({numpys:.2f} s), extrapolated linearly; best of 5 in turn",
            most=False,
        ),
    ]


def rows() -> list[dict]:
    found = [memory_row()]
    values = factors(np.random.default_rng(0))
    line = np.random.default_rng(1).standard_normal(WIDTH).astype(np.float32)
    matrix = FactorMatrix(values)
    found += bandwidth_rows(values, matrix, line)
    found.append(spearman_row(values, matrix, line))
    found += top_rows(values, matrix)
    found += duplicate_rows(values, matrix)
    del values, matrix
    found += clustered_rows()
    found += panel_rows()
    return found


if __name__ == "__main__":
    for line in rows():
        print(line)
