"""Is what streams by unusual: control charts of orders, fills, and profit and loss."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from nautilus_lab.exceptions import InputError

_MAD = 1.4826022185056018  # from deviations of the median to a standard deviation, if normal


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternScore:
    """How unusual one observation made a stream.

    Attributes
    ----------
    ts_ns : int
        UNIX nanoseconds, of the observation.
    value : float
        What was observed.
    score : float
        As a share of what is still usual: above 1 it is unusual. Negative for what is too low.
        NaN while the detector learns, or when the value cannot be judged.
    unusual : bool
        Whether to tell somebody. What is NaN or infinite is; what is learned from is not.
    detector : str
        What judged it, with its settings, or the hash of a trained model.
    """

    ts_ns: int
    value: float
    score: float
    unusual: bool
    detector: str


class PatternDetector(Protocol):
    """Judges a stream of numbers, one at a time; learned models are ones, too.

    `observe` takes a time and a memory that do not grow with what was observed before.
    """

    def observe(self, value: float, ts_ns: int) -> PatternScore:
        """Take in one number and its time, and say how unusual that is."""


class _Chart(ABC):
    """What charts share: a baseline that is given, or learned from the first observations."""

    def __init__(self, mean: float | None, deviation: float | None, warm_up: int) -> None:
        if (mean is None) != (deviation is None):
            raise InputError("a baseline has a mean and a deviation", value=(mean, deviation))
        if deviation is not None and not 0 < deviation < math.inf:
            raise InputError("deviation must be positive and finite", value=deviation)
        if mean is not None and not math.isfinite(mean):
            raise InputError("mean must be finite", value=mean)
        if not warm_up >= 20:
            raise InputError("warm_up must be at least 20 observations", value=warm_up)
        self.mean, self.deviation, self.warm_up = mean, deviation, warm_up
        self._learned: list[float] = []

    def observe(self, value: float, ts_ns: int) -> PatternScore:
        """Take in one number, and say how unusual the stream is now.

        Parameters
        ----------
        value : float
            In the unit of the stream. NaN and infinity are unusual, and change no statistic.
        ts_ns : int
            UNIX nanoseconds.
        """
        if not math.isfinite(value):
            return self._scored(value, ts_ns, math.nan, unusual=True)
        if self.mean is None or self.deviation is None:
            self._learn(value)
            return self._scored(value, ts_ns, math.nan, unusual=False)
        score = self._judge((value - self.mean) / self.deviation)
        return self._scored(value, ts_ns, score, unusual=abs(score) > 1)

    def _learn(self, value: float) -> None:
        import numpy as np

        self._learned.append(value)
        if len(self._learned) == self.warm_up:
            learned = np.array(self._learned)
            self.mean = float(np.median(learned))
            spread = _MAD * float(np.median(np.abs(learned - self.mean)))
            # Most alike: the deviation of all; all alike: what differs at all is unusual.
            self.deviation = spread or float(learned.std(ddof=1)) or 1e-9 * max(1, abs(self.mean))
            self._learned = []

    @abstractmethod
    def _judge(self, standard: float) -> float:
        """Take in a standardised value; return the score, beyond 1 what is unusual."""

    def _scored(self, value: float, ts_ns: int, score: float, *, unusual: bool) -> PatternScore:
        return PatternScore(
            ts_ns=ts_ns, value=value, score=score, unusual=unusual, detector=self._name
        )

    @property
    @abstractmethod
    def _name(self) -> str:
        """What it is called, with its settings."""

    def __repr__(self) -> str:
        return self._name


class EwmaChart(_Chart):
    r"""A control chart of the exponentially weighted mean: for small changes that last.

    :math:`z_t = \lambda x_t + (1 - \lambda) z_{t-1}` of standardised values is unusual outside of
    :math:`\pm L \sqrt{\lambda / (2 - \lambda) (1 - (1 - \lambda)^{2t})}` [1]_. With the defaults
    and independent normal values of known mean and deviation, there is a false alarm in 500
    observations [2]_.

    Parameters
    ----------
    weight : float, default=0.1
        :math:`\lambda`, in (0, 1].
    width : float, default=2.814
        :math:`L`, in deviations.
    mean, deviation : float, optional
        What is usual; learned from the first `warm_up` observations, by median and median
        absolute deviation, when not given. What is learned makes more false alarms than what is
        known.
    warm_up : int, default=200
        At least 20.

    Examples
    --------
    >>> chart = EwmaChart(mean=0.0, deviation=1.0)
    >>> [chart.observe(value, 0).unusual for value in (0.5, -1.0, 2.5, 2.5, 2.5)]
    [False, False, False, False, True]

    References
    ----------
    .. [1] Roberts, S. W. (1959). Control chart tests based on geometric moving averages.
       Technometrics 1(3), 239-250.
    .. [2] Lucas, J. M. and Saccucci, M. S. (1990). Exponentially weighted moving average control
       schemes: properties and enhancements. Technometrics 32(1), 1-12.
    """

    def __init__(
        self,
        *,
        weight: float = 0.1,
        width: float = 2.814,
        mean: float | None = None,
        deviation: float | None = None,
        warm_up: int = 200,
    ) -> None:
        super().__init__(mean, deviation, warm_up)
        if not 0 < weight <= 1:
            raise InputError("weight must lie in (0, 1]", value=weight)
        if not 0 < width < math.inf:
            raise InputError("width must be positive and finite", value=width)
        self.weight, self.width = weight, width
        self._smoothed, self._left = 0.0, 1.0  # and (1 - weight) ** (2 t)

    def _judge(self, standard: float) -> float:
        self._smoothed += self.weight * (standard - self._smoothed)
        self._left *= (1 - self.weight) ** 2
        variance = self.weight / (2 - self.weight) * (1 - self._left)
        return self._smoothed / (self.width * math.sqrt(variance))

    @property
    def _name(self) -> str:
        return f"EwmaChart(weight={self.weight:g}, width={self.width:g})"


class Cusum(_Chart):
    r"""A two-sided cumulative sum: the fastest to find a shift of a known size.

    :math:`S_t = \max(0, S_{t-1} + x_t - k)`, and likewise downwards, of standardised values
    beyond :math:`h` is unusual [1]_; the sums begin anew then. With the defaults and independent
    normal values of known mean and deviation, there is a false alarm in 465 observations [2]_, and
    a shift by one deviation is found after 10.4.

    Parameters
    ----------
    slack : float, default=0.5
        :math:`k`, in deviations: half of the shift to find.
    threshold : float, default=5
        :math:`h`, in deviations.
    mean, deviation : float, optional
        What is usual; learned from the first `warm_up` observations when not given.
    warm_up : int, default=200
        At least 20.

    Examples
    --------
    >>> chart = Cusum(mean=0.0, deviation=1.0)
    >>> [chart.observe(2.0, 0).score for _ in range(4)]
    [0.3, 0.6, 0.9, 1.2]

    References
    ----------
    .. [1] Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.
    .. [2] Montgomery, D. C. (2009). Introduction to Statistical Quality Control, 6th ed.,
       table 9.3.
    """

    def __init__(
        self,
        *,
        slack: float = 0.5,
        threshold: float = 5.0,
        mean: float | None = None,
        deviation: float | None = None,
        warm_up: int = 200,
    ) -> None:
        super().__init__(mean, deviation, warm_up)
        if not 0 <= slack < math.inf:
            raise InputError("slack must be finite and at least 0", value=slack)
        if not 0 < threshold < math.inf:
            raise InputError("threshold must be positive and finite", value=threshold)
        self.slack, self.threshold = slack, threshold
        self._up, self._down = 0.0, 0.0

    def _judge(self, standard: float) -> float:
        self._up = max(0.0, self._up + standard - self.slack)
        self._down = max(0.0, self._down - standard - self.slack)
        sum_ = self._up if self._up >= self._down else -self._down
        if abs(sum_) > self.threshold:
            self._up = self._down = 0.0
        return sum_ / self.threshold

    @property
    def _name(self) -> str:
        return f"Cusum(slack={self.slack:g}, threshold={self.threshold:g})"


class RobustZScore:
    r"""How far one observation is from the median of those before it: for single large ones.

    :math:`(x - \mathrm{median}) / (1.4826\,\mathrm{MAD})`, of the last `window` observations, is
    unusual beyond `threshold` [1]_. It follows what changes slowly. Profit and loss has fatter
    tails than a normal: of Student t with 4 degrees of freedom it calls 5 in a thousand
    observations unusual at a threshold of 5, of a normal fewer than one in ten thousand.

    Parameters
    ----------
    window : int, default=250
        Observations that are compared with, 20 to 5 000.
    threshold : float, default=5
        Robust standard deviations.
    least_deviation : float, default=0
        What such a deviation is at least: of values that are most alike, the one that is not would
        be as unusual as can be.

    Examples
    --------
    >>> detector = RobustZScore(window=20)
    >>> usual = [detector.observe(float(value % 5), value).unusual for value in range(20)]
    >>> any(usual), detector.observe(40.0, 20).unusual
    (False, True)

    References
    ----------
    .. [1] Iglewicz, B. and Hoaglin, D. (1993). How to Detect and Handle Outliers. ASQC.
    """

    def __init__(
        self, *, window: int = 250, threshold: float = 5.0, least_deviation: float = 0.0
    ) -> None:
        if not 20 <= window <= 5_000:
            raise InputError("window must lie in [20, 5000] observations", value=window)
        if not 0 < threshold < math.inf:
            raise InputError("threshold must be positive and finite", value=threshold)
        if not 0 <= least_deviation < math.inf:
            raise InputError("least_deviation must be finite and at least 0", value=least_deviation)
        self.window, self.threshold = window, threshold
        self.least_deviation = least_deviation
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def __repr__(self) -> str:
        return f"RobustZScore(window={self.window}, threshold={self.threshold:g})"

    def observe(self, value: float, ts_ns: int) -> PatternScore:
        """Compare one number with those before it, and then count it among them.

        Parameters
        ----------
        value : float
            In the unit of the stream. NaN and infinity are unusual, and are not compared with.
        ts_ns : int
            UNIX nanoseconds.
        """
        score, unusual = math.nan, not math.isfinite(value)
        if not unusual:
            if len(self._recent) == self.window:
                score = self._score(value)
                unusual = abs(score) > 1
                del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
            self._recent.append(value)
            insort(self._sorted, value)
        return PatternScore(
            ts_ns=ts_ns, value=value, score=score, unusual=unusual, detector=repr(self)
        )

    def _score(self, value: float) -> float:
        middle = _median(self._sorted)
        spread = max(self.least_deviation, _MAD * _deviation(self._sorted, middle))
        away = value - middle
        if spread == 0:  # most are alike: what is not is as unusual as can be
            return math.copysign(math.inf, away) if away else 0.0
        return away / spread / self.threshold


def anscombe(count: float) -> float:
    r"""Return :math:`2 \sqrt{n + 3/8}`, which of a Poisson count has a deviation near 1.

    For charts of how many orders, cancels or fills there were in an interval: of a mean of 4 or
    more the deviation is within 4 % of 1 [1]_.

    Raises
    ------
    InputError
        When `count` is negative.

    Examples
    --------
    >>> anscombe(10)
    6.442049363362563

    References
    ----------
    .. [1] Anscombe, F. J. (1948). The transformation of Poisson, binomial and negative-binomial
       data. Biometrika 35, 246-254.
    """
    if count < 0:
        raise InputError("a count is at least 0", value=count)
    return 2 * math.sqrt(count + 0.375)


def _median(ordered: list[float]) -> float:
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


def _deviation(ordered: list[float], middle: float) -> float:
    """Return the median absolute deviation from the median of what is ordered."""
    # Deviations fall towards the middle and rise behind it: merged from there outwards.
    right = bisect_left(ordered, middle)
    left, n = right - 1, len(ordered)
    deviations: list[float] = []
    for _ in range(n // 2 + 1):
        below = middle - ordered[left] if left >= 0 else math.inf
        above = ordered[right] - middle if right < n else math.inf
        if below <= above:
            deviations.append(below)
            left -= 1
        else:
            deviations.append(above)
            right += 1
    return deviations[-1] if n % 2 else (deviations[-1] + deviations[-2]) / 2
