"""Dates and times as moments: microseconds since 1970, in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nautilus_lab.exceptions import BadData, InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Moments = NDArray[np.int64]

HOUR = 3_600_000_000  # microseconds
DAY = 24 * HOUR
NEW_YORK = "America/New_York"


def minutes(clock: str, what: str) -> int:
    """Return the minutes of a time of day, ``"08:30"``, up to ``"24:00"``."""
    hour, _, minute = str(clock).partition(":")
    if (
        str(clock).isascii()
        and hour.isdigit()
        and minute.isdigit()
        and len(minute) == 2
        and int(minute) < 60
    ):
        total = int(hour) * 60 + int(minute)
        if total <= 24 * 60:
            return total
    raise InputError(f"{what} must be a time of day", value=clock, remedy='pass "16:00"')


def require_zone(zone: str) -> None:
    """Raise when there is no such time zone."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError, TypeError):
        raise InputError(
            "a zone must be one of the tz database", value=zone, remedy=f'pass "{NEW_YORK}"'
        ) from None


def local_moments(days: pd.DatetimeIndex, clock: str, zone: str) -> Moments:
    """Return the moments of a time of day on naive dates, each in the zone's own offset."""
    import numpy as np
    import pandas as pd

    # Open ends are written as 9999-12-31, the day on which clocks end.
    ended = np.minimum(days.as_unit("us").to_numpy(), np.datetime64("9999-12-30", "us"))
    each, places = np.unique(ended, return_inverse=True)
    at = pd.DatetimeIndex(each) + pd.Timedelta(minutes=minutes(clock, "a clock"))
    # of an hour that a clock shows twice the later one: never early
    later = np.zeros(len(at), dtype=bool)
    local = at.tz_localize(zone, ambiguous=later, nonexistent="shift_forward")
    return microseconds(local)[places]


def microseconds(index: pd.DatetimeIndex, *, up: bool = False) -> Moments:
    """Return moments of tz-aware times, rounded down, or `up`."""
    utc = index.tz_convert("UTC")
    rounded = utc.ceil("us") if up else utc.floor("us")
    return cast("Moments", rounded.as_unit("us").asi8)


def as_times(values: pd.Series[Any], name: str) -> pd.DatetimeIndex:
    """Read a column of dates or times; texts, dates, timestamps, and periods by their last day."""
    import pandas as pd

    if isinstance(values.dtype, pd.PeriodDtype):
        times = pd.DatetimeIndex(values.dt.end_time).normalize()  # its last day
    elif pd.api.types.is_numeric_dtype(values.dtype):
        raise InputError(
            f"{name} must hold dates",
            value=f"{values.dtype}",
            remedy="convert: pd.to_datetime(frame[...], unit='s', utc=True)",
        )
    else:
        times = _read(values, name)
    if times.hasnans:
        place = int(times.isna().argmax())
        raise BadData(
            f"{name} must not have a missing date",
            value=f"row {values.index[place]!r}",
            remedy="drop those rows",
        )
    return times


def _read(values: pd.Series[Any], name: str) -> pd.DatetimeIndex:
    import pandas as pd

    try:
        # Any other writing could be read as two different days.
        return pd.DatetimeIndex(pd.to_datetime(values, format="ISO8601"))
    except (ValueError, TypeError, OverflowError) as error:
        raise BadData(
            f"{name} must hold dates of one kind, as in 2024-05-31, all with a zone or none",
            value=str(error).splitlines()[0],
            remedy="convert: pd.to_datetime(frame[...], dayfirst=...)",
        ) from None


def is_day(times: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """Return which times are midnights of their own zone, so that they stand for a date.

    Where a clock skips midnight, as in Cairo in April, the first moment of the day is one.
    """
    import numpy as np

    own = times.tz_localize(None)
    days = np.asarray(own == own.normalize(), dtype=bool)
    if times.tz is not None and not days.all():
        first = own.normalize().tz_localize(
            times.tz, ambiguous=np.ones(len(own), dtype=bool), nonexistent="shift_forward"
        )
        days |= np.asarray(times == first, dtype=bool)
    return days
