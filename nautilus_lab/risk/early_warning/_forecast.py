"""How probable it is that a limit will be exceeded soon; what a statistic or a model says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class BreachForecast:
    """The probability that a limit is exceeded within a horizon, and who says so.

    Attributes
    ----------
    probability : float
        Of at least one breach within `horizon_s`, 0 to 1; NaN when it cannot be told.
    horizon_s : float
        Seconds.
    as_of_ns : int
        UNIX nanoseconds, of the last observation it was made from.
    model : str
        What made it, exactly: its name and settings, or the hash of a trained model.
    features : str
        What it was made from: a hash of the inputs, or the inputs themselves.
    in_service : bool
        Whether it may be used. A model that is missing, outside of what it was trained on, or
        below its quality gate says False, and then has no say.
    """

    probability: float
    horizon_s: float
    as_of_ns: int
    model: str
    features: str = ""
    in_service: bool = True


class BreachForecaster(Protocol):
    """Foretells whether one limit of one scope will be exceeded; learned models are ones, too.

    `observe` takes a time that does not grow with what was observed before.
    """

    def observe(self, utilisation: float, ts_ns: int) -> None:
        """Take in the utilisation at a time, a fraction; UNIX nanoseconds."""

    def forecast(self, horizon_s: float, now_ns: int) -> BreachForecast:
        """Return the probability that utilisation exceeds 1 within the next `horizon_s` seconds."""
