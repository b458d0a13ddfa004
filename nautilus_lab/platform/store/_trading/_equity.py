"""What an account was worth, as a trading store keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from nautilus_lab.platform.store import _equity as equities
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._equity import EquityRow
from nautilus_lab.platform.store._trading._connection import TradingConnection


class Equities(TradingConnection):
    """What the account was worth, and what strategies had earned as days began."""

    def add_equity(self, rows: Sequence[EquityRow]) -> None:
        """Store what the account was worth; of a time that is there already the first stays."""
        with self._transaction("noting the equity") as driver:
            for row in rows:
                self._writes.add_equity(driver, row.values)

    def equity(self, since_ns: int = 0, until_ns: int = 2**63 - 1) -> tuple[EquityRow, ...]:
        """Return what the account was worth in [`since_ns`, `until_ns`), the oldest first."""
        query = equities.equity_between(since_ns, until_ns)
        with self._reading("reading the equity") as connection:
            rows = connection.execute(query).mappings().all()
        with intact(self._where):
            return tuple([equities.equity_row(row) for row in rows])

    def day_highs(self, currency: str, since_ns: int) -> dict[date, float]:
        """Return the highest that was believed of each UTC day since then, where one is stored."""
        with self._reading("reading the highest equities") as connection:
            rows = connection.execute(equities.highs_since(currency, since_ns)).all()
        return {equities.day_of(number): high for number, high in rows}

    def put_strategy_days(self, day: date, earned: Mapping[str, float | None], ts_ns: int) -> None:
        """Note what strategies had earned since ever as a UTC day began; None is not known.

        Of no strategy, ``""``, it notes that a node saw the day begin.
        """
        with self._transaction("noting the beginning of a day") as driver:
            for strategy, amount in earned.items():
                row = {
                    "day": day.isoformat(),
                    "strategy": strategy,
                    "earned": None if amount is None else f"{amount:.6f}",
                    "ts_ns": ts_ns,
                }
                self._writes.put_strategy_day(driver, row)

    def strategy_days(self, day: date) -> dict[str, tuple[float | None, int]]:
        """Return what `put_strategy_days` noted of a day, and when."""
        with self._reading("reading the beginning of a day") as connection:
            rows = connection.execute(equities.started_on(day)).all()
        with intact(self._where):
            return {
                strategy: (None if earned is None else float(earned), ts_ns)
                for strategy, earned, ts_ns in rows
            }

    def first_fills(self) -> dict[str, int]:
        """Return each strategy that ever traded -> when first, UNIX nanoseconds."""
        with self._reading("reading the first fills") as connection:
            return {row.strategy: row.first for row in connection.execute(equities.first_fills())}
