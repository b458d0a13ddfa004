"""When a row of prices is decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.point_in_time._moments import (
    NEW_YORK,
    is_day,
    local_moments,
    microseconds,
    minutes,
    require_zone,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors.point_in_time._moments import Moments


@dataclass(frozen=True, kw_only=True)
class Session:
    """The moment up to which a row of prices knows the world.

    ============================== ======================================================
    rows at midnight (daily bars)  the close of that day, on the clock of `zone`
    other rows (intraday bars)     the row's own time
    ============================== ======================================================

    Parameters
    ----------
    close : str, default="16:00"
        When a day's bar closes. Days that end early are decided before this: pass their true
        times as the index of the prices.
    zone : str, default=""
        Of the clock; without, that of the rows, and of days in UTC New York.
    rows : {"days", "times"}, optional
        What midnights are. Unless told, days where every row is one.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.DatetimeIndex(["2024-01-05", "2024-07-05"], tz="UTC")
    >>> pd.to_datetime(Session().moments(days), unit="us").strftime("%H:%M").to_list()
    ['21:00', '20:00']
    """

    close: str = "16:00"
    zone: str = ""
    rows: Literal["days", "times"] | None = None

    def __post_init__(self) -> None:
        minutes(self.close, "close")
        if self.zone:
            require_zone(self.zone)
        if self.rows not in (None, "days", "times"):
            raise InputError('rows must be "days" or "times"', value=self.rows)

    def moments(self, index: pd.DatetimeIndex) -> Moments:
        """Return when each row is decided, in microseconds since 1970 UTC.

        Raises
        ------
        InputError
            When days are not at midnight, or a single midnight may be a day or a time.
        """
        days = is_day(index)
        rows = self.rows or ("days" if days.all() else "times")
        if self.rows is None and len(index) == 1 and days.all():
            raise InputError(
                "a single row at midnight may be a day or a time",
                value=index[0].isoformat(),
                remedy='say which: session=Session(rows="days")',
            )
        if rows == "times":
            return microseconds(index)
        if not days.all():
            raise InputError(
                "days must be stamped at midnight",
                value=index[~days][0].isoformat(),
                remedy='pass session=Session(rows="times"), or normalize() the index',
            )
        own = str(index.tz)
        zone = self.zone or (NEW_YORK if own == "UTC" else own)
        return local_moments(index.tz_localize(None).normalize(), self.close, zone)
