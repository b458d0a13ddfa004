"""What an account was worth at the end of a day, and what it and its strategies earned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from nautilus_lab.platform.store import EquityRow, TradingStore
from nautilus_lab.reports._report import Column, Section
from nautilus_lab.reports._times import moment, ns_of, to_second

# A node stores the equity each minute: what is older is not that of the end.
_FRESH = timedelta(minutes=2)
_LAST_WORDS = frozenset({"day end", "stop"})
_UNKNOWN = "Not known: no equity of that day is stored."


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountDay:
    """What an account was worth when that was stored last on a day, UTC.

    Attributes
    ----------
    currency : str
        What it is counted in.
    as_of : datetime
        When it was worth that, tz-aware.
    equity : float
        Cash and positions at the market; NaN when it was not known.
    unknown : str
        Why the equity at the end of the day is not known: something was not valued, or the node
        ended without a word. Empty when it is.
    began : float
        The first that was known of the day, which its profit is counted from.
    day_start : float
        What the limit of the day's loss counts from: the same, until a person accepted a loss.
    high : float
        The highest that was believed of the day until then.
    highest : float
        The highest there ever was until then, as far as it is known.
    highs : mapping of date to float
        The highest of each day until then, where one is stored.
    strategies : mapping of str to float
        Strategy -> what it earned since the day began; NaN where that is not known.
    """

    currency: str
    as_of: datetime
    equity: float
    unknown: str = ""
    began: float = math.nan
    day_start: float = math.nan
    high: float = math.nan
    highest: float = math.nan
    highs: Mapping[date, float] = field(default_factory=lambda: MappingProxyType({}))
    strategies: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def at_end(self) -> float:
        """The equity at the end of the day; NaN when it is not known."""
        return math.nan if self.unknown else self.equity

    @property
    def profit(self) -> float:
        """What was earned since the day began; NaN when one of the two is not known."""
        return self.equity - self.began

    def highs_within(self, windows_days: Collection[int]) -> dict[int, float]:
        """Return the highest within so many days, this one included; NaN where none is stored."""
        last = self.as_of.date()
        return {
            days: max(
                (high for day, high in self.highs.items() if day > last - timedelta(days=days)),
                default=math.nan,
            )
            for days in windows_days
        }


def read_account(store: TradingStore, begin: datetime, as_of: datetime) -> AccountDay | None:
    """Return what the account was worth at the end of a day; None when none of it is stored.

    Parameters
    ----------
    store : TradingStore
        The trader's.
    begin, as_of : datetime
        When the day began, and its end, or until when it is known.
    """
    rows = store.equity(ns_of(begin), ns_of(as_of))
    if not rows:
        return None
    last = rows[-1]
    day = begin.date()
    highs = {at: high for at, high in store.day_highs(last.currency, 0).items() if at < day}
    if last.high is not None:
        highs[day] = float(last.high)
    ever = [_number(last.high_water), *highs.values()]
    return AccountDay(
        currency=last.currency,
        as_of=moment(last.ts_ns),
        equity=_number(last.equity),
        unknown=_why_unknown(last, as_of),
        began=next((float(row.equity) for row in rows if row.equity is not None), math.nan),
        day_start=_number(last.day_start),
        high=_number(last.high),
        highest=max((one for one in ever if one == one), default=math.nan),
        highs=MappingProxyType(highs),
        strategies=MappingProxyType({s: _number(made) for s, made in last.strategies.items()}),
    )


def account_section(account: AccountDay | None) -> Section:
    """Return the money of a day."""
    unit = "" if account is None else account.currency
    return Section(
        name="Account",
        columns=(
            *(Column(name="as of"), Column.of_money("equity", unit)),
            *(Column.of_money("day began with", unit), Column.of_money("profit of the day", unit)),
            Column.of_money("loss counts from", unit),
            Column(name="drawdown within the day", unit="fraction", form=".2%"),
            Column(name="drawdown from the highest", unit="fraction", form=".2%"),
            *(Column.of_money("highest", unit), Column(name="at the end of the day")),
        ),
        rows=()
        if account is None
        else (
            (
                *(to_second(account.as_of), account.equity, account.began, account.profit),
                account.day_start,
                *(_below(account.equity, account.high), _below(account.equity, account.highest)),
                *(account.highest, account.unknown or "known"),
            ),
        ),
        source="" if account is None else "table equity of the trader's store",
        note=_UNKNOWN
        if account is None
        else (
            "Cash and positions at the market, as the node had them. A high is believed after "
            "several looks, so that a drawdown is below zero just after a new one."
        ),
    )


def strategies_section(account: AccountDay | None) -> Section:
    """Return what each strategy earned on a day."""
    made = {} if account is None else account.strategies
    unit = "" if account is None else account.currency
    return Section(
        name="Profit by strategy",
        columns=(Column(name="strategy"), Column.of_money("profit of the day", unit)),
        rows=tuple(sorted(made.items())),
        note=_UNKNOWN
        if account is None
        else "Since the UTC day began, fees included; who is not there earned and lost nothing.",
    )


def _why_unknown(last: EquityRow, as_of: datetime) -> str:
    if last.unvalued:
        return last.unvalued
    if last.moment in _LAST_WORDS or as_of - moment(last.ts_ns) <= _FRESH:
        return ""
    return f"it was stored last at {to_second(moment(last.ts_ns)).isoformat()}, by a node that died"


def _below(equity: float, high: float) -> float:
    return 1.0 - equity / high if high > 0 else math.nan


def _number(amount: Decimal | None) -> float:
    return math.nan if amount is None else float(amount)
