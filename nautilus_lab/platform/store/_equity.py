"""What an account was worth, as a trading store keeps it: its rows, and the queries of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.store._canonical import canonical_json
from nautilus_lab.platform.store._rows import check_choice
from nautilus_lab.platform.store._tables import equity, fills, strategy_days

EquityMoment: TypeAlias = Literal["begin", "regular", "high", "day begin", "day end", "stop"]

_NS_A_DAY = 86_400_000_000_000
_MONEY = ("equity", "high", "day_start", "high_water")


@dataclass(frozen=True, kw_only=True, slots=True)
class EquityRow:
    """What an account was worth at one moment; never changed.

    Parameters
    ----------
    trader, currency : str
        Whose account, and what it is counted in.
    ts_ns : int
        As of when, UNIX nanoseconds UTC.
    moment : EquityMoment
        Why it was stored then: a node began or stopped, a day (UTC) began or ended, its highest
        rose, or it was time to.
    equity : Decimal or None
        Cash and positions at the market; None when not every position could be valued, or cash
        was not known.
    high : Decimal or None
        The highest that was believed of that UTC day until then.
    day_start : Decimal or None
        What the loss of the day was counted from.
    high_water : Decimal or None
        The highest there ever was, where a drawdown was counted from it.
    unvalued : str
        Why the equity is not known; empty when it is.
    strategies : mapping of str to Decimal or None
        Strategy -> what it earned since the UTC day began; None where that is not known.
    epoch : int
        The node's.
    simulated : bool
        Whether it is play money.

    Raises
    ------
    InputError
        When it says neither what the account was worth nor why that is not known, or both.
    """

    trader: str
    currency: str
    ts_ns: int
    moment: EquityMoment
    equity: Decimal | None
    high: Decimal | None = None
    day_start: Decimal | None = None
    high_water: Decimal | None = None
    unvalued: str = ""
    strategies: Mapping[str, Decimal | None] = field(default_factory=lambda: MappingProxyType({}))
    epoch: int = 0
    simulated: bool = False

    def __post_init__(self) -> None:
        check_choice("the moment of an equity", self.moment, EquityMoment)
        if (self.equity is None) is not bool(self.unvalued):
            raise InputError(
                "an equity is known, or it is said why not",
                value=f"equity={self.equity}, unvalued={self.unvalued!r}",
            )
        amounts = {name: getattr(self, name) for name in _MONEY} | dict(self.strategies)
        for name, amount in amounts.items():
            if amount is not None and not amount.is_finite():
                raise InputError(
                    f"{name} must be finite", value=amount, remedy="leave out what is not known"
                )

    @property
    def values(self) -> dict[str, object]:
        """The columns of its row."""
        money = {name: getattr(self, name) for name in _MONEY}
        return {
            "trader": self.trader,
            "currency": self.currency,
            "ts_ns": self.ts_ns,
            "moment": self.moment,
            "unvalued": self.unvalued,
            "strategies": canonical_json(dict(self.strategies)),
            "epoch": self.epoch,
            "simulated": self.simulated,
            **{name: None if amount is None else f"{amount:f}" for name, amount in money.items()},
        }


def equity_row(row: sa.RowMapping) -> EquityRow:
    """Return what `EquityRow.values` made a row of; raises ValueError when it did not."""
    money = {name: None if row[name] is None else Decimal(row[name]) for name in _MONEY}
    told = json.loads(row["strategies"])
    if not isinstance(told, dict):
        raise TypeError("what strategies earned is no object")
    strategies = {name: None if made is None else Decimal(made) for name, made in told.items()}
    facts = money | {"strategies": strategies, "simulated": bool(row["simulated"])}
    return EquityRow(**{**row, **facts})


def equity_between(since_ns: int, until_ns: int) -> sa.Select[*tuple[Any, ...]]:
    """Select the rows of [`since_ns`, `until_ns`), the oldest first."""
    return (
        sa.select(equity)
        .where(equity.c.ts_ns >= since_ns, equity.c.ts_ns < until_ns)
        .order_by(equity.c.ts_ns)
    )


def highs_since(currency: str, since_ns: int) -> sa.Select[int, float]:
    """Select the days since then, counted from 1970, with the highest of each."""
    day = equity.c.ts_ns // _NS_A_DAY
    return (
        sa.select(day, sa.func.max(sa.cast(equity.c.high, sa.REAL)))
        .where(
            equity.c.currency == currency, equity.c.ts_ns >= since_ns, equity.c.high.is_not(None)
        )
        .group_by(day)
    )


def started_on(day: date) -> sa.Select[*tuple[Any, ...]]:
    """Select what strategies had earned as `day` began, and when that was noted."""
    columns = strategy_days.c
    return sa.select(columns.strategy, columns.earned, columns.ts_ns).where(
        columns.day == day.isoformat()
    )


def first_fills() -> sa.Select[str, int]:
    """Select each strategy that ever traded, with the time of its first fill."""
    return sa.select(fills.c.strategy, sa.func.min(fills.c.ts_ns).label("first")).group_by(
        fills.c.strategy
    )


def day_of(number: int) -> date:
    """Return the day of a number of `highs_since`."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + number)
