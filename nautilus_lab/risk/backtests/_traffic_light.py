"""The three zones of the Basel Committee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.risk.backtests._coverage_tests import require_counts

Zone: TypeAlias = Literal["green", "yellow", "red"]

# exceptions in 250 days at 99 % -> what is added to a factor of 3 (1996), of 1.5 (2019);
# tables of the Committee, which no formula gives
_ADDED = {5: (0.40, 0.20), 6: (0.50, 0.26), 7: (0.65, 0.33), 8: (0.75, 0.38), 9: (0.85, 0.42)}
_RED = (1.00, 0.50)


@dataclass(frozen=True, kw_only=True)
class TrafficLight:
    """Where a count of exceptions falls. A Basel-style measure: nobody has approved the model.

    Attributes
    ----------
    zone : {"green", "yellow", "red"}
        Nothing to say against the model; it may be wrong; it almost certainly is.
    exceptions, observations : int
        What was counted.
    cumulative : float
        The chance of that many exceptions or fewer from a model that is right, binomial.
    add_on_1996, multiplier_1996 : float or None
        What is added to the factor 3, and the sum; None unless 250 periods at 99 %.
    add_on_2019, multiplier_2019 : float or None
        What is added to the factor 1.5, and the sum; None unless 250 periods at 99 %.
    """

    zone: Zone
    exceptions: int
    observations: int
    cumulative: float
    add_on_1996: float | None
    add_on_2019: float | None

    @property
    def multiplier_1996(self) -> float | None:
        """3 and the add-on."""
        return None if self.add_on_1996 is None else 3 + self.add_on_1996

    @property
    def multiplier_2019(self) -> float | None:
        """1.5 and the add-on."""
        return None if self.add_on_2019 is None else 1.5 + self.add_on_2019


def traffic_light(
    exceptions: int, observations: int = 250, *, confidence: float = 0.99
) -> TrafficLight:
    """Return the zone of a count of exceptions [1]_ [2]_.

    Of 250 periods at 99 %: green to 4, yellow to 9, red from 10, with the Committee's add-ons.
    Otherwise the zone by what defines these: yellow from where the cumulative chance reaches
    95 %, red from 99.99 %; the Committee has no add-ons there.

    Parameters
    ----------
    exceptions : int
        Periods whose loss was above the value at risk. A Basel-style count takes the higher of
        those of actual and hypothetical P&L, and missing data as exceptions; see
        `backtest_value_at_risk`.
    observations : int, default=250
        All periods.
    confidence : float, default=0.99
        Of the value at risk, in (0, 1).

    Raises
    ------
    InputError
        When a count or `confidence` is out of bounds.

    References
    ----------
    .. [1] Basel Committee (1996). Supervisory framework for the use of "backtesting" in
       conjunction with the internal models approach to market risk capital requirements.
    .. [2] Basel Committee (2019). Minimum capital requirements for market risk, MAR32.

    Examples
    --------
    >>> light = traffic_light(7)
    >>> light.zone, light.multiplier_1996, light.multiplier_2019
    ('yellow', 3.65, 1.83)
    """
    from scipy.special import bdtr

    require_counts(exceptions, observations, confidence)
    cumulative = float(bdtr(exceptions, observations, 1 - confidence))
    zone: Zone
    added: tuple[float | None, float | None]
    if (observations, confidence) == (250, 0.99):
        zone = "green" if exceptions <= 4 else "yellow" if exceptions <= 9 else "red"
        added = (0.0, 0.0) if zone == "green" else _ADDED.get(exceptions, _RED)
    else:
        zone = "green" if cumulative < 0.95 else "yellow" if cumulative < 0.9999 else "red"
        added = (None, None)
    return TrafficLight(
        zone=zone,
        exceptions=int(exceptions),
        observations=int(observations),
        cumulative=cumulative,
        add_on_1996=added[0],
        add_on_2019=added[1],
    )
