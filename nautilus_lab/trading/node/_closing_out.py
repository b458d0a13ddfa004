"""Orders by which a venue itself closes out an account: whose positions they close."""

from __future__ import annotations

from collections.abc import Mapping

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderSubmitted
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    StrategyId,
    TraderId,
)
from nautilus_trader.model.orders import MarketOrder

from nautilus_lab.execution.paper import MARGIN_CALL, VenueOrder
from nautilus_lab.trading.node._paper_orders import as_quantity


def is_close_out(told: VenueOrder) -> bool:
    """Whether the venue made the order by itself, to close out what the account cannot keep."""
    return told.client_order_id.startswith(MARGIN_CALL)


def who_is_closed(told: VenueOrder, held: Mapping[str, float]) -> str | None:
    """Return the strategy that holds most of what an order closes; None when nobody does.

    Parameters
    ----------
    told : VenueOrder
        The order.
    held : mapping of str to float
        strategy -> signed units of its instrument.
    """
    sign = 1 if told.side == "SELL" else -1
    holders = {strategy: sign * units for strategy, units in held.items() if sign * units > 0}
    return max(holders, key=lambda strategy: holders[strategy], default=None)


def close_out_order(
    told: VenueOrder,
    *,
    trader: str,
    strategy: str,
    instrument_id: InstrumentId,
    account_id: AccountId,
) -> MarketOrder:
    """Return the order as if `strategy` had sent it, on its way: what it fills is then its own.

    Left to itself Nautilus takes it for one of nobody's, finds that it only reduces where nobody
    holds anything, and drops its fills.
    """
    order = MarketOrder(
        TraderId(trader),
        StrategyId(strategy),
        instrument_id,
        ClientOrderId(told.client_order_id),
        OrderSide.BUY if told.side == "BUY" else OrderSide.SELL,
        as_quantity(told.quantity),
        UUID4(),
        told.ts_accepted,
        tags=[f"by:{instrument_id.venue.value}"],
    )
    order.apply(
        OrderSubmitted(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            account_id,
            UUID4(),
            told.ts_accepted,
            told.ts_accepted,
        )
    )
    return order
