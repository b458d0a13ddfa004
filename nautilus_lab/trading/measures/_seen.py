"""What a node holds at one moment, as it says itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.messages import PositionUpdated, QuoteUpdated, Snapshot
from nautilus_lab.trading.commands import NodeStatus

_ASK_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A trader's positions and quotes at one moment.

    Attributes
    ----------
    trader : str
        Whose.
    ts_ns : int
        When, UNIX nanoseconds.
    market_ns : int
        The market's own time then: in a replay the instant that is replayed.
    positions : mapping of str to PositionUpdated
        Instrument -> what is held of it; what is flat is not there.
    quotes : mapping of str to float
        Instrument -> the middle of its last quote.
    """

    trader: str
    ts_ns: int
    market_ns: int
    positions: Mapping[str, PositionUpdated]
    quotes: Mapping[str, float]

    @classmethod
    async def ask(cls, commands: CommandClient, status: NodeStatus) -> Self:
        """Ask a node that is as `status` says.

        Raises
        ------
        LabError
            When it does not answer.
        """
        told = await commands.call("node.snapshot", timeout_s=_ASK_S, answer=Snapshot)
        return cls.of(told, market_ns=status.source_ts)

    @classmethod
    def of(cls, told: Snapshot, *, market_ns: int | None = None) -> Self:
        """Return what a snapshot tells; the market's time is the node's when not given."""
        positions, quotes = {}, {}
        for state in told.states:
            body = state.body
            if isinstance(body, PositionUpdated) and body.quantity != 0:
                positions[body.instrument] = body
            elif isinstance(body, QuoteUpdated):
                quotes[body.instrument] = (body.bid + body.ask) / 2
        return cls(
            trader=told.trader,
            ts_ns=told.ts,
            market_ns=told.ts if market_ns is None else market_ns,
            positions=positions,
            quotes=quotes,
        )

    @property
    def held(self) -> dict[str, float]:
        """Instrument -> signed units."""
        return {name: one.quantity for name, one in self.positions.items()}

    @property
    def symbols(self) -> dict[str, list[str]]:
        """Symbol that is held -> its instruments."""
        found: dict[str, list[str]] = {}
        for name in self.positions:
            found.setdefault(symbol_of(name), []).append(name)
        return found

    def price(self, symbol: str) -> float:
        """Return what a symbol is quoted at, NaN when it is not."""
        prices = (price for name, price in self.quotes.items() if symbol_of(name) == symbol)
        return next(prices, math.nan)


def symbol_of(instrument: str) -> str:
    """Return the symbol of an instrument.

    Examples
    --------
    >>> symbol_of("AAPL.PAPER")
    'AAPL'
    """
    return instrument.rpartition(".")[0] or instrument
