"""The tables of the trading page: their columns, and what a row says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nautilus_lab.client import (
    Alert,
    Desk,
    Order,
    Permission,
    Position,
    Quote,
    Route,
    Strategy,
    Trade,
)
from nautilus_lab.platform.messages import HealthUpdated
from nautilus_lab.widgets._grid import Column, Row

WORKING = (
    Column(key="time", label="Time", kind="time", width=1.0, fits=8),
    Column(key="instrument", label="Instrument", width=1.3, fits=11),
    Column(key="side", label="Side", kind="side", width=0.7),
    Column(key="type", label="Type", width=1.7, fits=20),
    Column(key="quantity", label="Qty", kind="exact", digits=0, width=0.8, fits=6),
    Column(key="filled", label="Filled", kind="exact", digits=0, width=0.8, flash=True, fits=6),
    Column(key="price", label="Price", kind="exact", width=0.9, fits=6),
    Column(key="trigger", label="Trigger", kind="exact", width=0.9, fits=6),
    Column(key="status", label="Status", kind="status", width=1.4, fits=14),
    Column(key="by", label="By", width=1.5, fits=13),
    Column(key="cancel", label="", kind="action", width=0.9, fits=6),
)
ENDED = (
    Column(key="time", label="Time", kind="time", width=1.0, fits=8),
    Column(key="instrument", label="Instrument", width=1.3, fits=11),
    Column(key="side", label="Side", kind="side", width=0.7),
    Column(key="type", label="Type", width=1.5, fits=13),
    Column(key="quantity", label="Qty", kind="exact", digits=0, width=0.8, fits=6),
    Column(key="filled", label="Filled", kind="exact", digits=0, width=0.8, fits=6),
    Column(key="average", label="Avg price", kind="number", digits=4, width=1.0, fits=8),
    Column(key="slippage", label="Slip, bp", kind="number", digits=1, width=0.8, fits=7),
    Column(key="status", label="Status", kind="status", width=1.1, fits=9),
    Column(key="by", label="By", width=1.0, fits=14),
    Column(key="reason", label="Why", width=2.7),
)
STRATEGIES = (
    Column(key="strategy", label="Strategy", width=1.8, fits=14),
    Column(key="version", label="Version", width=1.5, fits=7),
    Column(key="state", label="State", kind="status", width=1.2, fits=8),
    Column(key="working", label="Orders", kind="number", digits=0, width=0.9, fits=6),
    Column(key="pnl", label="P&L", kind="signed", digits=0, width=1.3, fits=8),
    Column(key="detail", label="Why", width=0.7),
    Column(key="act", label="", kind="action", width=0.9, fits=5),
    Column(key="stop", label="", kind="action", width=0.8, confirm=True, fits=4),
)
POSITIONS = (
    Column(key="instrument", label="Instrument", width=1.6, fits=11),
    Column(key="quantity", label="Qty", kind="exact", digits=0, width=0.8, fits=6),
    Column(key="average", label="Avg price", kind="number", digits=4, width=1.1, fits=8),
    Column(key="price", label="Price", kind="exact", width=1.0, flash=True),
    Column(key="unrealised", label="Unrealised", kind="signed", digits=0, width=1.3, fits=8),
    Column(key="realised", label="Realised", kind="signed", digits=0, width=1.0, fits=8),
)
ROUTES = (
    Column(key="time", label="Time", kind="time", width=0.7),
    Column(key="what", label="Routed", width=1.1),
    Column(key="legs", label="To", width=4.2),
    Column(key="over", label="Passed over", width=1.3),
    Column(key="cost", label="Expected", kind="number", width=0.9),
)
ALERTS = (
    Column(key="time", label="Time", kind="time", width=0.8, fits=8),
    Column(key="severity", label="Level", kind="status", width=0.8, fits=8),
    Column(key="text", label="What", width=4.0),
)
MARKETS = (
    Column(key="venue", label="Venue", width=1.2, fits=6),
    Column(key="bid_size", label="Size", kind="exact", digits=0, width=0.8, fits=6),
    Column(key="bid", label="Bid", kind="exact", width=1.0, flash=True, fits=6),
    Column(key="ask", label="Ask", kind="exact", width=1.0, flash=True, fits=6),
    Column(key="ask_size", label="Size", kind="exact", digits=0, width=0.8, fits=6),
    Column(key="best", label="Best", width=0.7, fits=4),
)
HEALTH = (
    Column(key="part", label="Part", width=1.2, fits=7),
    Column(key="state", label="State", kind="status", width=1.6, fits=9),
    Column(key="lag", label="Lag", kind="number", digits=1, width=0.9, fits=4),
    Column(key="memory", label="MiB", kind="number", digits=0, width=0.8, fits=4),
    Column(key="detail", label="What", width=0.9, fits=13),
)
# what an offset is counted in -> how it is written
_UNITS = {"BASIS_POINTS": " bp", "TICKS": " ticks"}
# a strategy's state -> what its button does
ACTS = {"running": "pause", "paused": "resume", "stopped": "start", "failed": "start"}
_ALL = "account"  # the scope of what all have earned
_BY_HAND = "Manual-000"  # the strategy of what people ask for
_STOPPABLE = ("running", "paused")
# whether a venue's bid is the best, and its ask -> what is said of it
_BEST = {
    (True, True): "both",
    (True, False): "bid",
    (False, True): "ask",
    (False, False): "",
}


def _asked(desk: Desk, trade: Trade) -> Row:
    """Return what a row says of any order, and how much of it is filled."""
    order = trade.order
    return {
        "id": trade.client_order_id,
        "time": order.ts / 1e9,
        "instrument": order.instrument,
        "side": order.side,
        "type": _kind(desk, order),
        "quantity": float(trade.quantity),
        "filled": float(trade.filled),
    }


def working_row(desk: Desk, trade: Trade) -> Row:
    """Return the row of an order that works."""
    order = trade.order
    return {
        **_asked(desk, trade),
        "price": _number(order.limit_price),
        "trigger": _number(order.trigger_price),
        "status": trade.status.value,
        "by": order.by or order.strategy,
        "cancel": "cancel" if desk.may(Permission.ORDERS_CANCEL) else "",
    }


def strategy_row(desk: Desk, strategy: Strategy) -> Row:
    """Return the row of a deployed strategy."""
    may = desk.may(Permission.STRATEGY_CONTROL)
    return {
        "id": strategy.strategy,
        "strategy": strategy.strategy,
        "version": f"{strategy.name} {strategy.version}",
        "state": strategy.state,
        "working": strategy.working_orders,
        "pnl": _profit(desk, strategy.strategy, strategy.realised + strategy.unrealised),
        "detail": strategy.detail,
        "act": ACTS.get(strategy.state, "") if may else "",
        "stop": "stop" if may and strategy.state in _STOPPABLE else "",
    }


def money_rows(desk: Desk) -> list[Row]:
    """Return the rows of what trades without being deployed, people's orders, and of all of it."""
    scopes = [scope for scope in desk.pnls if scope not in (_ALL, *desk.strategies)]
    working = Counter(order.strategy for order in desk.orders.values() if not order.is_done)
    rows = [(scope, "by hand" if scope == _BY_HAND else "", working[scope]) for scope in scopes]
    if _ALL in desk.pnls:
        rows.append((_ALL, "", working.total()))
    return [
        {
            "id": scope,
            "strategy": "Σ all" if scope == _ALL else scope,
            "version": version,
            "state": "",
            "working": count,
            "pnl": _profit(desk, scope),
            "detail": "",
            "act": "",
            "stop": "",
        }
        for scope, version, count in rows
    ]


