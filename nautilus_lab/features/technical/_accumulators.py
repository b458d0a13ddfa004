"""What all of the past decides, kept in a few numbers: TA-Lib's running sums and stops."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

_NAN = math.nan


class RunningSum:
    """The sum of all values: ``cumsum``."""

    def __init__(self) -> None:
        self.total = 0.0

    def update(self, value: float) -> tuple[float, ...]:
        """Add a value."""
        self.total += value
        return (self.total,)


class OnBalanceVolume:
    """Volume added on a rise and taken off on a fall."""

    def __init__(self) -> None:
        self.total, self.last = _NAN, _NAN

    def update(self, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar; the first one counts in full."""
        if self.last != self.last:
            self.total = volume
        elif close > self.last:
            self.total += volume
        elif close < self.last:
            self.total -= volume
        self.last = close
        return (self.total,)


class AccumulationDistribution:
    """Chaikin's line: volume by where in its range a bar closed."""

    def __init__(self) -> None:
        self.total = 0.0

    def update(self, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar; one without a range adds nothing."""
        wide = high - low
        if wide > 0:
            self.total += ((close - low) - (high - close)) / wide * volume
        return (self.total,)


ACCUMULATORS: dict[str, Callable[..., Any]] = {
    "CUMSUM": RunningSum,
    "OBV": OnBalanceVolume,
    "AD": AccumulationDistribution,
}
_ = deque
