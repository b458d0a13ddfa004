"""The instruments of the paper venues: whole shares and contracts, priced in cents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AssetClass
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity, FuturesContract, Instrument
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.execution.paper import VenueInstrument

_NEVER_NS = 2**63 - 1


def instrument_id(symbol: str, venue: str) -> InstrumentId:
    """Return ``AAPL.PAPER`` for ``AAPL`` at ``PAPER``."""
    return InstrumentId(Symbol(symbol), Venue(venue))


def instrument(told: VenueInstrument, venue: str) -> Instrument:
    """Return what `venue` trades, on the terms it told: a share, or a contract of several points.

    A contract never expires there: the venue replays one price of it, as of its front month.
    """
    increment = Price(told.price_increment, max(0, -int(told.price_increment.as_tuple().exponent)))
    facts: dict[str, Any] = {
        "instrument_id": instrument_id(told.symbol, venue),
        "raw_symbol": Symbol(told.symbol),
        "currency": USD,
        "price_precision": increment.precision,
        "price_increment": increment,
        "lot_size": Quantity.from_int(told.lot_size),
        "margin_init": told.initial_margin,
        "margin_maint": told.maintenance_margin,
        "maker_fee": told.maker_fee,
        "taker_fee": told.taker_fee,
        "ts_event": 0,
        "ts_init": 0,
    }
    if told.multiplier == 1:
        return Equity(**facts)
    return FuturesContract(
        **facts,
        asset_class=AssetClass.INDEX,
        underlying=told.symbol,
        multiplier=Quantity(told.multiplier, _decimals(told.multiplier)),
        activation_ns=0,
        expiration_ns=_NEVER_NS,
    )


def _decimals(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent))
