"""Sums over all of the past, bar by bar: what TA-Lib's volume lines remember."""

from __future__ import annotations


class RunningSum:
    """The sum of all values: ``cumsum``."""

    def __init__(self) -> None:
        self._total = 0.0

    def update(self, value: float) -> tuple[float, ...]:
        """Add a value."""
        self._total += value
        return (self._total,)


class AccumulationDistribution:
    """Chaikin's line: volume by where in its range a bar closed."""

    def __init__(self) -> None:
        self._total = 0.0

    def update(self, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar; one without a range adds nothing."""
        wide = high - low
        if wide > 0:
            self._total += ((close - low) - (high - close)) / wide * volume
        return (self._total,)


class OnBalanceVolume:
    """Volume added on a rise and taken off on a fall; that of the first bar counts in full."""

    def __init__(self) -> None:
        self._total, self._close = 0.0, -1.0

    def update(self, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar."""
        if close > self._close:
            self._total += volume
        elif close < self._close:
            self._total -= volume
        self._close = close
        return (self._total,)


class PriceVolumeTrend:
    """Volume times the return of its bar, added up."""

    def __init__(self) -> None:
        self._total, self._close = 0.0, 0.0

    def update(self, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar."""
        if self._close:
            self._total += volume * (close - self._close) / self._close
        self._close = close
        return (self._total,)


class VolumeIndex:
    """The return of the bars on which volume rose, or on which it fell, from 1,000 on.

    Parameters
    ----------
    rising : bool
        Which.
    """

    def __init__(self, *, rising: bool) -> None:
        self._rising, self._index = rising, 1_000.0
        self._close, self._volume = 0.0, 0.0

    def update(self, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar."""
        counts = volume > self._volume if self._rising else volume < self._volume
        if counts and self._close:
            self._index *= close / self._close
        self._close, self._volume = close, volume
        return (self._index,)


class WilliamsAccumulation:
    """How far a close is from the true low on a rise, and from the true high on a fall."""

    def __init__(self) -> None:
        self._total, self._close = 0.0, -1.0

    def update(self, high: float, low: float, close: float) -> tuple[float, ...]:
        """Take a bar; the first one counts nothing."""
        before = self._close
        if before >= 0:
            if close > before:
                self._total += close - min(low, before)
            elif close < before:
                self._total += close - max(high, before)
        self._close = close
        return (self._total,)


class VolumeWeightedPrice:
    """The average of typical prices by volume, since the first bar; 0 before any volume."""

    def __init__(self) -> None:
        self._paid, self._volume = 0.0, 0.0

    def update(self, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take a bar."""
        self._paid += (high + low + close) / 3 * volume
        self._volume += volume
        return (self._paid / self._volume if self._volume else 0.0,)
