"""The journal: what is about to be done to an order, written before it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol, TypeAlias

import msgspec

Verdict: TypeAlias = Literal["forwarded", "denied"]


# `dict` for what is cached; one is never another, for the facts are written out later.
class Intent(msgspec.Struct, frozen=True, kw_only=True, dict=True, eq=False):
    """One command about one order, as the gate saw it.

    Attributes
    ----------
    client_order_id : str
        The order.
    command : str
        ``"submit"`` or ``"modify"``.
    verdict : {"forwarded", "denied"}
        What the gate did with it.
    facts : callable
        Writes out the order's facts, for `body`.
    reason : str
        Why it was denied; empty when it was not.
    reduces : bool
        Whether it does nothing but reduce a position: what may go on when nothing else does.
    """

    client_order_id: str
    command: str
    verdict: Verdict
    facts: Callable[[], dict[str, str]]
    reason: str = ""
    reduces: bool = False

    @cached_property
    def body(self) -> dict[str, str]:
        """The order's facts: strategy, instrument, side, type, quantity, limit price, notional.

        Written out when somebody asks: a backtest never does.
        """
        return self.facts()


class Journal(Protocol):
    """Where intents go. A journal that cannot write raises, and the gate lets nothing through."""

    def write(self, intents: Sequence[Intent]) -> None:
        """Make all of `intents` durable, or none, before returning."""
        ...


@dataclass
class MemoryJournal:
    """The journal of a backtest: a list."""

    intents: list[Intent] = field(default_factory=list)

    def write(self, intents: Sequence[Intent]) -> None:
        """Append `intents`."""
        self.intents.extend(intents)
