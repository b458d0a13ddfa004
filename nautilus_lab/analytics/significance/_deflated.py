"""What a Sharpe ratio is worth when it was the best of several that were tried."""

from __future__ import annotations

import math

from nautilus_lab.analytics.significance._probabilistic import SharpeSample, _quantile
from nautilus_lab.exceptions import InputError

_EULER = 0.5772156649015329


def expected_max_sharpe(n_trials: float, variance: float) -> float:
    r"""Return the Sharpe ratio that the best of `n_trials` shows without any skill [1]_.

    :math:`\sqrt V \left((1 - \gamma) \Phi^{-1}(1 - 1/N) + \gamma \Phi^{-1}(1 - 1/(Ne))\right)`,
    with Euler's :math:`\gamma`: the mean of the largest of :math:`N` independent normal numbers.

    Parameters
    ----------
    n_trials : float
        How many were tried, independent of each other; an effective number need not be whole.
    variance : float
        Of the Sharpe ratios over the trials, in the square of the unit the answer is wanted in.

    Returns
    -------
    float
        0 for one trial: nothing was chosen.

    Raises
    ------
    InputError
        When there is less than one trial, or `variance` is negative or not finite.

    References
    ----------
    .. [1] Bailey, D. and López de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio
       Management 40(5), 94-107, equation 1.

    Examples
    --------
    >>> round(expected_max_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    if not 1 <= n_trials < math.inf:
        raise InputError("there must be at least one trial", value=n_trials)
    if not 0 <= variance < math.inf:
        raise InputError("a variance must be finite and not negative", value=variance)
    return math.sqrt(variance) * _expected_max(n_trials)


def deflated_sharpe(sample: SharpeSample, *, n_trials: float, variance: float) -> float:
    """Return the probability that the best of several trials has a Sharpe ratio above 0 [1]_.

    The probabilistic Sharpe ratio against what the best of `n_trials` shows without any skill.

    Parameters
    ----------
    sample : SharpeSample
        Of the trial that was chosen.
    n_trials : float
        Independent trials it was chosen among, itself included.
    variance : float
        Of the Sharpe ratios over the trials, per period as that of `sample` is.

    Returns
    -------
    float
        In [0, 1]; below 0.95 it is not told from luck at the usual level. NaN when the Sharpe ratio
        is NaN.

    References
    ----------
    .. [1] Bailey, D. and López de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio
       Management 40(5), 94-107, equation 2.

    Examples
    --------
    The example of the paper: 2.5 a year over five years of days, the best of 100.

    >>> best = SharpeSample(
    ...     sharpe=2.5 / 250**0.5, n_observations=1250, skewness=-3, kurtosis=10
    ... )
    >>> round(deflated_sharpe(best, n_trials=100, variance=0.5 / 250), 4)
    0.9004
    """
    return sample.probability(expected_max_sharpe(n_trials, variance))


def minimum_backtest_years(n_trials: float, *, annual_sharpe: float = 1.0) -> float:
    r"""Return the years of data below which luck alone shows a Sharpe ratio [1]_.

    With fewer, the best of `n_trials` without skill has more than `annual_sharpe` in its sample, in
    the mean; at most :math:`2 \ln N / SR^2`.

    Parameters
    ----------
    n_trials : float
        Independent trials.
    annual_sharpe : float, default=1
        A year's, positive.

    References
    ----------
    .. [1] Bailey, D., Borwein, J., López de Prado, M. and Zhu, Q. (2014). Pseudo-Mathematics and
       Financial Charlatanism. Notices of the AMS 61(5), 458-471.

    Examples
    --------
    >>> round(minimum_backtest_years(45), 2)  # the paper: 5 years carry at most 45 trials
    5.0
    """
    if not 0 < annual_sharpe < math.inf:
        raise InputError("annual_sharpe must be positive", value=annual_sharpe)
    return (expected_max_sharpe(n_trials, 1.0) / annual_sharpe) ** 2


def haircut_sharpe(sample: SharpeSample, *, n_trials: float) -> float:
    r"""Return the Sharpe ratio that says of one trial what this says of the best of several [1]_.

    The two-sided p-value of :math:`t = SR \sqrt n` is raised to that of `n_trials` independent
    ones, :math:`1 - (1 - p)^N`, and turned back into a Sharpe ratio of the same sign.

    Parameters
    ----------
    sample : SharpeSample
    n_trials : float
        Independent trials.

    Returns
    -------
    float
        Per period, as that of `sample`.

    References
    ----------
    .. [1] Harvey, C. and Liu, Y. (2015). Backtesting. Journal of Portfolio Management 42(1), 13-28.

    Examples
    --------
    The example of the paper: 0.75 a year over 20 years of months, one of 200.

    >>> one = SharpeSample(sharpe=0.75 / 12**0.5, n_observations=240)
    >>> round(haircut_sharpe(one, n_trials=200) * 12**0.5, 2)
    0.32
    """
    expected_max_sharpe(n_trials, 1.0)  # refuses what is no number of trials
    if math.isnan(sample.sharpe):
        return math.nan
    t = abs(sample.sharpe) * math.sqrt(sample.n_observations)
    p = math.erfc(t / math.sqrt(2))
    together = -math.expm1(n_trials * math.log1p(-p)) if p < 1 else 1.0
    left = -_quantile(together / 2) if together > 0 else t  # p is 0 in floating point
    return math.copysign(left / math.sqrt(sample.n_observations), sample.sharpe)


def _expected_max(n: float) -> float:
    if n == 1:
        return 0.0
    # The formula is one for many: just above one trial it would be negative.
    return max(0.0, (1 - _EULER) * -_quantile(1 / n) + _EULER * -_quantile(math.exp(-1) / n))
