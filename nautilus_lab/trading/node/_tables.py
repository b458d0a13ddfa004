"""The tables of target weights of a node, one for each strategy that trades them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from nautilus_lab.trading._targets import TargetBook, TargetTable, as_instant

# What is held where no table was ever given: something is left for costs.
_INVESTED = 0.95
_EQUAL = "equal weights"


class Tables:
    """What each strategy is to hold, kept in a file of its own.

    Parameters
    ----------
    path_of : callable
        Takes a strategy's id and returns where its table is kept.
    instruments : mapping of str to str
        symbol -> instrument id, of all that can be traded by a table.
    audit : callable
        Called as ``audit(kind, facts, actor=...)``: ``AuditTrail.append``.
    max_age_days : float, default=7
        How old the data of a new table may be.
    now_ns : callable
        The clock, UNIX ns.
    """

    def __init__(
        self,
        path_of: Callable[[str], Path],
        instruments: Mapping[str, str],
        *,
        audit: Callable[..., object],
        max_age_days: float = 7.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path_of = path_of
        self._instruments = dict(instruments)
        self._audit = audit
        self._max_age_days = max_age_days
        self._now_ns = now_ns
        self._books: dict[str, TargetBook] = {}  # strategy id -> its table

    def open(self, strategy: str) -> None:
        """Take up the table of a strategy, if it has one.

        Raises
        ------
        InputError, StoreError
            When there is one and it is none that can be traded here.
        """
        self._books[strategy] = TargetBook(
            self._path_of(strategy),
            self._instruments,
            audit=self._audit,
            max_age_days=self._max_age_days,
            now_ns=self._now_ns,
        )

    def take(self, strategy: str, table: TargetTable, *, by: str) -> TargetTable:
        """Keep a new table; raises as `TargetBook.accept`."""
        if not table.hash and not table.made_ns:
            table = replace(table, made_ns=self._now_ns())
        return self._books[strategy].accept(table, by)

    def current(self, strategy: str) -> TargetTable | None:
        """Return the table of a strategy; None when it was never given one."""
        book = self._books.get(strategy)
        return None if book is None else book.current

    def name(self, strategy: str) -> str:
        """Return what the weights of a strategy are called."""
        table = self.current(strategy)
        return _EQUAL if table is None else table.name

    def weights(self, strategy: str) -> tuple[dict[str, float] | None, int]:
        """Return instrument id -> fraction of equity, and until when; None without a table."""
        table = self.current(strategy)
        if table is None:
            return None, 0
        weights = {self._instruments[symbol]: w for symbol, w in table.weights.items()}
        return weights, table.valid_until_ns

    @property
    def equal(self) -> dict[str, float]:
        """What is held where no table was given: instrument id -> fraction of equity."""
        instruments = self._instruments.values()
        return dict.fromkeys(instruments, _INVESTED / len(instruments))

    def parameters(self, strategy: str) -> dict[str, object]:
        """Return what `HoldTargets` begins with: a weight for all that can be traded."""
        weights, valid_until_ns = self.weights(strategy)
        nothing = dict.fromkeys(self._instruments.values(), 0.0)
        return {
            "weights": self.equal if weights is None else nothing | weights,
            "valid_until_ns": valid_until_ns,
        }

    def run_out(self, strategy: str) -> str:
        """Return since when the table of a strategy is not traded any more; empty if it is."""
        table = self.current(strategy)
        if table is None or not table.run_out(self._now_ns()):
            return ""
        return f"{table.name} ran out at {as_instant(table.valid_until_ns)}"
