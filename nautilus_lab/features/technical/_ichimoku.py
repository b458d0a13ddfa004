"""Ichimoku's lines, without the one that looks ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import over_windows

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

ICHIMOKU = FeatureRegistry()


def _warm_up(settings: Values) -> int:
    longest = max(settings["conversion"], settings["base"], settings["span"])
    return int(longest + settings["shift"]) - 1


def _history(settings: Values) -> int:
    return _warm_up(settings) + 1


@ICHIMOKU.define(
    title="Ichimoku cloud",
    group="trend",
    inputs=("high", "low"),
    outputs=("conversion", "base", "span_a", "span_b"),
    parameters={
        "conversion": Parameter(default=9),
        "base": Parameter(default=26),
        "span": Parameter(default=52),
        "shift": Parameter(default=26, least=0),
    },
    warm_up=_warm_up,
    history=_history,
    reference="Hosoda (1969); the spans are those that stand over this bar, made `shift` bars ago; "
    "the lagging span, which is a later close, is left out",
)
def ichimoku(
    high: FloatArray,
    low: FloatArray,
    conversion: int = 9,
    base: int = 26,
    span: int = 52,
    shift: int = 26,
) -> tuple[FloatArray, ...]:
    """Return conversion and base line, and the two spans of the cloud as it stands over a bar."""
    fast, slow, wide = (_middle(high, low, window) for window in (conversion, base, span))
    return fast, slow, _later((fast + slow) / 2, shift), _later(wide, shift)


def _middle(high: FloatArray, low: FloatArray, window: int) -> FloatArray:
    def reduce(highs: FloatArray, lows: FloatArray) -> FloatArray:
        middle: FloatArray = (highs.max(axis=1) + lows.min(axis=1)) / 2
        return middle

    return over_windows(reduce, window, high, low)


def _later(values: FloatArray, bars: int) -> FloatArray:
    import numpy as np

    out = np.full(len(values), np.nan)
    if bars < len(values):
        out[bars:] = values[: len(values) - bars]
    return out
