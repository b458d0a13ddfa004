"""The highest equity there was, which a drawdown is counted from."""

from __future__ import annotations

import math
from collections import deque
from decimal import Decimal
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole

_LONGEST = 4_096


class _Highest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    equity: Decimal


class HighWater:
    """Keeps the highest equity, also over a restart.

    One bad tick makes no high: it is the lowest of so many looks in a row that counts.

    Parameters
    ----------
    path : Path, optional
        The file it is kept in; in memory alone without one.
    confirmations : int, default=3
        Looks in a row.
    audited : float, optional
        The highest that the audit trail has, which a file that was removed or edited may not be
        below; NaN when it has none.

    Attributes
    ----------
    equity : float
        The highest; NaN until enough looks found one.
    lowered : str
        What the file has instead of what was audited; empty when it has no less.

    Raises
    ------
    StoreError
        When the file is there and cannot be believed.

    Examples
    --------
    >>> high = HighWater(confirmations=2)
    >>> [high.observe(equity) for equity in (100.0, 101.0, 999.0, 90.0)]
    [nan, 100.0, 101.0, 101.0]
    """

    def __init__(
        self, path: Path | None = None, *, confirmations: int = 3, audited: float = math.nan
    ) -> None:
        if not confirmations >= 1:
            raise InputError("confirmations must be at least 1", value=confirmations)
        self._path = path
        self._lately: deque[float] = deque(maxlen=confirmations)
        self.equity = math.nan if path is None else _read(path)
        self.lowered = ""
        if math.isfinite(audited) and not self.equity >= audited:
            known = math.isfinite(self.equity)
            self.lowered = f"{self.equity:,.2f}" if known else "nothing"
            self.equity = audited

    def __repr__(self) -> str:
        return f"HighWater({self.equity:,.2f})"

    def observe(self, equity: float) -> float:
        """Look at the equity; return the highest. One that is not known is no look.

        Raises
        ------
        StoreError
            When a new high cannot be written; it holds in memory then.
        """
        if not math.isfinite(equity):
            return self.equity
        self._lately.append(equity)
        if len(self._lately) == self._lately.maxlen and not min(self._lately) <= self.equity:
            self.equity = min(self._lately)
            self.keep()
        return self.equity

    def begin(self, equity: float) -> None:
        """Count from `equity` on: a person accepted what was lost; raises `StoreError`.

        What cannot be written is not done.
        """
        before, self.equity = self.equity, equity
        try:
            self.keep()
        except StoreError:
            self.equity = before
            raise
        self._lately.clear()

    def keep(self) -> None:
        """Write the highest into its file, where there is one; raises `StoreError`."""
        if self._path is not None:
            highest = _Highest(equity=Decimal(f"{self.equity:.6f}"))
            write_whole(self._path, msgspec.json.encode(highest))


def _read(path: Path) -> float:
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        equity = float(msgspec.json.decode(data, type=_Highest).equity)
        if not math.isfinite(equity):
            raise ValueError(f"it is {equity}")
        return equity
    except FileNotFoundError:
        return math.nan
    except (ValueError, OSError) as error:
        raise StoreError(
            f"the highest equity must be readable: {error}",
            value=str(path),
            remedy="remove the file: what the audit trail has of it holds then",
        ) from None
