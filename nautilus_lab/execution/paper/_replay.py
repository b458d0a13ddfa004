"""Real closes, played again now, with a simulated path between each and the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError, NotEnoughData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nautilus_lab._typing import FloatArray, Prices

_VOLATILITY_WINDOW = 20
_UNREST = 0.5  # the standard deviation of log activity
_SESSION_OPEN_NS = int(14.5 * 3600 * 1e9)  # 09:30 New York in winter, UTC
_SESSION_NS = int(6.5 * 3600 * 1e9)


@dataclass(frozen=True)
class Instant:
    """The market at one step of the replay, in the order of the symbols.

    Attributes
    ----------
    mids : array
        Prices in USD.
    activity : array
        How busy it is; 1.0 is the mean of a day.
    """

    day: int
    step: int
    source_ts: int
    mids: FloatArray
    activity: FloatArray


class Replay:
    """Plays daily closes one after the other, `steps_per_day` prices for each.

    The first price of a day is the close before it and its last price is its own close: both
    are real. What lies between is a Brownian bridge in log prices [1]_ whose volatility is that
    of the last 20 daily returns: simulated, the same for the same `seed`, and different for
    every day and symbol. So is the activity: busiest at the open and the close, half as busy at
    noon as on average, with lognormal noise around that.

    Parameters
    ----------
    closes : DataFrame
        Daily closes, time x symbol, USD, positive, UTC.
    steps_per_day : int
        Prices for each day, at least 2.
    seed : int
        What the simulated part is drawn from.
    start : str, default=""
        First day to play; the first that has 20 returns before it when empty.

    References
    ----------
    .. [1] Glasserman, P. (2003). Monte Carlo Methods in Financial Engineering, section 3.1.
    """

    def __init__(self, closes: Prices, *, steps_per_day: int, seed: int, start: str = "") -> None:
        import numpy as np

        if steps_per_day < 2:
            raise InputError("a replayed day needs at least 2 prices", value=steps_per_day)
        days_ns = _nanoseconds(closes)
        first = int(np.searchsorted(days_ns, _start_ns(start))) if start else 0
        self.first_day = max(first, _VOLATILITY_WINDOW + 1)
        self.last_day = len(closes) - 1
        if self.first_day > self.last_day:
            raise NotEnoughData(
                f"a replay needs {_VOLATILITY_WINDOW + 1} closes before its start and one after",
                value=f"start {start or 'first'} of {len(closes)} closes",
                remedy="choose an earlier replay_start",
            )
        self.symbols = tuple(str(symbol) for symbol in closes.columns)
        self.steps_per_day = steps_per_day
        self._seed = seed
        self._logs = np.log(closes.to_numpy(dtype=np.float64))
        self._days_ns = days_ns
        self._played: tuple[int, FloatArray, FloatArray] | None = None  # day, path, activity

    def at(self, day: int, step: int) -> Instant:
        """Return the market at `step` (0 to `steps_per_day` - 1) of `day`."""
        if self._played is None or self._played[0] != day:
            self._played = (day, self._path(day), self._activity(day))
        _, path, activity = self._played
        share = step / (self.steps_per_day - 1)
        midnight = int(self._days_ns[day]) // 86_400_000_000_000 * 86_400_000_000_000
        return Instant(
            day=day,
            step=step,
            source_ts=midnight + _SESSION_OPEN_NS + int(share * _SESSION_NS),
            mids=path[step],
            activity=activity[step],
        )

    def date_of(self, day: int) -> str:
        """Return the date of `day`, as ISO 8601."""
        import numpy as np

        return str(np.datetime64(int(self._days_ns[day]), "ns").astype("datetime64[D]"))

    def day_of(self, date: str) -> int:
        """Return the day of `date`, or the one that follows it where there is none."""
        import numpy as np

        found = int(np.searchsorted(self._days_ns, _start_ns(date)))
        return min(max(found, self.first_day), self.last_day)

    def _path(self, day: int) -> FloatArray:
        import numpy as np

        begin, end = self._logs[day - 1], self._logs[day]
        recent = np.diff(self._logs[day - 1 - _VOLATILITY_WINDOW : day], axis=0)
        n = self.steps_per_day - 1
        noise = np.random.default_rng((self._seed, day)).standard_normal((n, len(begin)))
        walk = np.vstack([np.zeros(len(begin)), noise.cumsum(axis=0)]) * (
            recent.std(axis=0, ddof=1) / np.sqrt(n)
        )
        share = np.linspace(0.0, 1.0, n + 1)[:, None]
        path: FloatArray = np.exp(begin + share * (end - begin) + walk - share * walk[-1])
        return path

    def _activity(self, day: int) -> FloatArray:
        import numpy as np

        n = self.steps_per_day
        # A stream of its own: prices stay what they were before there was an activity.
        rng = np.random.default_rng((self._seed, day, 1))
        noise = rng.standard_normal((n, len(self.symbols)))
        time_of_day = 1 + np.cos(np.linspace(0, 2 * np.pi, n)) / 2
        busy: FloatArray = time_of_day[:, None] * np.exp(_UNREST * noise - _UNREST**2 / 2)
        return busy


def _nanoseconds(closes: Prices) -> NDArray[np.int64]:
    import pandas as pd

    return pd.DatetimeIndex(closes.index).as_unit("ns").asi8


def _start_ns(text: str) -> int:
    import pandas as pd

    try:
        return pd.Timestamp(text, tz="UTC").value
    except (ValueError, OverflowError):
        raise InputError(
            "replay_start must be a date from 1678 to 2261",
            value=text,
            remedy="write it as 2020-01-02",
        ) from None
