"""The volatility at which an option is worth its price."""

from __future__ import annotations

import math

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.greeks._option import (
    OptionKind,
    normal_cdf,
    normal_density,
    require_positive,
    require_terms,
)

_MOST = 60.0  # of volatility times root of time: no price below its bound asks for as much


def implied_volatility(
    kind: OptionKind,
    *,
    price: float,
    spot: float,
    strike: float,
    years: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> float:
    """Return the volatility at which `black_scholes` gives `price`.

    Parameters
    ----------
    kind : {"call", "put"}
        The right to buy or to sell.
    price : float
        What is paid for it, strictly between the bounds that arbitrage sets.
    spot, strike, years, rate, dividend_yield : float
        As for `black_scholes`.

    Returns
    -------
    float
        A fraction per year. The nearer `price` is to a bound, the fewer of its digits tell it.

    Raises
    ------
    InputError
        When a term is out of bounds, or no volatility gives `price`: at or below what exercise is
        worth, or at or above the whole of the underlying (the strike, for a put).

    References
    ----------
    .. [1] Jaeckel, P. (2015). Let's be rational. Wilmott 75, 40-53: of prices out of the money.

    Examples
    --------
    >>> terms = dict(spot=42, strike=40, years=0.5, rate=0.1)
    >>> round(implied_volatility("call", price=4.7594, **terms), 4)
    0.2
    """
    require_terms(kind, rate=rate, dividend_yield=dividend_yield)
    require_positive(spot=spot, strike=strike, years=years)
    forward = spot * math.exp((rate - dividend_yield) * years)
    return _implied(kind, price, forward, strike, years, math.exp(-rate * years))


def implied_volatility_76(
    kind: OptionKind,
    *,
    price: float,
    forward: float,
    strike: float,
    years: float,
    rate: float = 0.0,
) -> float:
    """Return the volatility at which `black_76` gives `price`.

    Parameters
    ----------
    kind : {"call", "put"}
        The right to buy or to sell.
    price : float
        What is paid for it, strictly between the bounds that arbitrage sets.
    forward, strike, years, rate : float
        As for `black_76`.

    Returns
    -------
    float
        A fraction per year. The nearer `price` is to a bound, the fewer of its digits tell it.

    Raises
    ------
    InputError
        When a term is out of bounds, or no volatility gives `price`.

    Examples
    --------
    >>> terms = dict(forward=20, strike=20, years=4 / 12, rate=0.09)
    >>> round(implied_volatility_76("put", price=1.1166, **terms), 4)
    0.25
    """
    require_terms(kind, rate=rate)
    require_positive(forward=forward, strike=strike, years=years)
    return _implied(kind, price, forward, strike, years, math.exp(-rate * years))


def _implied(
    kind: OptionKind, price: float, forward: float, strike: float, years: float, discount: float
) -> float:
    sign = 1.0 if kind == "call" else -1.0
    exercise = discount * max(0.0, sign * (forward - strike))
    most = discount * (forward if kind == "call" else strike)
    if not exercise < price < most:
        raise InputError(
            "a price must lie strictly between what exercise is worth and its upper bound",
            value=f"{price} outside of {exercise:.10g} to {most:.10g}",
            remedy="look for a stale quote, a wrong strike or a forgotten dividend",
        )
    # What exercise is not worth is the price of the other kind, out of the money: parity. Per
    # root of forward times strike it depends on x and the total deviation only.
    target = (price - exercise) / discount / math.sqrt(forward * strike)
    x = -abs(math.log(forward / strike))
    return _deviation(target, x) / math.sqrt(years)


def _deviation(target: float, x: float) -> float:
    """Return the total deviation s at which the normalised price is `target`.

    Newton on the logarithm of the price, which is nearly straight far out of the money, with a
    bracket to fall back on: the price rises with s.
    """
    low, high = 0.0, _MOST
    s = max(0.1, math.sqrt(-2 * x))  # where the price has its turning point
    for _ in range(200):
        worth = _normalised(x, s)
        if worth < target:
            low = s
        else:
            high = s
        slope = math.exp(x / 2) * normal_density(x / s + s / 2)
        step = math.inf
        if worth > 0 and slope > 0:
            step = worth * math.log(target / worth) / slope
        nearer = s + step
        if not low < nearer < high:
            nearer = (low + high) / 2
        if abs(nearer - s) <= 1e-15 * nearer or nearer in (low, high):
            return nearer
        s = nearer
    return s


def _normalised(x: float, s: float) -> float:
    """Return the price of a call out of the money over the root of forward times strike."""
    d1, d2 = x / s + s / 2, x / s - s / 2
    return math.exp(x / 2) * normal_cdf(d1) - math.exp(-x / 2) * normal_cdf(d2)
