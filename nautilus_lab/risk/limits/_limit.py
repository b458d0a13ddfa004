"""What all limits share: whom they concern, where they are asked, what follows a breach."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._asked import Asked, Held, Prepares
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings

# Asked about each order; looked at again and again; or both.
Mode: TypeAlias = Literal["block", "monitor", "both"]

# What a confirmed breach leads to: an alert; an alert, and nothing that increases passes; the
# strategy sends nothing until a person lets it; or the trader's state.
Action: TypeAlias = Literal["alert", "no_increase", "disable", "reduce_only", "halt"]

ACTIONS = ("alert", "no_increase", "disable", "reduce_only", "halt")

# the longest window in which something is counted, ten years: a time in nanoseconds has an end
LONGEST_S = 10 * 366 * 86_400.0


@dataclass(frozen=True, kw_only=True, repr=False)
class Limit:
    """A bound on one number, and the formula of that number.

    Parameters
    ----------
    instruments, strategies : collection of str, optional
        Whom it concerns, by name; all when none is named. ``{"AAPL.PAPER"}``, or the symbol
        ``{"AAPL"}`` at each of its venues.
    mode : {"block", "monitor", "both"}
        Whether each order is held against it before it leaves, what is held is looked at again and
        again, or both; which of them a limit can do is in `modes`.
    action : {"alert", "no_increase", "disable", "reduce_only", "halt"}
        What follows when it is found exceeded for good. Each kind has its own default.

    Attributes
    ----------
    name : str
        What it goes by in denials, settings and on the desk.
    number : int
        Of the catalogue in docs/concepts/limits.md.
    exposure : bool
        Whether it limits what is held: orders that open nothing are not asked then.
    latches : bool
        Whether a strategy that it denies sends nothing more until a person lets it.
    """

    name: ClassVar[str]
    number: ClassVar[int]
    scopes: ClassVar[str]
    formula: ClassVar[str]
    modes: ClassVar[tuple[Mode, ...]] = ("block",)
    latches: ClassVar[bool] = False

    instruments: frozenset[str] = frozenset()
    strategies: frozenset[str] = frozenset()
    mode: Mode = "block"
    action: Action = "alert"

    def __post_init__(self) -> None:
        for name in ("instruments", "strategies"):
            given = getattr(self, name)
            if isinstance(given, str):
                raise InputError(f"{name} must be a set of names", value=given)
            object.__setattr__(self, name, frozenset(given))
        if self.mode not in self.modes:
            raise InputError(
                f"{self.name} can be {' or '.join(self.modes)}",
                value=self.mode,
                remedy=f"pass mode={self.modes[0]!r}, or leave it out",
            )
        if self.action not in ACTIONS:
            raise InputError(f"action must be one of {', '.join(ACTIONS)}", value=self.action)
        self._check()

    def _check(self) -> None:
        """Raise `InputError` unless the bounds can be bounds."""

    @property
    def exposure(self) -> bool:
        """Whether it limits what is held; see the class."""
        return False

    @property
    def blocks(self) -> bool:
        """Whether orders are held against it before they leave."""
        return self.mode != "monitor"

    @property
    def monitors(self) -> bool:
        """Whether what is held is looked at again and again."""
        return self.mode != "block"

    def concerns(self, instrument: str, symbol: str, strategy: str) -> bool:
        """Whether it has a say about an instrument and a strategy; an empty name is of any."""
        named = self.instruments
        return (not named or not instrument or instrument in named or symbol in named) and (
            not self.strategies or not strategy or strategy in self.strategies
        )

    @property
    def needs(self) -> frozenset[str]:
        """The measures it reads, by name; ``"volume:*"`` is that of every symbol."""
        return frozenset()

    @property
    def awaits(self) -> str:
        """Why no look found anything of it yet, where it knows; empty otherwise."""
        return ""

    @property
    def particular(self) -> bool:
        """Whether its scopes are single instruments or strategies, and not an account."""
        return False

    def holds_back(self, scope: str, instrument: str, symbol: str, strategy: str) -> bool:
        """Whether its breach in `scope` keeps a strategy from increasing an instrument.

        Without a scope, or of ``"all"``, nothing is known of any.
        """
        if scope in ("", "all"):
            return self.concerns(instrument, symbol, strategy)
        return not self.particular or scope in (
            instrument,
            symbol,
            strategy,
            f"{strategy}:{instrument}",
        )

    def with_bounds(self, bounds: Mapping[str, Any]) -> Limit:
        """Return the same limit with other bounds, by parameter."""
        return replace(self, **bounds)

    def prepare(self, book: Prepares) -> None:
        """Ask a book to add up what this limit needs; once, before the first order."""

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure what an order would lead to, and compare; raises when it cannot."""
        raise NotImplementedError

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure what is held now, one finding for each scope."""
        raise NotImplementedError

    def _found(
        self,
        scope: str,
        value: float,
        bound: float,
        unit: str,
        *,
        waived: bool = False,
        reason: str = "",
    ) -> Finding:
        # NaN is within no bound. Who only reduces what the limit is of is let through, `waived`.
        return Finding(self.name, scope, value, bound, value <= bound or waived, unit, reason)

    @property
    def settings(self) -> dict[str, Any]:
        """What tells it from another of its kind, as plain values; what `limit_of` takes."""
        given = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value == item.default or (isinstance(value, Mapping) and not value):
                continue
            given[item.name] = _plain(value)
        return {"limit": self.name, **given}

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.settings.items() if k != "limit")
        return f"{type(self).__name__}({given})"


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return list(value) if isinstance(value, tuple) else value


def bounded(name: str, value: float, *, least: float = 0.0, most: float = math.inf) -> None:
    """Raise `InputError` unless `value` can be a bound."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    # A whole number may be larger than any that can be reckoned with.
    if not number or not (least <= value <= most and value <= sys.float_info.max):
        within = f"in [{least:g}, {most:g}]" if most < math.inf else f"at least {least:g}"
        raise InputError(
            f"{name} must be finite and {within}",
            value=value,
            remedy="leave the limit out to turn it off",
        )


