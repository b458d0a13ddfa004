"""Limits of what may be traded at all: lists, hours and counts."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Asked, Held, Prepares
from nautilus_lab.risk.limits._exposed import OfExposure
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import bounded, chosen
from nautilus_lab.risk.limits._order import OfOrder

_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True, repr=False)
class Restricted(OfOrder):
    """What is on the list is not traded; or with `only`, nothing else is.

    Parameters
    ----------
    names : collection of str
        Instruments, ``"AAPL.PAPER"``, or symbols, ``"AAPL"``.
    only : bool, default=False
        Whether the list is of what may be traded.
    """

    name: ClassVar[str] = "restricted"
    number: ClassVar[int] = 20
    scopes: ClassVar[str] = "instrument, strategy"
    formula: ClassVar[str] = "on the list: 0 (with only: 1)"

    names: frozenset[str]
    only: bool = False

    def _check(self) -> None:
        if isinstance(self.names, str):
            raise InputError("names must be a set of names", value=self.names)
        object.__setattr__(self, "names", frozenset(self.names))
        if not self.names:
            raise InputError("a list must name something", remedy='pass names={"AAPL"}')

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Look the instrument up."""
        traded = asked.instrument
        listed = traded.name in self.names or traded.symbol in self.names
        allowed = listed is self.only
        value = 0.0 if allowed else 1.0
        return Finding(self.name, traded.name, value, 0.0, allowed, "forbidden")


@dataclass(frozen=True, kw_only=True, repr=False)
class SessionHours(OfOrder):
    """Orders leave within the hours of a session alone.

    Parameters
    ----------
    opens, closes : str
        ``"09:30"``; an order at the moment of the close is too late. A session that closes before
        it opens goes on over midnight, and belongs to the day it opened on.
    zone : str, default="UTC"
        ``"America/New_York"``.
    days : tuple of int, default=(0, 1, 2, 3, 4)
        Monday is 0.
    holidays : collection of str, optional
        Days without a session, ``"2024-12-25"``.
    """

    name: ClassVar[str] = "session_hours"
    number: ClassVar[int] = 20
    scopes: ClassVar[str] = "instrument, strategy"
    formula: ClassVar[str] = "outside of the session: 0"

    opens: str
    closes: str
    zone: str = "UTC"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    holidays: frozenset[str] = frozenset()

    def _check(self) -> None:
        object.__setattr__(self, "holidays", frozenset(self.holidays))
        object.__setattr__(self, "days", tuple(self.days))
        try:
            zoneinfo.ZoneInfo(self.zone)
            begins, ends = self._hours
            for day in self.holidays:
                datetime.date.fromisoformat(day)
        except (ValueError, KeyError, OSError) as error:
            raise InputError(
                f"a session has hours, a zone and days: {error}",
                value=f"{self.opens}-{self.closes} {self.zone}",
                remedy='pass opens="09:30", closes="16:00", zone="America/New_York"',
            ) from None
        if begins == ends or not self.days or not set(self.days) <= set(range(7)):
            raise InputError(
                "a session needs a length, and days from 0 to 6",
                value=f"{self.opens}-{self.closes} on {self.days}",
            )

    @cached_property
    def _hours(self) -> tuple[datetime.time, datetime.time]:
        return datetime.time.fromisoformat(self.opens), datetime.time.fromisoformat(self.closes)

    @cached_property
    def _zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone)

    def is_open(self, now_ns: int) -> bool:
        """Whether it is within the session."""
        now = datetime.datetime.fromtimestamp(now_ns / _NS, self._zone)
        (begins, ends), time, day = self._hours, now.time(), now.date()
        if begins < ends:
            return begins <= time < ends and self._is_session(day)
        if time >= begins:
            return self._is_session(day)
        return time < ends and self._is_session(day - datetime.timedelta(days=1))

    def _is_session(self, day: datetime.date) -> bool:
        return day.weekday() in self.days and day.isoformat() not in self.holidays

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Look at the clock."""
        outside = float(not self.is_open(asked.now_ns))
        return self._found(asked.instrument.name, outside, 0.0, "outside")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxInstruments(OfExposure):
    """At most so many instruments are held or worked at a time.

    Parameters
    ----------
    most : int
        Instruments.
    per : {"account", "strategy"}, default="account"
        Whose.
    """

    name: ClassVar[str] = "max_instruments"
    number: ClassVar[int] = 20
    scopes: ClassVar[str] = "strategy, account"
    formula: ClassVar[str] = "instruments with a position or an order <= most"

    most: int
    per: Literal["account", "strategy"] = "account"

    def _check(self) -> None:
        bounded("most", self.most)
        chosen("per", self.per, ("account", "strategy"))

    def prepare(self, book: Prepares) -> None:
        """Have a book add strategies up when it is of one."""
        if self.per == "strategy":
            book.add_up_strategies()

    @property
    def particular(self) -> bool:
        """Whether its scopes are single instruments or strategies."""
        return self.per == "strategy"

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Count what is held or works, that of the order with it."""
        if self.per == "strategy":
            reach, count = asked.reach("strategy"), held.sums_of(asked.strategy).count
            return self._found(
                asked.strategy,
                count + reach.new,
                self.most,
                "instruments",
                waived=not reach.increases,
            )
        value = held.total.count + asked.whole.new
        return Finding(self.name, "account", value, self.most, value <= self.most, "instruments")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Count what is held or works."""
        if self.per == "account":
            yield self._found("account", holdings.total.count, self.most, "instruments")
            return
        none = True
        for strategy, positions in holdings.by_strategy.items():
            if self.concerns("", "", strategy):
                none = False
                count = sum(one.furthest != 0 for one in positions)
                yield self._found(strategy, count, self.most, "instruments")
        if none:
            yield self._found("strategies", 0, self.most, "instruments")


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxVenues(OfExposure):
    """At most so many venues have a position or an order at a time.

    Parameters
    ----------
    most : int
        Venues.
    """

    name: ClassVar[str] = "max_venues"
    number: ClassVar[int] = 20
    scopes: ClassVar[str] = "account"
    formula: ClassVar[str] = "venues with a position or an order <= most"

    most: int

    def _check(self) -> None:
        bounded("most", self.most)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Count the venues, that of the order with them."""
        value = len(held.venues_used | {asked.instrument.venue})
        return self._found("account", value, self.most, "venues")

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Count the venues."""
        used = {one.venue for one in holdings.positions if one.furthest}
        yield self._found("account", len(used), self.most, "venues")
