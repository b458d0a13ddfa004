"""What certain payments are worth at a yield, and how that moves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class CashFlow:
    """One payment.

    Attributes
    ----------
    years : float
        From today; positive.
    amount : float
        In the bond's currency; negative when it is owed.
    """

    years: float
    amount: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BondValue:
    """What a bond is worth at a yield.

    Attributes
    ----------
    price : float
        The present value of all payments, accrued interest included.
    dv01 : float
        What is lost when the yield rises by a basis point (0.0001), by the derivative; positive
        for a bond that is owned.
    macaulay_duration : float
        The mean time of the payments, each with its present value; years.
    modified_duration : float
        The relative loss for 1.00 of yield; years.
    convexity : float
        The relative second derivative by the yield; years squared.
    """

    price: float
    dv01: float
    macaulay_duration: float
    modified_duration: float
    convexity: float


def bond_value(
    cash_flows: Iterable[CashFlow],
    *,
    bond_yield: float,
    compounding: int | Literal["continuous"] = 2,
) -> BondValue:
    r"""Value payments at one yield: :math:`\sum_i c_i (1 + y/m)^{-m t_i}` [1]_.

    Parameters
    ----------
    cash_flows : iterable of CashFlow
        All payments still to come.
    bond_yield : float
        A fraction per year.
    compounding : int or "continuous", default=2
        Times a year: 2 for US Treasuries, 1 for most of Europe.

    Returns
    -------
    BondValue

    Raises
    ------
    InputError
        When there is no payment, a time is not positive, a number is not finite, the yield
        takes away everything, or the payments are worth nothing together (no duration then).

    References
    ----------
    .. [1] Tuckman, B. and Serrat, A. (2011). Fixed Income Securities, 3rd ed., ch. 4. Wiley.

    Examples
    --------
    >>> flows = level_coupons(face=100, coupon=0.10, years=3)
    >>> bond = bond_value(flows, bond_yield=0.12, compounding="continuous")
    >>> round(bond.price, 3), round(bond.macaulay_duration, 3)
    (94.213, 2.653)
    """
    continuous = compounding == "continuous"
    if not continuous and not (hasattr(compounding, "__index__") and int(compounding) >= 1):
        raise InputError(
            'compounding must be times a year or "continuous"',
            value=compounding,
            remedy="pass compounding=2",
        )
    times = 0 if continuous else int(compounding)
    if not math.isfinite(bond_yield) or (times and not bond_yield > -times):
        raise InputError(
            "a yield must be finite and leave something",
            value=bond_yield,
            remedy="pass a fraction a year: 0.045",
        )
    flows = tuple(cash_flows)
    for flow in flows:
        if not 0 < flow.years < math.inf or not math.isfinite(flow.amount):
            raise InputError(
                "a payment needs a time to come and a finite amount",
                value=f"{flow.amount} in {flow.years} years",
                remedy="leave out what has been paid",
            )
    growth = 1.0 if continuous else 1 + bond_yield / times

    def discount(years: float) -> float:
        return math.exp(-bond_yield * years) if continuous else growth ** (-times * years)

    values = [flow.amount * discount(flow.years) for flow in flows]
    price = math.fsum(values)
    if not flows or price == 0:
        raise InputError(
            "payments must be worth something together",
            value=f"{len(flows)} payments",
            remedy="value both legs apart; their DV01s add up",
        )
    weighted = math.fsum(v * flow.years for v, flow in zip(values, flows, strict=True))
    # The second derivative: t squared, or t (t + 1/m) where interest is added m times a year.
    step = 0.0 if continuous else 1 / times
    squared = math.fsum(
        v * flow.years * (flow.years + step) for v, flow in zip(values, flows, strict=True)
    )
    return BondValue(
        price=price,
        dv01=weighted / growth / 10_000,
        macaulay_duration=weighted / price,
        modified_duration=weighted / growth / price,
        convexity=squared / growth**2 / price,
    )


def level_coupons(
    *, face: float, coupon: float, years: float, frequency: int = 2
) -> tuple[CashFlow, ...]:
    """Return the payments of a bond with equal coupons, the last one with the face.

    Parameters
    ----------
    face : float
        Paid back at the end, positive.
    coupon : float
        A fraction of the face per year, at least 0.
    years : float
        To the last payment, positive. Coupons are counted back from it; the accrued part of the
        first belongs to who holds the bond then.
    frequency : int, default=2
        Coupons a year, at least 1.

    Raises
    ------
    InputError
        When an argument is out of bounds.

    Examples
    --------
    >>> [(flow.years, flow.amount) for flow in level_coupons(face=100, coupon=0.06, years=1.25)]
    [(0.25, 3.0), (0.75, 3.0), (1.25, 103.0)]
    """
    if not (0 < face < math.inf and 0 <= coupon < math.inf and 0 < years < math.inf):
        raise InputError(
            "a bond needs a positive face, positive years and a coupon of at least 0",
            value=f"face={face}, coupon={coupon}, years={years}",
            remedy="pass the coupon as a fraction of the face: 0.06",
        )
    if not (hasattr(frequency, "__index__") and frequency >= 1):
        raise InputError(
            "frequency must be at least 1 a year", value=frequency, remedy="pass frequency=2"
        )
    # A hair of time left over by rounding is no coupon of its own.
    count = math.ceil(years * frequency - 1e-9)
    paid = face * coupon / frequency
    return tuple(
        CashFlow(years=years - before / frequency, amount=paid + (0.0 if before else face))
        for before in reversed(range(count))
    )