def chosen(name: str, value: str, among: tuple[str, ...]) -> None:
    """Raise `InputError` unless `value` is one of a few words."""
    if value not in among:
        raise InputError(f"{name} must be one of {', '.join(among)}", value=value)


def frozen_map(limit: Limit, name: str) -> None:
    """Make a mapping of a limit one that nobody changes."""
    given = getattr(limit, name)
    if not isinstance(given, Mapping):
        raise InputError(f"{name} must be a mapping", value=given)
    object.__setattr__(limit, name, MappingProxyType(dict(given)))


def smaller(money: float | None, fraction: float | None, of: float) -> float:
    """Return the smaller of an amount and a fraction of `of`; NaN when that is not known.

    What is a fraction of less than nothing is nothing.
    """
    if fraction is None:
        return math.inf if money is None else money
    share = fraction * of
    if share < 0:
        share = 0.0
    # Not min(), which would take an amount for what is not known.
    return money if money is not None and money <= share else share


@dataclass(frozen=True, kw_only=True, repr=False)
class OfMoney(Limit):
    """A limit in account currency, as a fraction of net asset value, or both: the smaller holds.

    Parameters
    ----------
    max_notional : float, optional
        Account currency.
    max_fraction : float, optional
        Of the equity; an account that has none left may hold nothing.
    """

    max_notional: float | None = None
    max_fraction: float | None = field(default=None)

    def _check(self) -> None:
        if self.max_notional is None and self.max_fraction is None:
            raise InputError(
                f"{self.name} needs a bound",
                remedy="pass max_notional=900_000, max_fraction=1.5, or both",
            )
        if self.max_notional is not None:
            bounded("max_notional", self.max_notional)
        if self.max_fraction is not None:
            bounded("max_fraction", self.max_fraction)

    def bound(self, equity: float) -> float:
        """Return what is allowed, account currency, of an account with this equity."""
        return smaller(self.max_notional, self.max_fraction, equity)


def whole(limit: Limit, per: str = "account") -> None:
    """Raise `InputError` when a limit of a sum names instruments, or strategies that it adds up."""
    if limit.instruments:
        raise InputError(
            f"{limit.name} is of all instruments together",
            value=", ".join(sorted(limit.instruments)),
            remedy="leave instruments out",
        )
    of_account(limit, per)


def of_account(limit: Limit, per: str) -> None:
    """Raise `InputError` when a limit of an account's names strategies."""
    if limit.strategies and per != "strategy":
        raise InputError(
            f"{limit.name} per {per} is of all strategies together",
            value=", ".join(sorted(limit.strategies)),
            remedy="pass per='strategy', or leave strategies out",
        )
