"""Whether a desk's model has failed too often to be used."""

from __future__ import annotations

from nautilus_lab.risk.backtests._coverage_tests import require_counts

_DAYS = 250
_MOST_99, _MOST_97_5 = 12, 30


def desk_eligible(exceptions_99: int, exceptions_97_5: int) -> bool:
    """Whether a desk had at most 12 exceptions at 99 % and 30 at 97.5 % in 250 days [1]_.

    A Basel-style measure: the standard asks for more than this before a desk may use a model.

    Parameters
    ----------
    exceptions_99, exceptions_97_5 : int
        Of the last 250 days, the higher of those by actual and hypothetical P&L.

    Raises
    ------
    InputError
        When a count is negative, above 250 or not whole.

    References
    ----------
    .. [1] Basel Committee (2019). Minimum capital requirements for market risk, MAR32.

    Examples
    --------
    >>> desk_eligible(12, 30), desk_eligible(13, 0), desk_eligible(0, 31)
    (True, False, False)
    """
    require_counts(exceptions_99, _DAYS, 0.99)
    require_counts(exceptions_97_5, _DAYS, 0.975)
    return exceptions_99 <= _MOST_99 and exceptions_97_5 <= _MOST_97_5
