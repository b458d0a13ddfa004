"""Positions and their profit and loss, kept current fill by fill and price by price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nautilus_lab.exceptions import InputError

__all__ = ["LivePosition", "LivePositions"]


@dataclass
class LivePosition:
    """One net position at average cost.

    Attributes
    ----------
    quantity : float
        Signed units.
    average_price : float
        Average cost of the open units, in the quote currency; 0 when flat.
    price : float
        The last mid the position was marked at; 0 before the first.
    realised : float
        Profit of the units that were closed, before commissions.
    multiplier : float
        What one unit gains when its price rises by 1: 1 for shares.
    """

    quantity: float = 0.0
    average_price: float = 0.0
    price: float = 0.0
    realised: float = 0.0
    multiplier: float = 1.0

    @property
    def market_value(self) -> float:
        """Signed value at the last mid."""
        return self.quantity * self.price * self.multiplier

    @property
    def unrealised(self) -> float:
        """Profit that closing at the last mid would bring; 0 before the first price."""
        gained = self.price - self.average_price if self.price else 0.0
        return self.quantity * gained * self.multiplier


class LivePositions:
    """The book of one account, updated in constant time per fill and per price.

    Average-cost accounting: a fill that adds to a position moves its average price, one that
    reduces it realises the difference to it, one that flips it does both.

    Examples
    --------
    >>> book = LivePositions()
    >>> book.fill("AAPL", "BUY", 10, 100.0, commission=1.0)
    >>> book.fill("AAPL", "SELL", 4, 110.0)
    >>> book.mark("AAPL", 105.0)
    >>> book.realised, book.unrealised, book.commissions
    (40.0, 30.0, 1.0)
    """

    def __init__(self) -> None:
        self._positions: dict[str, LivePosition] = {}
        self.realised = 0.0
        self.unrealised = 0.0
        self.commissions = 0.0
        self.cash_flow = 0.0  # what the fills moved: negative after buying
        self.gross = 0.0  # sum of absolute market values
        self.net = 0.0  # sum of signed market values

    def __getitem__(self, instrument: str) -> LivePosition:
        return self._positions[instrument]

    @property
    def instruments(self) -> tuple[str, ...]:
        """Every instrument that was ever filled, in the order of first fills."""
        return tuple(self._positions)

    @property
    def total(self) -> float:
        """Realised and unrealised profit, less commissions."""
        return self.realised + self.unrealised - self.commissions

    def fill(
        self,
        instrument: str,
        side: Literal["BUY", "SELL"],
        quantity: float,
        price: float,
        *,
        commission: float = 0.0,
        multiplier: float = 1.0,
    ) -> None:
        """Account for one execution of `quantity` units at `price`, as it is quoted.

        Raises
        ------
        InputError
            When the quantity, the price or the multiplier is not a positive number, or the
            instrument has had another multiplier.
        """
        if not all(0 < number < float("inf") for number in (quantity, price, multiplier)):
            raise InputError(
                "a fill needs a positive quantity, price and multiplier",
                value=(instrument, quantity, price, multiplier),
            )
        position = self._positions.setdefault(instrument, LivePosition(multiplier=multiplier))
        if multiplier != position.multiplier:
            raise InputError(
                f"the multiplier of {instrument} must stay {position.multiplier:g}",
                value=multiplier,
            )
        before = self._standing(position)
        signed = quantity if side == "BUY" else -quantity
        held = position.quantity
        if held * signed >= 0:
            total = held + signed
            position.average_price = (held * position.average_price + signed * price) / total
        else:
            closed = min(abs(signed), abs(held)) * (1 if held > 0 else -1)
            position.realised += closed * (price - position.average_price) * multiplier
            if abs(signed) > abs(held):
                position.average_price = price
            elif abs(signed) == abs(held):
                position.average_price = 0.0
        position.quantity = held + signed
        self.commissions += commission
        self.cash_flow -= signed * price * multiplier + commission
        self._restate(before, position)

    def mark(self, instrument: str, price: float) -> None:
        """Value the position at `price`; an instrument never filled is ignored."""
        position = self._positions.get(instrument)
        # NaN must not enter the totals: a later good price could not remove it.
        if position is None or not 0 < price < float("inf"):
            return
        before = self._standing(position)
        position.price = price
        self._restate(before, position)

    @staticmethod
    def _standing(position: LivePosition) -> tuple[float, float, float]:
        return position.realised, position.unrealised, position.market_value

    def _restate(self, before: tuple[float, float, float], position: LivePosition) -> None:
        realised, unrealised, value = self._standing(position)
        self.realised += realised - before[0]
        self.unrealised += unrealised - before[1]
        self.net += value - before[2]
        self.gross += abs(value) - abs(before[2])
