"""Where utilisation is going, and when it would be over the limit."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.risk.early_warning._forecast import BreachForecast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NS = 1_000_000_000
# From deviations of the median to a standard deviation, if normal: 1 / Phi^-1(3/4).
_MAD = 1.4826022185056018
# So many changes within a window are a movement; one or two of them, after which nothing moved, are
# events: a fill.
_MOVEMENT = 3
# The variance of a slope fitted to a random walk of length T is 6/5 sigma^2 / T.
_OF_A_WALK = 6 / 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeToBreach:
    """When utilisation would first exceed 1, if it goes on as it did.

    Attributes
    ----------
    utilisation : float
        The last one, a fraction.
    slope : float
        Per second; the median of the slopes of all pairs.
    slope_deviation : float
        The standard deviation of `slope`, per second, utilisation being a random walk.
    volatility : float
        Of utilisation, per root of a second.
    earliest_s, median_s, latest_s : float
        Seconds from the last observation in which it is exceeded with a probability of 10, 50 and
        90 %; infinite when it never becomes as probable. 0 when it is exceeded now.
    n_observations : int
        Of the window.
    """

    utilisation: float
    slope: float
    slope_deviation: float
    volatility: float
    earliest_s: float
    median_s: float
    latest_s: float
    n_observations: int


def first_passage_probability(
    distance: float, drift: float, volatility: float, horizon_s: float
) -> float:
    r"""Return the probability that a random walk with drift climbs `distance` within a horizon.

    :math:`\Phi\left(\frac{\mu T - a}{\sigma \sqrt T}\right) + e^{2 \mu a / \sigma^2}
    \Phi\left(\frac{-a - \mu T}{\sigma \sqrt T}\right)` of a continuously observed one [1]_.

    Parameters
    ----------
    distance : float
        What is left, :math:`a`; 1 at once when it is not positive.
    drift : float
        :math:`\mu`, per second.
    volatility : float
        :math:`\sigma`, per root of a second, at least 0.
    horizon_s : float
        :math:`T`, seconds, at least 0; may be infinite.

    Returns
    -------
    float
        0 to 1; NaN when an argument is.

    References
    ----------
    .. [1] Cox, D. R. and Miller, H. D. (1965). The Theory of Stochastic Processes, ch. 5.7.

    Examples
    --------
    >>> round(first_passage_probability(0.1, 0.0, 0.01, 100.0), 4)  # 2 Phi(-1)
    0.3173
    >>> first_passage_probability(0.1, 0.001, 0.0, 99.0)
    0.0
    """
    if any(map(math.isnan, (distance, drift, volatility, horizon_s))):
        return math.nan
    if distance <= 0:
        return 1.0
    if horizon_s <= 0:
        return 0.0
    if volatility <= 0:
        return 1.0 if drift > 0 and drift * horizon_s >= distance else 0.0
    exponent = 2 * drift * distance / volatility**2
    if math.isinf(horizon_s):
        return 1.0 if drift >= 0 else math.exp(exponent)
    scale = volatility * math.sqrt(horizon_s)
    ahead = (drift * horizon_s - distance) / scale
    behind = (-distance - drift * horizon_s) / scale
    # exp(x) Phi(y) with x large and y far below zero: by the logarithm, it does not overflow.
    reflected = math.exp(min(exponent + _log_normal(behind), 0.0))
    return min(1.0, _normal(ahead) + reflected)


class UtilisationTrend:
    """The robust trend of one utilisation, and the probability that it becomes a breach.

    Utilisation is taken for a random walk with drift. The drift is the median of the slopes of
    all pairs in the window (Theil-Sen [1]_ [2]_), which a quarter of bad observations does not
    move far; what is not known of it, as a slope fitted to a random walk, widens the forecast. The
    volatility is that of the median absolute change for its time, or, where most changes are
    zero, their root mean square.

    What changed once or twice within the window, as with a fill, and is within its limit has no
    trend. Observing takes O(1); a forecast takes a time that depends on the window alone.

    Parameters
    ----------
    window : int, default=60
        Observations that count, 5 to 500: five minutes of looks at five seconds.
    min_observations : int, default=12
        Fewer say nothing: the forecast is NaN.

    Examples
    --------
    >>> trend = UtilisationTrend(window=20)
    >>> for second in range(20):
    ...     trend.observe(0.50 + 0.01 * second + 0.001 * (second % 2), second * 1_000_000_000)
    >>> found = trend.estimate()
    >>> round(found.slope, 3), found.earliest_s <= found.median_s <= found.latest_s
    (0.01, True)
    >>> trend.forecast(60.0, now_ns=20_000_000_000).probability > 0.9
    True

    References
    ----------
    .. [1] Theil, H. (1950). A rank-invariant method of linear and polynomial regression analysis.
       Indagationes Mathematicae 12, 85-91.
    .. [2] Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau.
       Journal of the American Statistical Association 63, 1379-1389.
    """

    def __init__(self, *, window: int = 60, min_observations: int = 12) -> None:
        if not 5 <= window <= 500:
            raise InputError("window must lie in [5, 500] observations", value=window)
        if not 5 <= min_observations <= window:
            raise InputError(
                "min_observations must lie in [5, window]",
                value=min_observations,
                remedy="pass min_observations=12",
            )
        self.window, self.min_observations = window, min_observations
        self._seen: deque[tuple[int, float]] = deque(maxlen=window)
        self._unknown_ns: int | None = None  # when what could not be measured was told, if last
        self._fitted: _Walk | None = None
        self._changes = 0  # within the window

    def __repr__(self) -> str:
        return f"UtilisationTrend(window={self.window}, n={len(self._seen)})"

    def observe(self, utilisation: float, ts_ns: int) -> None:
        """Take in the utilisation at a time.

        Parameters
        ----------
        utilisation : float
            A fraction. What is NaN or infinite enters no trend, and there is no forecast until
            the next that is neither.
        ts_ns : int
            UNIX nanoseconds; what is not later than the last one is ignored.
        """
        if self._seen and ts_ns <= self._seen[-1][0]:
            return
        if not math.isfinite(utilisation):
            self._unknown_ns = ts_ns
            return
        self._unknown_ns = None
        seen = self._seen
        if len(seen) == self.window:
            self._changes -= seen[0][1] != seen[1][1]
        self._changes += bool(seen) and seen[-1][1] != utilisation
        seen.append((ts_ns, utilisation))
        self._fitted = None

    def estimate(self) -> TimeToBreach:
        """Return the trend, and when it would lead over the limit.

        Raises
        ------
        NotEnoughData
            When there are fewer than `min_observations`, the last one was not known, or they
            changed once or twice only: a jump is no trend.
        """
        if not self._enough:
            raise NotEnoughData(
                f"a trend needs {self.min_observations} observations, the last one known, and "
                f"{_MOVEMENT} changes if any",
                value=len(self._seen),
            )
        walk = self._fit()
        return TimeToBreach(
            utilisation=walk.utilisation,
            slope=walk.slope,
            slope_deviation=walk.slope_deviation,
            volatility=walk.volatility,
            earliest_s=_time_of(0.1, walk.breach_within),
            median_s=_time_of(0.5, walk.breach_within),
            latest_s=_time_of(0.9, walk.breach_within),
            n_observations=len(self._seen),
        )

    def breach_in_s(self) -> float:
        """Return within how many seconds a breach is as probable as not; infinite when never.

        The `median_s` of `estimate`, in a third of its time; NaN while there is no trend.
        """
        return _time_of(0.5, self._fit().breach_within) if self._enough else math.nan

    @property
    def _enough(self) -> bool:
        return (
            len(self._seen) >= self.min_observations
            and self._unknown_ns is None
            and (not 0 < self._changes < _MOVEMENT or self._seen[-1][1] > 1.0)
        )

    def _fit(self) -> _Walk:
        if self._fitted is None:
            import numpy as np

            start = self._seen[0][0]
            times = np.array([(ts - start) / _NS for ts, _ in self._seen])
            values = np.array([value for _, value in self._seen])
            first, second = _pairs(len(times))
            slopes = (values[second] - values[first]) / (times[second] - times[first])
            slope = float(np.median(slopes))
            steps = np.diff(times)
            changes = (np.diff(values) - slope * steps) / np.sqrt(steps)
            volatility = _MAD * float(np.median(np.abs(changes - np.median(changes))))
            if volatility <= 1e-12:
                volatility = float(np.sqrt(np.mean(changes**2)))
            deviation = volatility * math.sqrt(_OF_A_WALK / float(times[-1]))
            self._fitted = _Walk(float(values[-1]), slope, deviation, volatility)
        return self._fitted

    def forecast(self, horizon_s: float, now_ns: int) -> BreachForecast:
        """Return the probability that utilisation exceeds 1 within the next seconds.

        Parameters
        ----------
        horizon_s : float
            From now on, seconds, positive.
        now_ns : int
            UNIX nanoseconds. What passed since the last observation counts as well.

        Returns
        -------
        BreachForecast
            NaN while there are not enough observations; `as_of_ns` is that of the last one.

        Raises
        ------
        InputError
            When `horizon_s` is not positive.
        """
        if not horizon_s > 0:
            raise InputError("horizon_s must be positive", value=horizon_s)
        as_of_ns = self._seen[-1][0] if self._seen else 0
        probability, features = math.nan, f"n={len(self._seen)}"
        if self._enough:
            walk = self._fit()
            probability = walk.breach_within(horizon_s + max(0, now_ns - as_of_ns) / _NS)
            features += (
                f" utilisation={walk.utilisation:.6g} slope={walk.slope:.6g}"
                f" volatility={walk.volatility:.6g}"
            )
        return BreachForecast(
            probability=probability,
            horizon_s=horizon_s,
            as_of_ns=as_of_ns,
            model=f"UtilisationTrend(window={self.window})",
            features=features,
        )


class Persistence:
    """The forecast that all others must beat: what is over its limit stays over, else nothing.

    Examples
    --------
    >>> baseline = Persistence()
    >>> baseline.observe(0.99, 0)
    >>> baseline.forecast(60.0, now_ns=0).probability
    0.0
    """

    def __init__(self) -> None:
        self._last, self._ts_ns = math.nan, 0

    def __repr__(self) -> str:
        return f"Persistence(utilisation={self._last:.6g})"

    def observe(self, utilisation: float, ts_ns: int) -> None:
        """Take in the utilisation at a time, a fraction; UNIX nanoseconds."""
        self._last, self._ts_ns = utilisation, ts_ns

    def forecast(self, horizon_s: float, now_ns: int) -> BreachForecast:
        """Return 1 when the last utilisation is over 1, NaN when it is not known, 0 otherwise."""
        last = self._last
        return BreachForecast(
            probability=math.nan if last != last else float(last > 1.0),
            horizon_s=horizon_s,
            as_of_ns=self._ts_ns,
            model="Persistence()",
            features=f"utilisation={last:.6g}",
        )


class _Walk(NamedTuple):
    """Utilisation as a random walk whose drift is known but for a normal error."""

    utilisation: float
    slope: float
    slope_deviation: float
    volatility: float

    def breach_within(self, horizon_s: float) -> float:
        """Average the first passage over what the drift may be."""
        nodes, weights = _normal_nodes()
        return min(
            1.0,
            sum(
                weight
                * first_passage_probability(
                    1.0 - self.utilisation,
                    self.slope + self.slope_deviation * node,
                    self.volatility,
                    horizon_s,
                )
                for node, weight in zip(nodes, weights, strict=True)
            ),
        )


def _time_of(share: float, probability: Callable[[float], float]) -> float:
    """Return when a probability that grows with time reaches `share`, to a thousandth."""
    if probability(0.0) >= share:
        return 0.0
    if probability(math.inf) < share:
        return math.inf
    low, high = 0.0, 1.0
    while probability(high) < share:
        low, high = high, 2 * high
        if high > 1e9:  # thirty years
            return math.inf
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if probability(middle) >= share else (middle, high)
    return high


@cache
def _pairs(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    import numpy as np

    return np.triu_indices(n, 1)


@cache
def _normal_nodes() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return nodes and weights of a quadrature that is of a standard normal (Gauss-Hermite)."""
    import numpy as np

    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    return tuple(nodes.tolist()), tuple((weights / weights.sum()).tolist())


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _log_normal(x: float) -> float:
    if x > -30:
        return math.log(_normal(x))
    # The first terms of the asymptotic series; where erfc would become zero.
    return -0.5 * x * x - math.log(-x * math.sqrt(2 * math.pi)) + math.log1p(-1 / (x * x))
