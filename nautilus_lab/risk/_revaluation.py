"""What past moves would do to shares and options, every option priced again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.frames import require_returns
from nautilus_lab.provenance import mark, provenance
from nautilus_lab.risk.greeks import OptionKind, black_scholes

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, Returns

_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionPosition:
    """European options on one underlying, as held today.

    Parameters
    ----------
    name : str
        What the position is called.
    underlying : str
        The symbol whose returns move it.
    kind : {"call", "put"}
        The right to buy or to sell.
    units : float
        Contracts times contract size; negative when sold.
    strike, years, volatility, rate, dividend_yield : float
        As for `black_scholes`.

    Raises
    ------
    InputError
        When `units` is not finite, or a term is not what `black_scholes` takes.
    """

    name: str
    underlying: str
    kind: OptionKind
    units: float
    strike: float
    years: float
    volatility: float
    rate: float = 0.0
    dividend_yield: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.units):
            raise InputError(
                "units must be finite",
                value=f"{self.name}: {self.units}",
                remedy="mend the position",
            )
        self.price(self.strike)

    def price(self, spot: float) -> float:
        """Return the value today of one unit."""
        return black_scholes(
            self.kind,
            spot=spot,
            strike=self.strike,
            years=self.years,
            volatility=self.volatility,
            rate=self.rate,
            dividend_yield=self.dividend_yield,
        ).price

    def prices_after(self, spots: FloatArray, years: float) -> FloatArray:
        """Return the value of one unit when `years` have gone by, at each spot."""
        import numpy as np
        from scipy.special import ndtr

        sign = 1.0 if self.kind == "call" else -1.0
        left = self.years - years
        if left <= 0:
            return np.maximum(sign * (spots - self.strike), 0.0)
        root = self.volatility * math.sqrt(left)
        held = math.exp(-self.dividend_yield * left)
        owed = self.strike * math.exp(-self.rate * left)
        with np.errstate(divide="ignore"):  # what has lost everything has a logarithm of -inf
            d1 = np.log(spots * held / owed) / root + root / 2
        values = sign * (spots * held * ndtr(sign * d1) - owed * ndtr(sign * (d1 - root)))
        return np.asarray(values, dtype=np.float64)


def revalued_pnl(
    returns: Returns,
    spots: Mapping[str, float] | pd.Series[float],
    *,
    shares: Mapping[str, float] = _NONE,
    options: Sequence[OptionPosition] = (),
    years: float = 1 / 252,
) -> pd.DataFrame:
    """Return what each past return would make of each position held today, in money.

    Shares move with the return; options are priced again by Black-Scholes at the moved spot with
    `years` less to expiry [1]_, so that gamma and theta are in the figures. The volatility stays as
    it is: its moves are not.

    Hand the result to a model that reads past returns, each position once::

        pnl = revalued_pnl(returns, spots, shares={"AAPL": 100}, options=[put])
        report = HistoricalRisk().measure(pnl, dict.fromkeys(pnl, 1.0))

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions, at least -1, of the underlyings.
    spots : mapping or Series, symbol -> price
        Today's prices, positive.
    shares : mapping of str to float, optional
        Symbol -> units held, signed.
    options : sequence of OptionPosition, optional
        Names are unique, and not those of shares.
    years : float, default=1/252
        What one return takes; options that expire meanwhile are worth what they pay then.

    Returns
    -------
    DataFrame, shape (time, position)
        Money, gains positive: shares by symbol, options by name.

    Raises
    ------
    InputError
        When nothing is held, names repeat, a symbol has no return or no price, or a number is
        out of bounds.
    BadData
        When a return is NaN, infinite or below -1, or times are unsorted or repeated.

    References
    ----------
    .. [1] Jorion, P. (2006). Value at Risk, 3rd ed., ch. 10: full valuation. McGraw-Hill.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    >>> returns = pd.DataFrame({"XYZ": [-0.10, 0.10]}, index=days)
    >>> put = OptionPosition(name="put", underlying="XYZ", kind="put", units=100, strike=100,
    ...                      years=0.25, volatility=0.2)
    >>> pnl = revalued_pnl(returns, {"XYZ": 100.0}, shares={"XYZ": 100}, options=[put])
    >>> pnl.round(0).to_numpy().tolist()
    [[-1000.0, 671.0], [1000.0, -305.0]]
    """
    import numpy as np
    import pandas as pd

    if not 0 <= years < math.inf:
        raise InputError("years must be at least 0", value=years, remedy="pass years=1 / 252")
    names = [*shares, *(option.name for option in options)]
    if not names or len(set(names)) != len(names):
        raise InputError(
            "positions must have names of their own, and there must be one",
            value=", ".join(names) or "none",
            remedy="name each option, by its symbol, strike and expiry",
        )
    frame = require_returns(returns)
    prices = {str(symbol): float(price) for symbol, price in spots.items()}
    lowest = float(np.asarray(frame, dtype=np.float64).min())
    if lowest < -1:
        raise BadData(
            "a simple return is at least -1", value=lowest, remedy="pass fractions, not per cent"
        )

    def moved(symbol: str) -> tuple[float, FloatArray]:
        if symbol not in frame.columns or not 0 < prices.get(symbol, math.nan) < math.inf:
            raise InputError(
                "every symbol needs returns and a positive price",
                value=f"{symbol}, price {prices.get(symbol)}",
                remedy="load its returns, and pass its price in spots",
            )
        spot = prices[symbol]
        return spot, spot * (1 + np.asarray(frame[symbol], dtype=np.float64))

    made = {}
    for symbol, units in shares.items():
        if not math.isfinite(units):
            raise InputError(
                "units must be finite", value=f"{symbol}: {units}", remedy="mend the position"
            )
        spot, after = moved(symbol)
        made[symbol] = units * (after - spot)
    for option in options:
        spot, after = moved(option.underlying)
        made[option.name] = option.units * (option.prices_after(after, years) - option.price(spot))
    return mark(pd.DataFrame(made, index=frame.index), provenance(returns))
