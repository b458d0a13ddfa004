"""The stop-loss of an account: the loss of the day, and when it is believed."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole
from nautilus_lab.risk.limits import DailyLoss

_LONGEST = 4_096


class DayStart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The equity that a day's loss is counted from.

    Attributes
    ----------
    day : date
        The UTC day.
    equity : Decimal
        Account currency.
    """

    day: datetime.date
    equity: Decimal


class StopLoss:
    """Watches the loss of the UTC day, and says when it is over its limit beyond doubt.

    The equity that the day began with is kept in a file, so that a restart is no new day. One bad
    tick is not believed: only a loss over the limit at so many looks in a row counts. An equity
    that is not known is neither a loss nor its end: it leaves the count as it is, and the check
    `DailyLoss` opens nothing meanwhile.

    Parameters
    ----------
    limit : DailyLoss
        The loss that is allowed.
    path : Path, optional
        The file of the day's beginning, ``RunDirectory.day``; kept in memory alone without it.
    confirmations : int, default=3
        Looks in a row that must find the limit exceeded.
    stored : DayStart, optional
        What the trader's store has of the day that it is, which a file that was removed or edited
        may not be looser than.

    Attributes
    ----------
    day_start : float
        The equity the day began with; NaN until it is known.
    loosened : str
        What the file has instead of what was stored; empty when it is there and no looser.

    Raises
    ------
    StoreError
        When the file is there and cannot be believed: what it says decides whether the trader
        may trade.
    """

    def __init__(
        self,
        limit: DailyLoss,
        *,
        path: Path | None = None,
        confirmations: int = 3,
        stored: DayStart | None = None,
    ) -> None:
        if not confirmations >= 1:
            raise InputError("confirmations must be at least 1", value=confirmations)
        self._limit = limit
        self._path = path
        self._confirmations = confirmations
        self._seen = 0
        found = _read(path) if path is not None else None
        self.loosened = ""
        if stored is not None and _looser(found, stored):
            if found is not None:
                self.loosened = f"{found.equity:,.2f} of {found.day}"
            found = stored
        self._day = None if found is None else found.day
        self._today: datetime.date | None = None  # of the last look
        self.day_start = math.nan if found is None else float(found.equity)

    def __repr__(self) -> str:
        return f"StopLoss({self._limit!r}, day began with {self.day_start:,.2f})"

    def observe(self, equity: float, now_ns: int) -> str:
        """Look at the equity; return why trading must end, or nothing.

        Parameters
        ----------
        equity : float
            Account currency; NaN when it is not known.
        now_ns : int
            UNIX ns.

        Raises
        ------
        StoreError
            When a new day's beginning cannot be written.
        """
        if not math.isfinite(equity):
            return ""
        today = datetime.datetime.fromtimestamp(now_ns // 1_000_000_000, datetime.UTC).date()
        self._today = today
        # A clock that is set back does not bring a day back, with its beginning forgotten.
        if self._day is None or today > self._day:
            self.begin(equity, today)
        loss = self.day_start - equity
        bound = self._limit.bound(self.day_start)
        if loss <= bound:
            self._seen = 0
            return ""
        self._seen += 1
        if self._seen < self._confirmations:
            return ""
        self._seen = 0
        return f"MAX_DAILY_LOSS: {loss:.2f} is over the limit of {bound:.2f}"

    def begin(self, equity: float, day: datetime.date | None = None) -> None:
        """Count the day's loss from `equity`: a new day, or a person who accepts the loss so far.

        Without `day` it is the one of the last look: a person also mends what a wrong clock did.

        Raises
        ------
        InputError
            When the equity is not finite.
        StoreError
            When it cannot be written; the old beginning holds then.
        """
        if not math.isfinite(equity):
            raise InputError("a day must begin with a known equity", value=equity)
        begun = DayStart(
            day=day or self._today or datetime.datetime.now(datetime.UTC).date(),
            equity=Decimal(f"{equity:.6f}"),
        )
        if self._path is not None:
            write_whole(self._path, msgspec.json.encode(begun))
        self._day, self.day_start, self._seen = begun.day, float(begun.equity), 0


def _looser(found: DayStart | None, stored: DayStart) -> bool:
    return found is None or found.day != stored.day or found.equity < stored.equity


def _read(path: Path) -> DayStart | None:
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        found = msgspec.json.decode(data, type=DayStart)
        if not math.isfinite(float(found.equity)):
            raise ValueError(f"its equity is {found.equity}")
        return found
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise StoreError(
            f"the equity a day began with must be readable: {error}",
            value=str(path),
            remedy="remove the file: what the trader's store has of the day holds then",
        ) from None
