"""A check of the gate: one question about one proposal, a number and its bound."""

from __future__ import annotations

import math
from typing import Protocol

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._proposal import Proposal


class Finding(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes
    ----------
    limit : str
        The check's name: ``"max_order_notional"``.
    scope : str
        What the limit is of: ``"order"``, ``"AAPL.PAPER"``, ``"account"``.
    value, bound : float
        What was measured and what is allowed, in `unit`; NaN when it cannot be measured.
    passed : bool
        Whether the proposal may pass; never when the value is NaN.
    unit : str
        What both are counted in: ``"USD"``, ``"units"``, ``"s"``, ``"bp"``, ``"orders/s"``.
    """

    limit: str
    scope: str
    value: float
    bound: float
    passed: bool
    unit: str = ""

    @property
    def utilisation(self) -> float:
        """`value` as a fraction of `bound`; infinite above a bound of zero."""
        if self.bound > 0:
            return self.value / self.bound
        return math.inf if self.value > 0 else self.value

    def __str__(self) -> str:
        if self.value != self.value or self.bound != self.bound:
            return f"{self.limit.upper()}: what it would be cannot be measured"
        return f"{self.limit.upper()}: {self.value:.2f} is over the limit of {self.bound:.2f}"


class Check(Protocol):
    """One question that the gate asks about each proposal.

    A check is frozen and remembers nothing: what has happened stands in the book. It is as quick
    as it can be, since all of them run for each order. One that raises denies.

    Attributes
    ----------
    name : str
        What it goes by in denials and on the desk.
    exposure : bool
        Whether it limits what is held. Proposals that open nothing are not asked then.
    """

    @property
    def name(self) -> str: ...

    @property
    def exposure(self) -> bool: ...

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Measure what the proposal would lead to, and compare; raises when it cannot."""
        ...


def bounded(name: str, value: float, *, least: float = 0.0) -> None:
    """Raise `InputError` unless `value` can be a limit."""
    if not least <= value < math.inf:
        raise InputError(
            f"{name} must be finite and at least {least:g}",
            value=value,
            remedy="leave the check out to turn it off",
        )
