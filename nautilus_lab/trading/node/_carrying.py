"""A position of the past as Nautilus takes it: by one fill that stands for those that made it."""

from __future__ import annotations

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderType
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PositionId,
    StrategyId,
    TradeId,
    TraderId,
    VenueOrderId,
)
from nautilus_trader.model.objects import Money, Price

from nautilus_lab.trading.node._history import Carried
from nautilus_lab.trading.node._paper_orders import as_quantity

_DECIMALS = 9  # of an average; more than any price has


def carried_fill(held: Carried, *, trader: str, account_id: AccountId) -> OrderFilled:
    """Return the fill that a carried position begins with; it is told to nobody.

    The position has the id that Nautilus gives a strategy's net position, so what is traded from
    here on moves it.
    """
    name = f"CARRIED-{held.strategy}-{held.instrument}"
    return OrderFilled(
        trader_id=TraderId(trader),
        strategy_id=StrategyId(held.strategy),
        instrument_id=InstrumentId.from_str(held.instrument),
        client_order_id=ClientOrderId(name),
        venue_order_id=VenueOrderId(name),
        account_id=account_id,
        trade_id=TradeId("CARRIED"),
        position_id=PositionId(f"{held.instrument}-{held.strategy}"),
        order_side=OrderSide.BUY if held.quantity > 0 else OrderSide.SELL,
        order_type=OrderType.MARKET,
        last_qty=as_quantity(abs(held.quantity)),
        last_px=Price(round(held.average_price, _DECIMALS), _DECIMALS),
        currency=USD,
        commission=Money(0, USD),
        liquidity_side=LiquiditySide.NO_LIQUIDITY_SIDE,
        event_id=UUID4(),
        ts_event=held.ts,
        ts_init=held.ts,
        reconciliation=True,
    )
