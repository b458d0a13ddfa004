"""How far, and how fast, a limit may be adjusted."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nautilus_lab.exceptions import InputError

_SESSION_S = 86_400.0  # of the longest market there is: one that does not close


@dataclass(frozen=True, kw_only=True, slots=True)
class AdjustmentBounds:
    """How far and how fast a limit may move; parts of its base, in whole percent.

    | usage | setting |
    |---|---|
    | how tight a rule may make it | `floor` |
    | how far two people together may loosen it | `ceiling`, `max_loosening_s` |
    | how fast it goes back, in any minute and in any day | `per_minute`, `per_day` |
    | how fast a rule may tighten it | `tighten_per_minute`; at once when not given |
    | how long a tightening stands that nobody renews | `lifetime_s` |
    | how it goes back then | `return_step`, `return_every_s` |

    Parameters
    ----------
    floor : float, default=0.25
        In [0.01, 1]. Exposures above a tightened limit are not sold by it: what only reduces
        passes at any factor.
    ceiling : float, default=1
        At least 1: with the default nobody can loosen beyond the base. No call can pass it.
    per_minute, per_day : float, default=0.10, 0.50
        All steps towards looser within any minute, and any 24 hours, add up to at most so much.
        What a tightening takes back does not count against them.
    tighten_per_minute : float, optional
        All steps of a rule towards tighter within any minute add up to at most so much. An input
        that fails is not bound by it.
    lifetime_s : float, default=86_400
        How long a tightening stands after the last look at which its rule asked for it.
    return_step, return_every_s : float, default=0.05, 3_600
        From then on, by how much it goes back at the end of each such time, seconds.
    max_loosening_s : float, default=28_800
        How long a loosening may be asked for: one session, of a day at most.

    Examples
    --------
    >>> AdjustmentBounds(floor=0.5, ceiling=1.25).ceiling
    1.25
    """

    floor: float = 0.25
    ceiling: float = 1.0
    per_minute: float = 0.10
    per_day: float = 0.50
    tighten_per_minute: float | None = None
    lifetime_s: float = 86_400.0
    return_step: float = 0.05
    return_every_s: float = 3_600.0
    max_loosening_s: float = 28_800.0

    def __post_init__(self) -> None:
        parts = {
            "floor": (self.floor, 0.01, 1.0),
            "ceiling": (self.ceiling, 1.0, 10.0),
            "per_minute": (self.per_minute, 0.01, 1.0),
            "per_day": (self.per_day, 0.01, 10.0),
            "return_step": (self.return_step, 0.01, 1.0),
        }
        if self.tighten_per_minute is not None:
            parts["tighten_per_minute"] = (self.tighten_per_minute, 0.01, 1.0)
        for name, (value, least, most) in parts.items():
            if not least <= value <= most:
                raise InputError(f"{name} must lie in [{least:g}, {most:g}]", value=value)
            if abs(value * 100 - round(value * 100)) > 1e-9:
                raise InputError(
                    f"{name} must be whole percents", value=value, remedy="pass 0.25, not 0.255"
                )
        for name in ("lifetime_s", "return_every_s", "max_loosening_s"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InputError(f"{name} must be positive and finite", value=value)
        if self.max_loosening_s > _SESSION_S:
            raise InputError(
                f"max_loosening_s must be a session at most, {_SESSION_S:g} s",
                value=self.max_loosening_s,
            )


def percent(part: float) -> int:
    """Return a bound in whole percent."""
    return round(part * 100)


def percent_below(part: float) -> int:
    """Return a part in whole percent, towards tighter; NaN is 0."""
    if not part > 0:
        return 0
    # A part that was written as 0.29 is 28.999999999999996 hundredths.
    return math.floor(min(part, 100.0) * 100 + 1e-9)
