"""European options in closed form, light enough for the order path: standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import InputError

OptionKind: TypeAlias = Literal["call", "put"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionValue:
    """What one option on one unit is worth, and how that moves.

    Attributes
    ----------
    price : float
        Today's value, in the currency of the strike.
    delta : float
        Change for a move of the underlying (of the forward, for Black-76) by 1.
    gamma : float
        Change of `delta` for a move by 1.
    vega : float
        Change for 1.00 of volatility; a hundredth of it, `vega_per_point`, for one point.
    theta : float
        Change with a year going by, all else still; negative for most that is owned.
    rho : float
        Change for 1.00 of the interest rate; a ten-thousandth for a basis point.
    """

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float

    @property
    def vega_per_point(self) -> float:
        """Change for one point of volatility, 0.01."""
        return self.vega / 100

    @property
    def theta_per_day(self) -> float:
        """Change with one calendar day going by."""
        return self.theta / 365

    def scaled(self, units: float) -> OptionValue:
        """Return the value and the Greeks of `units` of it, contract sizes included.

        Parameters
        ----------
        units : float
            Contracts times contract size; negative when sold.

        Raises
        ------
        InputError
            When `units` is not finite.
        """
        if not math.isfinite(units):
            raise InputError("units must be finite", value=units, remedy="mend the position")
        return OptionValue(
            price=self.price * units,
            delta=self.delta * units,
            gamma=self.gamma * units,
            vega=self.vega * units,
            theta=self.theta * units,
            rho=self.rho * units,
        )


def black_scholes(
    kind: OptionKind,
    *,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> OptionValue:
    r"""Value a European option on a share, an index or a currency [1]_ [2]_.

    With :math:`d_1 = \frac{\ln(S/K) + (r - q + \sigma^2/2) T}{\sigma \sqrt T}` and
    :math:`d_2 = d_1 - \sigma \sqrt T`, a call is worth
    :math:`S e^{-qT} N(d_1) - K e^{-rT} N(d_2)`.

    Parameters
    ----------
    kind : {"call", "put"}
        The right to buy or to sell.
    spot, strike : float
        Prices, positive.
    years : float
        To expiry, positive.
    volatility : float
        Of log returns, a fraction per year, positive.
    rate, dividend_yield : float, default=0.0
        Continuously compounded, fractions per year; the foreign rate for a currency.

    Raises
    ------
    InputError
        When an argument is NaN, infinite or not positive where it must be. What has expired is
        worth what it pays: it has no Greeks.

    References
    ----------
    .. [1] Black, F. and Scholes, M. (1973). The pricing of options and corporate liabilities.
       Journal of Political Economy 81(3), 637-654.
    .. [2] Merton, R. C. (1973). Theory of rational option pricing. Bell Journal of Economics and
       Management Science 4(1), 141-183.

    Examples
    --------
    >>> call = black_scholes("call", spot=42, strike=40, years=0.5, volatility=0.2, rate=0.1)
    >>> round(call.price, 2), round(call.delta, 3)
    (4.76, 0.779)
    """
    require_terms(kind, rate=rate, dividend_yield=dividend_yield)
    require_positive(spot=spot, strike=strike, years=years, volatility=volatility)
    sign = 1.0 if kind == "call" else -1.0
    root = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate - dividend_yield) * years) / root + root / 2
    d2 = d1 - root
    held, owed = math.exp(-dividend_yield * years), math.exp(-rate * years)
    n1, n2 = normal_cdf(sign * d1), normal_cdf(sign * d2)
    asset, cash = spot * held * n1, strike * owed * n2
    density = normal_density(d1)
    decay = -spot * held * density * volatility / (2 * math.sqrt(years))
    return OptionValue(
        price=sign * (asset - cash),
        delta=sign * held * n1,
        gamma=held * density / (spot * root),
        vega=spot * held * density * math.sqrt(years),
        theta=decay + sign * (dividend_yield * asset - rate * cash),
        rho=sign * years * cash,
    )


def black_76(
    kind: OptionKind,
    *,
    forward: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float = 0.0,
) -> OptionValue:
    r"""Value a European option on a futures or forward price [1]_.

    With :math:`d_{1,2} = \frac{\ln(F/K)}{\sigma \sqrt T} \pm \frac{\sigma \sqrt T}{2}`, a call is
    worth :math:`e^{-rT} (F N(d_1) - K N(d_2))`.

    Parameters
    ----------
    kind : {"call", "put"}
        The right to buy or to sell.
    forward, strike : float
        Prices, positive: a futures price below 0 has no such model.
    years : float
        To expiry, positive.
    volatility : float
        Of the forward's log returns, a fraction per year, positive.
    rate : float, default=0.0
        Continuously compounded, a fraction per year. `rho` is for a forward that stays still.

    Raises
    ------
    InputError
        When an argument is NaN, infinite or not positive where it must be.

    References
    ----------
    .. [1] Black, F. (1976). The pricing of commodity contracts. Journal of Financial Economics
       3(1-2), 167-179.

    Examples
    --------
    >>> put = black_76("put", forward=20, strike=20, years=4 / 12, volatility=0.25, rate=0.09)
    >>> round(put.price, 2)
    1.12
    """
    require_terms(kind, rate=rate)
    require_positive(forward=forward, strike=strike, years=years, volatility=volatility)
    sign = 1.0 if kind == "call" else -1.0
    root = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / root + root / 2
    discount = math.exp(-rate * years)
    n1, n2 = normal_cdf(sign * d1), normal_cdf(sign * (d1 - root))
    price = sign * discount * (forward * n1 - strike * n2)
    density = discount * normal_density(d1)
    return OptionValue(
        price=price,
        delta=sign * discount * n1,
        gamma=density / (forward * root),
        vega=forward * density * math.sqrt(years),
        theta=-forward * density * volatility / (2 * math.sqrt(years)) + rate * price,
        rho=-years * price,
    )


def normal_cdf(x: float) -> float:
    """Return the standard normal distribution function, accurate far out on the left too."""
    return math.erfc(-x / math.sqrt(2)) / 2


def normal_density(x: float) -> float:
    """Return the standard normal density."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def require_terms(kind: str, **rates: float) -> None:
    """Raise `InputError` for what is no kind of option, or a rate that is no number."""
    if kind not in ("call", "put"):
        raise InputError('an option is a "call" or a "put"', value=kind, remedy='pass "call"')
    for name, rate in rates.items():
        if not math.isfinite(rate):
            raise InputError(f"{name} must be finite", value=rate, remedy="pass a fraction a year")


def require_positive(**terms: float) -> None:
    """Raise `InputError` for a term that is not positive and finite."""
    for name, term in terms.items():
        if not 0 < term < math.inf:
            raise InputError(
                f"{name} must be positive and finite",
                value=term,
                remedy="an option needs prices above 0, time to expiry and a volatility",
            )
