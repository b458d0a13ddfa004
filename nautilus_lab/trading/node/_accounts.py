"""The money of a trader: what each venue's account and each strategy holds and has earned."""

from __future__ import annotations

from collections.abc import Mapping

from nautilus_lab.analytics import LivePositions
from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.messages import OrderFilled


class Accounts:
    """One account at each venue, kept current fill by fill and quote by quote.

    Parameters
    ----------
    deposits : mapping of str to float
        venue -> what was ever paid in, in account currency.
    """

    def __init__(self, deposits: Mapping[str, float]) -> None:
        self.deposits = dict(deposits)
        self.positions = LivePositions()  # of all venues together
        self.at: dict[str, LivePositions] = {venue: LivePositions() for venue in deposits}
        self.of: dict[str, LivePositions] = {}  # strategy -> its share of the positions

    def fill(self, fill: OrderFilled) -> None:
        """Account for an execution."""
        of = self.of.setdefault(fill.strategy, LivePositions())
        at = self.at.setdefault(venue_of(fill.instrument), LivePositions())
        for book in (self.positions, at, of):
            book.fill(
                fill.instrument,
                fill.side,
                float(fill.quantity),
                float(fill.price),
                commission=float(fill.commission),
                multiplier=float(fill.multiplier),
            )

    def require_same_contracts(self, multipliers: Mapping[str, float]) -> None:
        """Refuse contracts of which a point is worth another amount than when they were traded.

        Parameters
        ----------
        multipliers : mapping of str to float
            Instrument -> what it is worth now.

        Raises
        ------
        NodeError
            When one has changed.
        """
        for name in self.positions.instruments:
            was = self.positions[name].multiplier
            if multipliers.get(name, was) != was:
                raise NodeError(
                    f"the multiplier of {name} must be the {was:g} that it was traded with",
                    value=f"{multipliers[name]:g}",
                    remedy="set it as it was, or begin anew: move the run directory away",
                )

    def mark(self, instrument: str, price: float) -> None:
        """Value what is held of `instrument` at `price`."""
        self.positions.mark(instrument, price)
        self.at[venue_of(instrument)].mark(instrument, price)
        for book in self.of.values():
            book.mark(instrument, price)

    def shares(self, instrument: str) -> dict[str, float]:
        """Return strategy -> signed units of an instrument, of those that ever traded it."""
        return {
            strategy: book[instrument].quantity
            for strategy, book in self.of.items()
            if instrument in book.instruments
        }

    @property
    def equity(self) -> float:
        """Cash and positions at the market, over all venues."""
        return sum(self.deposits.values()) + self.positions.total

    def equity_at(self, venue: str) -> float:
        """Cash and positions at the market, at one venue."""
        return self.deposits.get(venue, 0.0) + self.at[venue].total

    def cash_at(self, venue: str) -> float:
        """Cash of the account at `venue`, by our own fills."""
        return self.deposits.get(venue, 0.0) + self.at[venue].cash_flow


def venue_of(instrument: str) -> str:
    """Return the venue of an instrument id: ``"AAPL.PAPER"`` trades at ``"PAPER"``."""
    return instrument.rpartition(".")[2]
