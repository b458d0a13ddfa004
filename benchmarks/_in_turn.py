"""Timing of a peer and of ours, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable


def in_turn(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Return the best time of each work, seconds; all of them once a round."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            began = time.perf_counter()
            work()
            best[place] = min(best[place], time.perf_counter() - began)
    return best
