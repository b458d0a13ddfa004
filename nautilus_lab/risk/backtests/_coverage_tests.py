"""Likelihood-ratio tests of how many exceptions there were, and whether they came together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, NotEnoughData

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import BoolArray


@dataclass(frozen=True, kw_only=True)
class CoverageTest:
    """A likelihood ratio and what it says.

    Attributes
    ----------
    name : str
        Which test.
    statistic : float
        The likelihood ratio, at least 0.
    degrees_of_freedom : int
        Of the chi-squared distribution that it has for long histories when the model is right.
    p_value : float
        The chance of a statistic at least as large from a model that is right, by that
        distribution.
    exceptions, observations : int
        What was counted.
    power : float or None
        The exact chance that the test at 5 % finds a model whose exceptions are twice as
        frequent as promised; where it is small, not to reject says little. None where it is not
        worked out.
    """

    name: str
    statistic: float
    degrees_of_freedom: int
    p_value: float
    exceptions: int
    observations: int
    power: float | None = None

    def rejected(self, *, level: float = 0.05) -> bool:
        """Whether the model is rejected at `level`, a chance in (0, 1)."""
        if not 0 < level < 1:
            raise InputError("level must lie in (0, 1)", value=level, remedy="pass level=0.05")
        return not self.p_value >= level


def kupiec_test(exceptions: int, observations: int, *, confidence: float = 0.99) -> CoverageTest:
    r"""Test whether exceptions are as frequent as promised: Kupiec's proportion of failures [1]_.

    :math:`LR = -2 \ln \frac{(1-p)^{N-x} p^x}{(1-x/N)^{N-x} (x/N)^x}`, chi-squared of one degree
    of freedom, with :math:`x` exceptions in :math:`N` periods, :math:`p` = 1 - `confidence` and
    :math:`0 \ln 0 = 0`.

    Parameters
    ----------
    exceptions : int
        Periods whose loss was above the value at risk, 0 to `observations`.
    observations : int
        All periods, at least 1.
    confidence : float, default=0.99
        Of the value at risk, in (0, 1).

    Returns
    -------
    CoverageTest
        With its exact power against twice the promised frequency.

    Raises
    ------
    InputError
        When a count or `confidence` is out of bounds.

    References
    ----------
    .. [1] Kupiec, P. (1995). Techniques for verifying the accuracy of risk measurement models.
       Journal of Derivatives 3(2), 73-84.

    Examples
    --------
    >>> test = kupiec_test(7, 250)
    >>> round(test.statistic, 4), test.rejected(), round(test.power, 2)
    (5.497, True, 0.24)
    """
    require_counts(exceptions, observations, confidence)
    statistic = _failures_ratio(exceptions, observations, confidence)
    return CoverageTest(
        name="Kupiec, proportion of failures",
        statistic=statistic,
        degrees_of_freedom=1,
        p_value=_chi_squared(statistic, 1),
        exceptions=int(exceptions),
        observations=int(observations),
        power=_power(observations, confidence),
    )


def christoffersen_test(exceptions: Sequence[bool] | BoolArray | pd.Series[bool]) -> CoverageTest:
    r"""Test whether an exception makes another one on the next period more likely [1]_.

    Of the :math:`n_{ij}` periods in state j (1 is an exception) after one in state i,
    :math:`LR = -2 \ln \frac{(1-\pi)^{n_{00}+n_{10}} \pi^{n_{01}+n_{11}}}{(1-\pi_{01})^{n_{00}}
    \pi_{01}^{n_{01}} (1-\pi_{11})^{n_{10}} \pi_{11}^{n_{11}}}`, chi-squared of one degree of
    freedom. It sees neighbours only, and without two of them in a row it sees little.

    Parameters
    ----------
    exceptions : sequence, array or Series of bool, shape (time,)
        Whether each period was one, in order; at least 2.

    Raises
    ------
    InputError
        When what is given is not true or false.
    NotEnoughData
        When there are fewer than 2 periods.

    References
    ----------
    .. [1] Christoffersen, P. (1998). Evaluating interval forecasts. International Economic Review
       39(4), 841-862.
    """
    hits = _hits(exceptions)
    statistic = _independence_ratio(hits)
    return CoverageTest(
        name="Christoffersen, independence",
        statistic=statistic,
        degrees_of_freedom=1,
        p_value=_chi_squared(statistic, 1),
        exceptions=int(hits.sum()),
        observations=len(hits),
    )


def conditional_coverage_test(
    exceptions: Sequence[bool] | BoolArray | pd.Series[bool], *, confidence: float = 0.99
) -> CoverageTest:
    """Test frequency and independence together: the sum of both ratios, two degrees [1]_.

    Parameters
    ----------
    exceptions : sequence, array or Series of bool, shape (time,)
        Whether each period was one, in order; at least 2. The ratio of frequency counts all
        periods, that of independence all but the first.
    confidence : float, default=0.99
        Of the value at risk, in (0, 1).

    Raises
    ------
    InputError
        When what is given is not true or false, or `confidence` is out of bounds.
    NotEnoughData
        When there are fewer than 2 periods.

    References
    ----------
    .. [1] Christoffersen, P. (1998). Evaluating interval forecasts. International Economic Review
       39(4), 841-862.
    """
    hits = _hits(exceptions)
    count, observations = int(hits.sum()), len(hits)
    require_counts(count, observations, confidence)
    statistic = _failures_ratio(count, observations, confidence) + _independence_ratio(hits)
    return CoverageTest(
        name="Christoffersen, conditional coverage",
        statistic=statistic,
        degrees_of_freedom=2,
        p_value=_chi_squared(statistic, 2),
        exceptions=count,
        observations=observations,
    )


def require_counts(exceptions: int, observations: int, confidence: float) -> None:
    """Raise `InputError` when exceptions cannot have been counted in observations."""
    for name, count in (("exceptions", exceptions), ("observations", observations)):
        if isinstance(count, bool) or not hasattr(count, "__index__"):
            raise InputError(f"{name} must be a whole number", value=count, remedy="count them")
    if not 0 <= exceptions <= observations or observations < 1:
        raise InputError(
            "exceptions must be at least 0 and at most the observations, of which there is one",
            value=f"{exceptions} of {observations}",
            remedy="count both over the same periods",
        )
    if not 0 < confidence < 1:
        raise InputError(
            "confidence must lie in (0, 1)", value=confidence, remedy="pass confidence=0.99"
        )


def _hits(exceptions: Sequence[bool] | BoolArray | pd.Series[bool]) -> BoolArray:
    import numpy as np

    hits = np.asarray(exceptions)
    if hits.dtype != bool or hits.ndim != 1:
        raise InputError(
            "exceptions must be true or false for each period",
            value=f"{hits.dtype}, {hits.ndim} dimensions",
            remedy="pass losses > value_at_risk, or report.exceptions",
        )
    if len(hits) < 2:
        raise NotEnoughData(
            "independence needs at least 2 periods", value=len(hits), remedy="widen the dates"
        )
    return np.asarray(hits, dtype=np.bool_)


def _failures_ratio(exceptions: int, observations: int, confidence: float) -> float:
    x, n, p = exceptions, observations, 1 - confidence
    promised = _times_log(n - x, 1 - p) + _times_log(x, p)
    found = _times_log(n - x, 1 - x / n) + _times_log(x, x / n)
    # Rounding may leave a little less than 0 where both agree.
    return max(0.0, -2 * (promised - found))


def _independence_ratio(hits: BoolArray) -> float:
    before, after = hits[:-1], hits[1:]
    n01, n11 = int((~before & after).sum()), int((before & after).sum())
    n00, n10 = int((~before & ~after).sum()), int((before & ~after).sum())
    whole = (n01 + n11) / (n00 + n01 + n10 + n11)
    together = _times_log(n00 + n10, 1 - whole) + _times_log(n01 + n11, whole)
    apart = 0.0
    for no, yes in ((n00, n01), (n10, n11)):
        if no + yes:
            share = yes / (no + yes)
            apart += _times_log(no, 1 - share) + _times_log(yes, share)
    return max(0.0, -2 * (together - apart))


def _times_log(count: int, chance: float) -> float:
    return count * math.log(chance) if count else 0.0


def _chi_squared(statistic: float, degrees: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(degrees, statistic))


def _power(observations: int, confidence: float) -> float | None:
    from scipy.special import bdtr, chdtri

    doubled = 2 * (1 - confidence)
    if not doubled < 1:
        return None
    critical = float(chdtri(1, 0.05))
    # The ratio falls to its least and rises again: what is not rejected is one run of counts.
    expected = observations * (1 - confidence)

    def passes(count: int) -> bool:
        return _failures_ratio(count, observations, confidence) <= critical

    low = high = min(max(round(expected), 0), observations)
    if not passes(low):
        return 1.0
    while low > 0 and passes(low - 1):
        low -= 1
    while high < observations and passes(high + 1):
        high += 1
    kept = float(bdtr(high, observations, doubled))
    return 1 - (kept - (float(bdtr(low - 1, observations, doubled)) if low else 0.0))
