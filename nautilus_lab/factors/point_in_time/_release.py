"""When a value became known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.point_in_time._moments import (
    DAY,
    NEW_YORK,
    as_times,
    is_day,
    local_moments,
    microseconds,
    minutes,
    require_zone,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors.point_in_time._moments import Moments

Frequency = Literal["", "daily", "weekly", "monthly", "quarterly", "annual"]

# frequency -> months that a period stamped with its first day lasts
MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}
# a hundred years
_MOST = 36_525


@dataclass(frozen=True, kw_only=True)
class Release:
    """The rule that tells when a value became known.

    =========================================== ===================================================
    ``Release(column="filed")``                 the data say it
    ``Release(column="realtime_start", at=...)``  the data say the date, the rule the hour
    ``Release(days=15, frequency="monthly")``   so many days after the last day of its month
    ``Release(business_days=1)``                days without weekends and US federal holidays
    =========================================== ===================================================

    A date without an hour, midnight in its own zone, is known at `at` of that day on the clock of
    `zone`; with the default when the day is over, so that the next bar is the first to know it. A
    time is known at that time.

    Parameters
    ----------
    column : str, default=""
        Where the data tell it; without, it is counted from the period.
    days, business_days : int, default=0
        Added to it.
    frequency : {"", "daily", "weekly", "monthly", "quarterly", "annual"}
        How long a period lasts that is stamped with its first day; days are counted from its
        last. Not used with a `column`.
    at : str, default="24:00"
        The hour of a date without one.
    zone : str, default="America/New_York"
        Of that clock.
    ahead : bool, default=False
        Whether a value may be known before its period begins, as forecasts are.
    """

    column: str = ""
    days: int = 0
    business_days: int = 0
    frequency: Frequency = ""
    at: str = "24:00"
    zone: str = NEW_YORK
    ahead: bool = False

    def __post_init__(self) -> None:
        minutes(self.at, "at")
        require_zone(self.zone)
        for name in ("days", "business_days"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
                raise InputError(
                    f"{name} of a release must be a whole number from 0 to {_MOST:,}", value=value
                )
        if self.frequency not in ("", "daily", "weekly", *MONTHS):
            raise InputError("a frequency must be a known one", value=self.frequency)

    @property
    def text(self) -> str:
        """The rule in words."""
        parts = [f"`{self.column}`" if self.column else "its period"]
        if self.days or self.business_days:
            kind = "days" if self.days else "business days"
            parts.append(f"+ {self.days or self.business_days} {kind}")
        hour = "the end of the day" if self.at == "24:00" else f"{self.at} {self.zone}"
        return f"{' '.join(parts)}, {hour}"

    def moments(self, told: pd.Series[Any], name: str) -> Moments:
        """Return when values were known, in microseconds since 1970 UTC.

        Parameters
        ----------
        told : Series
            Dates or times: of the release when there is a `column`, else of the period.
        name : str
            What errors call it.

        Raises
        ------
        InputError
            When a time of day has no zone.
        BadData
            When a date is missing or cannot be read.
        """
        import numpy as np
        import pandas as pd

        times = as_times(told, name)
        days = is_day(times)
        if times.tz is None and not days.all():
            raise InputError(
                f"{name} must be dates, or tz-aware times",
                value=f"{times[~days][0].isoformat()} without a zone",
                remedy="say which: .dt.tz_localize('America/New_York')",
            )
        dates = times.tz_localize(None).normalize().as_unit("us")
        if not self.column and self.frequency in MONTHS:
            days = np.ones(len(times), dtype=bool)  # a period has no hour
            if not isinstance(told.dtype, pd.PeriodDtype):  # whose last day is known
                dates = dates + pd.DateOffset(months=MONTHS[self.frequency]) - pd.Timedelta(days=1)
        if self.business_days:
            dates = pd.DatetimeIndex(_after_business_days(dates, self.business_days))
        known = local_moments(dates + pd.Timedelta(days=self.days), self.at, self.zone)
        if times.tz is None:
            return known
        own = microseconds(times, up=True)
        if self.business_days:  # the hour is kept, the day moves
            own = own + (dates.as_unit("us").asi8 - _dates(times))
        own = own + self.days * DAY
        # A midnight of a zone stands for a date, but is never known before it.
        return cast("Moments", np.where(days, np.maximum(known, own), own))


def _dates(times: pd.DatetimeIndex) -> Any:
    return times.tz_localize(None).normalize().as_unit("us").asi8


def _after_business_days(dates: pd.DatetimeIndex, count: int) -> Any:
    import numpy as np
    from pandas.tseries.holiday import USFederalHolidayCalendar

    if not len(dates):
        return dates
    holidays = USFederalHolidayCalendar().holidays(dates.min(), dates.max() + _margin(count))
    return np.busday_offset(
        dates.to_numpy().astype("datetime64[D]"),
        count,
        roll="forward",  # Saturday's counts from Monday: never early
        holidays=holidays.to_numpy().astype("datetime64[D]"),
    ).astype("datetime64[us]")


def _margin(count: int) -> pd.Timedelta:
    import pandas as pd

    return pd.Timedelta(days=2 * count + 14)
