"""What a node warns of before it happens: limits about to be exceeded, unusual orders and P&L."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nautilus_lab.config import EarlyWarningSettings
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.risk.early_warning import (
    EarlyWarning,
    PatternDetector,
    PatternScore,
    RobustZScore,
    anscombe,
)
from nautilus_lab.risk.limits import LimitReport

_NS = 1_000_000_000
_FORESEEN_S = 86_400.0  # a breach further away is not told of
_SAMPLE_NS = 10 * _NS  # how long is counted for one observation of a pattern
_CLEAR_NS = 300 * _NS  # for so long a stream must be usual before it is told of again
# Robust deviations from the median of the last forty minutes. Wider than for a chart on a wall,
# and against what was lately: a market that opens is a lasting shift, and no news.
_MOST_ORDERS, _MOST_MOVE = 6.0, 8.0
# What a count, by Anscombe, and what is earned within ten seconds, as a part of equity, are never
# thought to vary by less than.
_LEAST_ORDERS, _LEAST_MOVE = 1.0, 1e-4
_ORDERS, _REFUSALS, _PROFIT = "orders", "denials and rejections", "profit and loss"


class Foresight:
    """Turns looks at limits, orders and equity into warnings, each once.

    Parameters
    ----------
    settings : EarlyWarningSettings, optional
        When to warn.
    """

    def __init__(self, settings: EarlyWarningSettings | None = None) -> None:
        self._settings = settings if settings is not None else EarlyWarningSettings()
        self._early = EarlyWarning(
            horizon_s=self._settings.horizon_s, probability=self._settings.probability
        )
        self._began_ns: int | None = None
        self._warned_ns: dict[tuple[str, str], int] = {}  # limit, scope -> when
        self._counts = {_ORDERS: 0, _REFUSALS: 0}  # since the last observation
        self._equity = math.nan
        self._sampled_ns = 0
        # Learned models take the place of these, by the same protocol.
        self._detectors: dict[str, PatternDetector] = {
            _ORDERS: RobustZScore(threshold=_MOST_ORDERS, least_deviation=_LEAST_ORDERS),
            _REFUSALS: RobustZScore(threshold=_MOST_ORDERS, least_deviation=_LEAST_ORDERS),
            _PROFIT: RobustZScore(threshold=_MOST_MOVE, least_deviation=_LEAST_MOVE),
        }
        self._unusual_ns: dict[str, int] = {}  # stream -> when it was unusual last

    def __repr__(self) -> str:
        return f"Foresight({self._early!r})"

    def count_order(self) -> None:
        """Note that an order left."""
        self._counts[_ORDERS] += 1

    def count_refusal(self) -> None:
        """Note that the gate denied, or a venue rejected."""
        self._counts[_REFUSALS] += 1

    def eta_s(self, limit: str, scope: str) -> float | None:
        """Return within how many seconds a breach is as probable as not.

        None when it is not foreseen within a day.
        """
        if not self._settings.enabled:
            return None
        found = self._early.time_to_breach(limit, scope)
        # What is exceeded is foreseen no more, and minutes that were seen tell of no next week.
        return found if 0 < found <= _FORESEEN_S else None

    def look(self, report: LimitReport, now_ns: int) -> Iterator[AlertRaised]:
        """Take in how much is used; yield what to warn of."""
        told = self._settings
        if not told.enabled:
            return
        self._began_ns = now_ns if self._began_ns is None else self._began_ns
        for warning in self._early.look(report, now_ns):
            key = warning.limit, warning.scope
            before = self._warned_ns.get(key)
            # A book that is being built up leads over every limit, in a straight line.
            if now_ns - self._began_ns < told.warm_up_s * _NS:
                continue
            if before is not None and now_ns - before < told.again_s * _NS:
                continue
            self._warned_ns[key] = now_ns
            yield AlertRaised(
                severity="warning",
                component="risk",
                rule=f"{warning.limit} must hold for the next {told.horizon_s:g} s",
                detail=f"{warning.text} ({warning.forecast.model})",
                remedy="reduce what it is of, or expect it to be exceeded",
            )
        for key in self._warned_ns.keys() - {(row.limit, row.scope) for row in report}:
            del self._warned_ns[key]

    def sample(self, equity: float, now_ns: int) -> Iterator[AlertRaised]:
        """Observe the streams each ten seconds; yield what is unusual and was not before."""
        if not (self._settings.enabled and self._settings.patterns):
            return
        if now_ns - self._sampled_ns < _SAMPLE_NS:
            return
        # After a pause the counts are of longer than the others: they begin anew.
        whole = now_ns - self._sampled_ns < 2 * _SAMPLE_NS
        before, self._equity, self._sampled_ns = self._equity, equity, now_ns
        counts, self._counts = self._counts, dict.fromkeys(self._counts, 0)
        if not whole:
            return
        for stream, count in counts.items():
            yield from self._observe(stream, anscombe(count), f"{count} within 10 s", now_ns)
        if before > 0 and math.isfinite(before) and math.isfinite(equity):
            made = equity / before - 1
            yield from self._observe(_PROFIT, made, f"{made:+.4%} within 10 s", now_ns)

    def _observe(self, stream: str, value: float, shown: str, now_ns: int) -> Iterator[AlertRaised]:
        score = self._detectors[stream].observe(value, now_ns)
        if not score.unusual:
            return
        last, self._unusual_ns[stream] = self._unusual_ns.get(stream), now_ns
        if last is None or now_ns - last >= _CLEAR_NS:
            yield _unusual(stream, score, shown)


def _unusual(stream: str, score: PatternScore, shown: str) -> AlertRaised:
    return AlertRaised(
        severity="warning",
        component="risk",
        rule=f"{stream} should be as usual",
        detail=f"{shown}: {abs(score.score):.1f} times what is still usual ({score.detector})",
        remedy="look at what the strategies do",
    )
