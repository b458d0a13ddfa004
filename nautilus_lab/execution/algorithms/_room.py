"""What an account may still buy or sell at a venue."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue

# venue, symbol, side -> units; None is no bound
Available = Callable[[str, str, str], Decimal | None]


def room_in(cache: Any) -> Available:
    """Return what tells how many units an account may trade, by Nautilus' cache.

    A cash account sells what it holds at that venue, less what works to be sold already, and buys
    what its free cash pays for with the fee. A margin account, or one that is not known, has no
    bound here: the gate and the venue have theirs.
    """

    def available(venue: str, symbol: str, side: str) -> Decimal | None:
        account = cache.account_for_venue(Venue(venue))
        if account is None or not account.is_cash_account:
            return None
        instrument_id = InstrumentId(Symbol(symbol), Venue(venue))
        if side == "SELL":
            return _held(cache, instrument_id)
        return _affordable(cache, account, instrument_id)

    return available


def _held(cache: Any, instrument_id: InstrumentId) -> Decimal:
    held = sum(
        (p.signed_decimal_qty() for p in cache.positions_open(instrument_id=instrument_id)),
        Decimal(0),
    )
    working = sum(
        (
            order.leaves_qty.as_decimal()
            for orders in (cache.orders_open, cache.orders_inflight)
            for order in orders(instrument_id=instrument_id, side=OrderSide.SELL)
            # One in flight may be open at the same time, while its change or end is asked for.
            if orders == cache.orders_open or not order.is_open
        ),
        Decimal(0),
    )
    return max(Decimal(0), held - working)


def _affordable(cache: Any, account: Any, instrument_id: InstrumentId) -> Decimal | None:
    instrument, quote = cache.instrument(instrument_id), cache.quote_tick(instrument_id)
    if instrument is None or quote is None:
        return Decimal(0)
    free = account.balance_free(instrument.quote_currency)
    if free is None:
        return Decimal(0)
    each = (
        quote.ask_price.as_decimal()
        * instrument.multiplier.as_decimal()
        * (1 + instrument.taker_fee)
    )
    if not each > 0:
        return Decimal(0)
    lot = instrument.size_increment.as_decimal()
    units = max(Decimal(0), free.as_decimal()) / each
    return Decimal((units / lot).to_integral_value(ROUND_FLOOR) * lot)
