"""A route over four venues of five prices each, against scipy's linear programming."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from scipy.optimize import linprog

from nautilus_lab.execution.routing import Offer, plan_route

ROUNDS = 7
PLANS = 300
VENUES, LEVELS = 4, 5
TARGET_US = 500.0


def markets(count: int) -> list[tuple[Decimal, list[Offer]]]:
    """Return orders and what the venues offered for each, of one stock in cents."""
    random = np.random.default_rng(20200102)
    made = []
    for _ in range(count):
        offers = []
        for number in range(VENUES):
            best = int(random.integers(10_000, 10_006))
            steps = np.cumsum(random.integers(1, 4, size=LEVELS))
            sizes = random.integers(100, 1_000, size=LEVELS)
            asks = [
                (Decimal(best + int(step)) / 100, Decimal(int(size)))
                for step, size in zip(steps, sizes, strict=True)
            ]
            bids = [
                (Decimal(best - int(step)) / 100, Decimal(int(size)))
                for step, size in zip(steps, sizes, strict=True)
            ]
            fee = (0.5, 1.0, 2.0, 3.0)[number]
            offers.append(Offer(venue=f"V{number}", bids=bids, asks=asks, fee_bps=fee))
        made.append((Decimal(int(random.integers(500, 6_000))), offers))
    return made


def by_linprog(quantity: Decimal, offers: list[Offer]) -> float:
    """Return what the order costs at least, by HiGHS, from the same offers."""
    costs, sizes = [], []
    for offer in offers:
        for price, size in offer.asks:
            costs.append(float(price) * (1 + offer.fee_bps / 10_000))
            sizes.append((0.0, float(size)))
    placed = min(float(quantity), sum(size for _, size in sizes))
    found = linprog(costs, A_eq=[[1.0] * len(costs)], b_eq=[placed], bounds=sizes)
    return float(found.fun)


def by_us(quantity: Decimal, offers: list[Offer]) -> float:
    """Return what the order costs by our plan, the route with all its reasons included."""
    return float(plan_route("BUY", quantity, offers).expected_cost)


def p50_us(run: Callable[[Decimal, list[Offer]], float], asked: list) -> float:
    """Return the median of one plan, microseconds."""
    times = []
    for quantity, offers in asked:
        began = time.perf_counter()
        run(quantity, offers)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def rows() -> list[dict]:
    """Check equal costs, then measure both in turn and keep the best median of each."""
    asked = markets(PLANS)
    for quantity, offers in asked:
        ours, theirs = by_us(quantity, offers), by_linprog(quantity, offers)
        if not abs(ours / theirs - 1) < 1e-9:
            raise AssertionError(f"a plan of {ours} is not the cheapest, {theirs}")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(p50_us(by_linprog, asked[: PLANS // 10]))
        ours.append(p50_us(by_us, asked))
    us, peer = min(ours), min(theirs)
    return [
        {
            "id": "02-router-plan",
            "target": TARGET_US,
            "measured": round(us, 1),
            "unit": "us",
            "met": us <= TARGET_US,
            "how": (
                f"p50 of plan_route over {VENUES} venues x {LEVELS} prices, exact decimals, with "
                f"the checks of all quotes and the reasons; best of {ROUNDS} in turn with "
                f"scipy's linprog (HiGHS), which needs {peer:.0f} us ({peer / us:.1f} times as "
                f"long) for the same costs of {PLANS} orders"
            ),
        }
    ]


if __name__ == "__main__":
    print(rows())
