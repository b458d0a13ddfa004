"""What limits read of an order and of what is held: the gate's objects, or a notebook's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from nautilus_lab.risk.limits._measures import Measures

# Whose position: the account's in one instrument, the account's in a symbol at all its venues, or
# one strategy's in one instrument.
Per: TypeAlias = Literal["instrument", "symbol", "strategy"]

# Whose sum: one strategy's, the account's, or that of all accounts that the book knows.
Of: TypeAlias = Literal["strategy", "account", "firm"]


class Traded(Protocol):
    """An instrument; `bid` and `ask` are in the unit of the order's prices, None without a quote.

    `opened` is twice the middle that the present window began with; None where none is kept.
    """

    @property
    def name(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def mark(self) -> float: ...
    @property
    def bid(self) -> int | float | None: ...
    @property
    def ask(self) -> int | float | None: ...
    @property
    def opened(self) -> int | float | None: ...


class Reach(Protocol):
    """The furthest that fills could lead one position, the order's own included.

    `units` and `value` are without a sign, money is account currency. `before` is what fills could
    lead it to be worth without the order, `lengthened` by how much more that is with it, at least
    0; `added` what the order itself adds in its own direction. `increases` says whether it opens
    some of the position, `new` whether nothing was held or working.
    """

    @property
    def units(self) -> float: ...
    @property
    def value(self) -> float: ...
    @property
    def before(self) -> float: ...
    @property
    def lengthened(self) -> float: ...
    @property
    def added(self) -> float: ...
    @property
    def increases(self) -> bool: ...
    @property
    def new(self) -> bool: ...


class Works(Protocol):
    """An order that works or is on its way.

    `terms` are the limits and triggers it may have, one pair for what it is and one for each change
    on its way. `parent` is the entry whose exit it is; it is `linked` when ending it ends others.
    """

    @property
    def id(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def linked(self) -> bool: ...
    @property
    def terms(self) -> Sequence[tuple[int | float | None, int | float | None]]: ...


class Asked(Protocol):
    """One order, or one change of an order, that wants to leave.

    `whole` is what `reach` returns for the account's position in the instrument; `reduces` says
    whether the order does nothing but reduce, `parent` is the entry whose exit it is.
    """

    @property
    def id(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def reduces(self) -> bool: ...

    @property
    def strategy(self) -> str: ...
    @property
    def instrument(self) -> Traded: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def buy(self) -> bool: ...
    @property
    def units(self) -> float: ...
    @property
    def notional(self) -> float: ...
    @property
    def limit(self) -> int | float | None: ...
    @property
    def trigger(self) -> int | float | None: ...
    @property
    def quote_ns(self) -> int | None: ...
    @property
    def likeness(self) -> tuple[object, ...] | None: ...

    @property
    def whole(self) -> Reach: ...

    def reach(self, per: Per) -> Reach:
        """Return the furthest that fills could lead the position it is part of."""
        ...

    def cancel_first(self, ids: Sequence[str]) -> None:
        """Have these orders cancelled before it is sent, if it is."""
        ...


class Sums(Protocol):
    """What positions add up to, account currency; NaN while one of them has no price.

    `gross` is the largest absolute value that fills could lead to, `long` and `short` the largest
    and the smallest net value, `squares` the sum of the squares of the parts of `gross`, `count`
    how many instruments are held or worked.
    """

    @property
    def gross(self) -> float: ...
    @property
    def long(self) -> float: ...
    @property
    def short(self) -> float: ...
    @property
    def squares(self) -> float: ...
    @property
    def count(self) -> int: ...


class Lately(Protocol):
    """What passed and what happened lately."""

    def rates(self, strategy: str, now_ns: int, *, cancels: bool) -> tuple[int, int]:
        """Return how many orders and changes passed within a second, and within a minute.

        Of all strategies for an empty name.
        """
        ...

    def applied_within(self, key: tuple[object, ...], window_ns: int, now_ns: int) -> int:
        """Return how many orders of one kind passed that were filled or may still be."""
        ...

    def alike_within(self, likeness: tuple[object, ...], window_ns: float, now_ns: int) -> bool:
        """Whether the same order passed."""
        ...


class Held(Protocol):
    """What is held, working and on its way, as the gate adds it up."""

    @property
    def currency(self) -> str: ...
    @property
    def equity(self) -> float: ...
    @property
    def day_start_equity(self) -> float: ...
    @property
    def total(self) -> Sums: ...
    @property
    def recent(self) -> Lately: ...
    @property
    def measures(self) -> Measures: ...
    @property
    def venues_used(self) -> frozenset[str]: ...

    def equity_at(self, venue: str) -> float:
        """Return cash and positions at one venue."""
        ...

    def gross_at(self, venue: str) -> float:
        """Return the most that fills at one venue could lead to be worth."""
        ...

    def sums_of(self, strategy: str) -> Sums:
        """Return what one strategy's positions add up to."""
        ...

    def grouped(self, label: str, instrument: str) -> Sums:
        """Return what the group of an instrument adds up to, under a grouping that was declared."""
        ...

    def against(self, instrument: str, buy: bool) -> tuple[Collection[Works], int | float | None]:
        """Return what works on the other side, and the best price that rests there elsewhere."""
        ...


class Prepares(Protocol):
    """What a limit may ask of a book before the first order."""

    def group_by(self, label: str, groups: Mapping[str, str]) -> None:
        """Add up by group: symbol -> group; what is in none cannot be measured."""
        ...

    def weigh_by(self, label: str, weights: Mapping[str, float]) -> None:
        """Add up with weights: symbol -> weight; what has none cannot be measured."""
        ...

    def add_up_strategies(self) -> None:
        """Add up each strategy's positions too."""
        ...

    def keep_opening(self, window_ns: int) -> None:
        """Keep the middle that each window of so many nanoseconds began with."""
        ...
