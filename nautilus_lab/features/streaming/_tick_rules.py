"""What a stream refuses of a tick: the same as the frames of ticks do."""

from __future__ import annotations

from collections.abc import Sequence

from nautilus_lab.exceptions import BadData

_POSITIVE = ("price", "size", "bid", "ask", "bid_size", "ask_size")
_OF_LEVELS = ("bid_price_", "bid_size_", "ask_price_", "ask_size_")


class TickRules:
    """The rules that the columns of a tick keep to.

    Parameters
    ----------
    inputs : tuple of str
        The columns, in the order of the values.
    """

    def __init__(self, inputs: tuple[str, ...]) -> None:
        place = {name: at for at, name in enumerate(inputs)}
        self._inputs = inputs
        self._positive = [
            at for name, at in place.items() if name in _POSITIVE or name.startswith(_OF_LEVELS)
        ]
        # places of two prices, the first of which is no higher; and whether it must be lower
        self._pairs = [
            (place[low], place[high], strict)
            for low, high, strict in _pairs(inputs)
            if low in place and high in place
        ]
        self._side, self._time = place.get("side"), place.get("time")
        self._last: dict[str, float] = {}  # symbol -> time of its last tick

    def require(self, symbol: str, values: Sequence[float]) -> None:
        """Raise BadData unless the values of a tick keep to the rules."""
        for at in self._positive:
            if values[at] <= 0:
                raise _fault(
                    "a tick must have positive prices and sizes", symbol, self._said(values, at)
                )
        for low, high, strict in self._pairs:
            if values[low] > values[high] or (strict and values[low] == values[high]):
                rule = (
                    "a level must be behind the one before it"
                    if strict
                    else ("a tick must not be crossed, a bid above its ask")
                )
                raise _fault(rule, symbol, self._said(values, low, high))
        if self._side is not None and values[self._side] not in (1.0, 0.0, -1.0):
            raise _fault(
                "a tick must have a side of 1, 0 or -1", symbol, self._said(values, self._side)
            )
        when = self._time
        if when is not None and values[when] < self._last.get(symbol, values[when]):
            raise _fault("ticks must be in order of time", symbol, self._said(values, when))

    def took(self, symbol: str, values: Sequence[float]) -> None:
        """Remember the time of a tick that the stream took."""
        if self._time is not None:
            self._last[symbol] = values[self._time]

    def _said(self, values: Sequence[float], *places: int) -> str:
        return ", ".join(f"{self._inputs[at]} = {values[at]:g}" for at in places)


def _pairs(inputs: tuple[str, ...]) -> list[tuple[str, str, bool]]:
    found = [("bid", "ask", False), ("bid_price_0", "ask_price_0", False)]
    levels = [int(name.rpartition("_")[2]) for name in inputs if name.startswith(_OF_LEVELS)]
    for level in range(max(levels, default=0)):
        found.append((f"bid_price_{level + 1}", f"bid_price_{level}", True))
        found.append((f"ask_price_{level}", f"ask_price_{level + 1}", True))
    return found


def _fault(rule: str, symbol: str, value: str) -> BadData:
    return BadData(rule, value=f"{symbol}: {value}", remedy="drop the tick")