def _profit(desk: Desk, scope: str, otherwise: float = math.nan) -> float:
    """Return what a scope has earned after fees."""
    return desk.pnls[scope].total if scope in desk.pnls else otherwise


def position_row(held: Position) -> Row:
    """Return the row of a position."""
    return {
        "id": held.instrument,
        "instrument": held.instrument,
        "quantity": held.quantity,
        "average": held.average_price,
        "price": held.market_price,
        "unrealised": held.unrealised,
        "realised": held.realised,
    }


def health_row(part: str, state: str, detail: str = "", beat: HealthUpdated | None = None) -> Row:
    """Return the row of a part of the system, with what its last heartbeat measured."""
    return {
        "id": part,
        "part": part,
        "state": state,
        "lag": beat.loop_lag_ms if beat is not None else None,
        "memory": beat.rss_mib if beat is not None else None,
        "detail": detail or (f"bus {beat.bus}" if beat is not None and beat.bus else ""),
    }


def ended_row(desk: Desk, trade: Trade) -> Row:
    """Return the row of an order that has ended, all that worked for it together."""
    order = trade.order
    return {
        **_asked(desk, trade),
        "average": _number(trade.average_price),
        "slippage": trade.slippage_bps,
        "status": trade.status.value,
        "by": order.by or order.strategy,
        "reason": trade.reason,
    }


def market_rows(quotes: Sequence[Quote]) -> list[Row]:
    """Return what each venue quotes for one symbol, and where it is best."""
    bids = [q.bid for q in quotes if math.isfinite(q.bid)]
    asks = [q.ask for q in quotes if math.isfinite(q.ask)]
    rows: list[Row] = []
    for quote in quotes:
        venue = quote.instrument.rpartition(".")[2]
        is_best = (bool(bids) and quote.bid == max(bids), bool(asks) and quote.ask == min(asks))
        rows.append(
            {
                "id": quote.instrument,
                "venue": venue,
                "bid_size": quote.bid_size,
                "bid": quote.bid,
                "ask": quote.ask,
                "ask_size": quote.ask_size,
                "best": _BEST[is_best] if len(quotes) > 1 else "",
            }
        )
    return rows


def route_row(route: Route) -> Row:
    """Return the row of a routing decision."""
    legs = [
        f"{leg.quantity:f} {leg.venue} at {leg.price:f}, fee {leg.fee_bps:g} bp"
        for leg in route.legs
    ]
    left = [f"{route.unplaced:f} unplaced"] if route.unplaced else []
    return {
        "id": f"{route.client_order_id} {route.ts}",
        "time": route.ts / 1e9,
        "what": f"{route.side.lower()} {route.quantity:f} {route.instrument.rpartition('.')[0]}",
        "legs": "; ".join(legs),
        "over": "; ".join([*left, *route.passed_over]),
        "cost": float(route.expected_cost),
    }


def alert_row(number: int, alert: Alert) -> Row:
    """Return the row of an alert; `number` tells two of one instant apart."""
    words = (alert.component, alert.rule, alert.detail, alert.remedy)
    return {
        "id": f"{alert.ts} {number}",
        "time": alert.ts / 1e9,
        "severity": alert.severity,
        "text": ": ".join(filter(None, words)),
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _kind(desk: Desk, order: Order) -> str:
    """Return an order's type, and what it is part of."""
    words = order.order_type.replace("_", " ").lower()
    if order.trailing_offset is not None:
        unit = _UNITS.get(order.offset_type or "", "")
        words = f"{words.removesuffix(' market')} · {order.trailing_offset:f}{unit}"
    if order.algorithm:
        return f"{words} · {order.algorithm}"
    if order.parent is not None:
        # What works for an order is of its side, what ends its position is not.
        parent = desk.orders.get(order.parent)
        return f"{words} · {'exit' if parent and parent.side != order.side else 'part'}"
    return f"{words} · linked" if order.linked else words
