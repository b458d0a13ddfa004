"""The state of a desk, brought up to date one envelope at a time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from nautilus_lab.client._live import (
    Account,
    Breach,
    Change,
    Fill,
    Limit,
    Node,
    NodeState,
    Order,
    OrderStatus,
    Pnl,
    Position,
    Quote,
)
from nautilus_lab.client.protocol import Delta, SnapshotFrame
from nautilus_lab.platform.messages import (
    AccountUpdated,
    Envelope,
    HealthUpdated,
    LimitBreach,
    LimitUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
    QuoteUpdated,
)

_MOST_FILLS = 5_000
_MOST_ORDERS = 5_000
_MOST_BREACHES = 1_000
_MOST_SEEN = 20_000


@dataclass(slots=True)
class Book:
    """Quotes, positions, orders, fills, money, limits and the node, keyed as a trader would."""

    quotes: dict[str, Quote] = field(default_factory=dict)  # instrument -> quote
    positions: dict[str, Position] = field(default_factory=dict)  # instrument -> net position
    orders: dict[str, Order] = field(default_factory=dict)  # client order id -> order
    fills: list[Fill] = field(default_factory=list)  # oldest first
    breaches: deque[Breach] = field(default_factory=lambda: deque(maxlen=_MOST_BREACHES))
    accounts: dict[str, Account] = field(default_factory=dict)  # venue -> account
    pnls: dict[str, Pnl] = field(default_factory=dict)  # scope -> profit and loss
    limits: dict[str, Limit] = field(default_factory=dict)  # limit -> utilisation
    health: dict[str, HealthUpdated] = field(default_factory=dict)  # component -> heartbeat
    node: Node = field(default_factory=Node)
    epoch: int | None = None  # with seq: the last event seen
    seq: int = 0
    data_ts: int = 0  # when the newest message was made, UNIX ns
    quote_ts: int = 0
    _parts: dict[str, dict[str, PositionUpdated]] = field(default_factory=dict)
    _seen: dict[str, None] = field(default_factory=dict)  # ids of events, oldest first
    _trades: set[str] = field(default_factory=set)

    def begin(self, frame: SnapshotFrame) -> None:
        """Start over from a snapshot; objects handed out before go on being the live ones."""
        instruments: set[str] = set()
        keep: dict[str, set[str]] = {"quote": set(), "account": set(), "pnl": set()}
        keep |= {"limit": set(), "health": set()}
        for part in self._parts.values():
            part.clear()
        for event in frame.events:
            self.apply(event)
        present = set()
        for order in frame.orders:
            self._seen[order.id] = None
            if isinstance(order.body, OrderUpdated):
                present.add(self._order(order, order.body).key)
        for state in frame.states:
            change = self.apply(state)
            if change is None:
                continue
            if change.kind == "position":
                instruments.add(change.key)
            elif change.kind in keep:
                keep[change.kind].add(change.key)
        self._forget(instruments, keep)
        if not frame.resumed:
            for order_id, known in self.orders.items():
                if order_id not in present and not known.is_done:
                    # It worked when we last looked, and the node does not list it any more.
                    known.status = OrderStatus.UNKNOWN
        self.node.trader = frame.trader
        self.node.epoch, self.node.simulated = frame.epoch, frame.simulated
        self.epoch, self.seq = frame.epoch, frame.seq

    def follow(self, frame: Delta) -> list[Change]:
        """Apply a delta; return what changed, in order."""
        changes = [self.apply(envelope) for envelope in (*frame.events, *frame.states)]
        self.epoch, self.seq = frame.epoch, frame.upto
        return [change for change in changes if change is not None]

    def follows(self, frame: Delta) -> bool:
        """Whether `frame` continues where the book stands."""
        return frame.epoch == self.epoch and frame.after == self.seq

    def apply(self, envelope: Envelope) -> Change | None:
        """Bring one message in; None when it was known already or changes nothing kept here."""
        if envelope.seq is not None:
            if envelope.id in self._seen:
                return None
            self._seen[envelope.id] = None
            if len(self._seen) > _MOST_SEEN:
                del self._seen[next(iter(self._seen))]
        self.data_ts = max(self.data_ts, envelope.ts)
        match envelope.body:
            case QuoteUpdated() as body:
                return self._quote(envelope, body)
            case PositionUpdated() as body:
                return self._position(envelope, body)
            case OrderUpdated() as body:
                return self._order(envelope, body)
            case OrderFilled() as body:
                return self._fill(envelope, body)
            case AccountUpdated() as body:
                account = self.accounts.setdefault(body.venue, Account(venue=body.venue))
                account.currency, account.cash = body.currency, body.cash
                account.equity = body.equity
                account.gross_exposure = body.gross_exposure
                account.net_exposure = body.net_exposure
                account.ts, account.simulated = envelope.ts, envelope.simulated
                return Change("account", body.venue)
            case PnlUpdated() as body:
                pnl = self.pnls.setdefault(body.scope, Pnl(scope=body.scope))
                pnl.currency, pnl.realised = body.currency, body.realised
                pnl.unrealised, pnl.commissions = body.unrealised, body.commissions
                pnl.total, pnl.equity = body.total, body.equity
                pnl.ts, pnl.simulated = envelope.ts, envelope.simulated
                return Change("pnl", body.scope)
            case LimitUpdated() as body:
                return self._limit(envelope, body)
            case LimitBreach() as body:
                self.breaches.append(
                    Breach(
                        limit=body.limit,
                        scope=body.scope,
                        value=body.value,
                        limit_value=body.limit_value,
                        action=body.action,
                        reason=body.reason,
                        client_order_id=body.client_order_id,
                        ts=envelope.ts,
                    )
                )
                return Change("breach", body.limit)
            case HealthUpdated() as body:
                self.health[body.component] = body
                return Change("health", body.component)
            case NodeStateChanged() as body:
                if body.component != "node":
                    return Change("health", body.component)
                self.node.state, self.node.detail = NodeState(body.state), body.reason
                return Change("node", envelope.trader)
            case _:
                return None

    def _quote(self, envelope: Envelope, body: QuoteUpdated) -> Change:
        quote = self.quotes.setdefault(body.instrument, Quote(body.instrument))
        quote.bid, quote.ask = body.bid, body.ask
        quote.bid_size, quote.ask_size = body.bid_size, body.ask_size
        quote.ts, quote.source_ts = envelope.ts, envelope.source_ts
        quote.simulated = envelope.simulated
        self.quote_ts = max(self.quote_ts, envelope.ts)
        return Change("quote", body.instrument)

    def _position(self, envelope: Envelope, body: PositionUpdated) -> Change:
        strategy = envelope.topic.split(".")[3]
        parts = self._parts.setdefault(body.instrument, {})
        parts[strategy] = body
        position = self.positions.setdefault(body.instrument, Position(body.instrument))
        position.quantity = sum(part.quantity for part in parts.values())
        position.market_price = body.market_price
        position.market_value = sum(part.market_value for part in parts.values())
        position.unrealised = sum(part.unrealised for part in parts.values())
        position.realised = sum(part.realised for part in parts.values())
        position.average_price = _average_price(list(parts.values()))
        position.by_strategy = {name: part.quantity for name, part in parts.items()}
        position.ts, position.simulated = envelope.ts, envelope.simulated
        return Change("position", body.instrument)

    def _order(self, envelope: Envelope, body: OrderUpdated) -> Change:
        order = self._order_named(body.client_order_id)
        order.strategy, order.instrument, order.side = body.strategy, body.instrument, body.side
        order.order_type, order.quantity, order.filled = body.order_type, body.quantity, body.filled
        order.limit_price, order.average_price = body.limit_price, body.average_price
        order.status, order.reason = OrderStatus(body.status), body.reason
        order.venue_order_id = body.venue_order_id
        order.ts, order.simulated = envelope.ts, envelope.simulated
        return Change("order", body.client_order_id)

    def _fill(self, envelope: Envelope, body: OrderFilled) -> Change | None:
        if body.trade_id in self._trades:
            return None
        fill = Fill(
            trade_id=body.trade_id,
            client_order_id=body.client_order_id,
            strategy=body.strategy,
            instrument=body.instrument,
            side=body.side,
            quantity=body.quantity,
            price=body.price,
            commission=body.commission,
            currency=body.currency,
            ts=envelope.ts,
            simulated=envelope.simulated,
        )
        self._trades.add(body.trade_id)
        self.fills.append(fill)
        if len(self.fills) > _MOST_FILLS:
            self._trades.discard(self.fills.pop(0).trade_id)
        if body.client_order_id in self.orders:
            self.orders[body.client_order_id].fills.append(fill)
        return Change("fill", body.trade_id)

    def _limit(self, envelope: Envelope, body: LimitUpdated) -> Change:
        key = ".".join(envelope.topic.split(".")[3:]) or body.limit
        limit = self.limits.setdefault(key, Limit(body.limit))
        limit.scope, limit.value, limit.limit_value = body.scope, body.value, body.limit_value
        limit.utilisation, limit.level, limit.ts = body.utilisation, body.level, envelope.ts
        return Change("limit", key)

    def _order_named(self, order_id: str) -> Order:
        if order_id not in self.orders:
            order = self.orders[order_id] = Order(order_id)
            # A fill may have been told before its order's own row.
            order.fills = [fill for fill in self.fills if fill.client_order_id == order_id]
            if len(self.orders) > _MOST_ORDERS:
                oldest_done = next((k for k, o in self.orders.items() if o.is_done), None)
                if oldest_done is not None:
                    del self.orders[oldest_done]
        return self.orders[order_id]

    def _forget(self, instruments: set[str], keep: dict[str, set[str]]) -> None:
        """Drop the states that the snapshot does not know."""
        for instrument in self.positions.keys() - instruments:
            gone = self.positions.pop(instrument)
            gone.quantity, gone.market_value, gone.unrealised = 0.0, 0.0, 0.0
            gone.by_strategy = {}
        held: dict[str, dict[str, object]] = {
            "quote": self.quotes,  # type: ignore[dict-item]
            "account": self.accounts,  # type: ignore[dict-item]
            "pnl": self.pnls,  # type: ignore[dict-item]
            "limit": self.limits,  # type: ignore[dict-item]
            "health": self.health,  # type: ignore[dict-item]
        }
        for kind, entries in held.items():
            for key in entries.keys() - keep[kind]:
                del entries[key]


def _average_price(parts: list[PositionUpdated]) -> float:
    """Weigh the strategies' entry prices by what they hold; NaN over opposite sides or nothing."""
    held = [part for part in parts if part.quantity != 0]
    if not held or len({part.quantity > 0 for part in held}) > 1:
        return math.nan
    quantity = sum(part.quantity for part in held)
    return sum(part.quantity * part.average_price for part in held) / quantity
