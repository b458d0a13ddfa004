"""Which measures the limits of a trader need, of those that can be computed here."""

from __future__ import annotations

from nautilus_lab.config import TradingSettings
from nautilus_lab.risk.adjustment import book_of

# A second source's price comes from that source.
_ELSEWHERE = frozenset({"price:*"})


def needs_of(settings: TradingSettings) -> frozenset[str]:
    """Return the measures to compute for a trader's limits; empty when there are none.

    Raises
    ------
    ConfigError
        When one of its limits is none.

    Examples
    --------
    >>> limits = [{"limit": "max_value_at_risk", "max_fraction": 0.02}]
    >>> sorted(needs_of(TradingSettings(limits=limits)))
    ['value_at_risk']
    """
    if not settings.measures.enabled:
        return frozenset()
    return book_of(settings.limits).needs - _ELSEWHERE
