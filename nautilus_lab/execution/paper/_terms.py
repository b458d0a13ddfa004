"""The terms on which a paper venue trades."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab.config import TradingSettings

PRICE_INCREMENT = Decimal("0.01")  # USD

_CENT = PRICE_INCREMENT
_BASIS_POINT = Decimal("0.0001")


@dataclass(frozen=True, kw_only=True)
class VenueTerms:
    """What a paper venue charges, shows and lends.

    Parameters
    ----------
    maker_fee_bps, taker_fee_bps : float, default=0.0
        Commission on the value of a fill, in basis points, rounded to cents, half up.
    half_spread_bps : float, default=2.0
        Half of the quoted spread, of the mid price.
    depth : int, default=10_000
        Units that one quote has at each of its levels; the next quote brings them anew.
    levels : int, default=5
        Prices at each side. Each lies half a spread, a cent at least, behind the one before it.
    price_offset_bps : float, default=0.0
        How far the venue's prices lie above those that are replayed.
    leverage : float, default=1.0
        1 is a cash account: nothing is borrowed, nothing sold short. Above that it is a margin
        account with an initial margin of 1 / leverage and a maintenance margin of half of it,
        as the 50 % and 25 % of Regulation T.
    latency_ms : float, default=0.0
        From the request to the book.
    multipliers : mapping of str to float, optional
        Symbol -> what a point of it is worth, USD; 1 for those that are not named, as for shares.
        Contracts need a margin account.
    """

    maker_fee_bps: float = 0.0
    taker_fee_bps: float = 0.0
    half_spread_bps: float = 2.0
    depth: int = 10_000
    levels: int = 5
    price_offset_bps: float = 0.0
    leverage: float = 1.0
    latency_ms: float = 0.0
    multipliers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("maker_fee_bps", "taker_fee_bps", "half_spread_bps", "latency_ms"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"a venue's {name} must be 0 or more", value=getattr(self, name))
        if not -10_000 < self.price_offset_bps < math.inf:
            raise InputError("a venue's prices must be positive", value=self.price_offset_bps)
        if not 1 <= self.leverage < math.inf:
            raise InputError("a venue's leverage must be 1 or more", value=self.leverage)
        if not (self.depth >= 1 and self.levels >= 1):
            raise InputError("a venue must have a unit of depth", value=(self.depth, self.levels))
        for symbol, worth in self.multipliers.items():
            if not 0 < worth < math.inf:
                raise InputError(f"the multiplier of {symbol} must be above 0", value=worth)
        if self.multipliers and not self.has_margin:
            raise InputError("contracts need a margin account", value=dict(self.multipliers))

    @classmethod
    def of(cls, trading: TradingSettings, name: str) -> VenueTerms:
        """Return the terms that the settings give the venue `name`."""
        venue = trading.venue(name)
        return cls(
            maker_fee_bps=_first(venue.maker_fee_bps, trading.commission_bps),
            taker_fee_bps=_first(venue.taker_fee_bps, trading.commission_bps),
            half_spread_bps=_first(venue.half_spread_bps, trading.half_spread_bps),
            depth=venue.depth,
            levels=venue.levels,
            price_offset_bps=venue.price_offset_bps,
            leverage=venue.leverage,
            latency_ms=venue.latency_ms,
            multipliers=venue.multipliers,
        )

    @property
    def has_margin(self) -> bool:
        """Whether it lends: a margin account."""
        return self.leverage > 1

    @property
    def maker_fee(self) -> Decimal:
        """The maker's commission as a fraction."""
        return Decimal(str(self.maker_fee_bps)) * _BASIS_POINT

    @property
    def taker_fee(self) -> Decimal:
        """The taker's commission as a fraction."""
        return Decimal(str(self.taker_fee_bps)) * _BASIS_POINT

    @property
    def initial_margin(self) -> Decimal:
        """The fraction of a position's value that must be there to open it."""
        return 1 / Decimal(str(self.leverage))

    @property
    def maintenance_margin(self) -> Decimal:
        """The fraction of a position's value that must be there to keep it."""
        return self.initial_margin / 2

    @property
    def latency_ns(self) -> int:
        """Nanoseconds from the request to the book."""
        return round(self.latency_ms * 1e6)

    def multiplier(self, symbol: str) -> Decimal:
        """Return what a point of `symbol` is worth, USD."""
        return Decimal(str(self.multipliers.get(symbol, 1)))

    def commission(self, quantity: Decimal, price: Decimal, *, maker: bool) -> Decimal:
        """Return the commission in USD of a fill; `price` is what one unit is worth."""
        fee = self.maker_fee if maker else self.taker_fee
        return (quantity * price * fee).quantize(_CENT, ROUND_HALF_UP)

    def spread(self, mid: float) -> tuple[Decimal, Decimal]:
        """Return bid and ask around a replayed `mid`, in whole cents and at least one apart."""
        middle = Decimal(repr(mid)) * (1 + Decimal(str(self.price_offset_bps)) * _BASIS_POINT)
        half = max(middle * Decimal(str(self.half_spread_bps)) * _BASIS_POINT, _CENT / 2)
        bid = max((middle - half).quantize(_CENT, ROUND_FLOOR), _CENT)
        ask = max((middle + half).quantize(_CENT, ROUND_CEILING), bid + _CENT)
        return bid, ask


def _first(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given
