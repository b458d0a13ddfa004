"""The instruments of the paper venues: shares in whole units, priced in cents."""

from __future__ import annotations

from nautilus_trader.model.currencies import USD
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.execution.paper import VenueInstrument


def instrument_id(symbol: str, venue: str) -> InstrumentId:
    """Return ``AAPL.PAPER`` for ``AAPL`` at ``PAPER``."""
    return InstrumentId(Symbol(symbol), Venue(venue))


def instrument(told: VenueInstrument, venue: str) -> Equity:
    """Return what `venue` trades, on the terms it told."""
    increment = Price(told.price_increment, max(0, -int(told.price_increment.as_tuple().exponent)))
    return Equity(
        instrument_id=instrument_id(told.symbol, venue),
        raw_symbol=Symbol(told.symbol),
        currency=USD,
        price_precision=increment.precision,
        price_increment=increment,
        lot_size=Quantity.from_int(told.lot_size),
        margin_init=told.initial_margin,
        margin_maint=told.maintenance_margin,
        maker_fee=told.maker_fee,
        taker_fee=told.taker_fee,
        ts_event=0,
        ts_init=0,
    )
