"""The state of a desk, brought up to date one envelope at a time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from nautilus_lab.client._live import (
    Account,
    Alert,
    Bar,
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
    Route,
    Strategy,
    TradingState,
    TradingStatus,
)
from nautilus_lab.client.protocol import Delta, SnapshotFrame
from nautilus_lab.platform.commands import StateOfTrading, StrategyView
from nautilus_lab.platform.messages import (
    AccountUpdated,
    AlertRaised,
    BarUpdated,
    Envelope,
    HealthUpdated,
    LimitBreach,
    LimitUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderRouted,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
    QuoteUpdated,
    StrategyUpdated,
    TradingStateUpdated,
)

_MOST_FILLS = 5_000
_MOST_ORDERS = 5_000
_MOST_BREACHES = 1_000
_MOST_ALERTS = 1_000
_MOST_ROUTES = 5_000
_FILLED = (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
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
    bars: dict[str, Bar] = field(default_factory=dict)  # instrument-spec -> last closed bar
    strategies: dict[str, Strategy] = field(default_factory=dict)  # strategy id -> deployment
    routes: dict[str, Route] = field(default_factory=dict)  # client order id -> its last decision
    decisions: deque[Route] = field(default_factory=lambda: deque(maxlen=_MOST_ROUTES))
    alerts: deque[Alert] = field(default_factory=lambda: deque(maxlen=_MOST_ALERTS))
    trading: TradingStatus = field(default_factory=TradingStatus)
    node: Node = field(default_factory=Node)
    epoch: int | None = None  # with seq: the last event seen
    seq: int = 0
    data_ts: int = 0  # when the newest message was made, UNIX ns
    quote_ts: int = 0
    _parts: dict[str, dict[str, PositionUpdated]] = field(default_factory=dict)
    _seen: dict[str, None] = field(default_factory=dict)  # ids of events, oldest first
    _trades: set[tuple[str, str]] = field(default_factory=set)  # (order, trade id)
    _expected: dict[str, Order] = field(default_factory=dict)  # known of, not told of yet
    _found: dict[str, int] = field(default_factory=dict)  # order -> when the node was asked, ns
    # order -> the (epoch, seq) of what is shown of it
    _shown: dict[str, tuple[int, int]] = field(default_factory=dict)

    def begin(self, frame: SnapshotFrame) -> None:
        """Start over from a snapshot; objects handed out before go on being the live ones."""
        instruments: set[str] = set()
        kinds = ("quote", "bar", "account", "pnl", "limit", "health", "strategy", "trading_state")
        keep: dict[str, set[str]] = {kind: set() for kind in kinds}
        for part in self._parts.values():
            part.clear()
        if not frame.resumed:
            self._shown.clear()  # the node's store may have been begun anew
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
                    known.become(
                        OrderStatus.UNKNOWN, "the node does not list it any more", frame.ts
                    )
        self.node.trader = frame.trader
        self.node.epoch, self.node.simulated = frame.epoch, frame.simulated
        self.epoch, self.seq = frame.epoch, frame.seq

    def follow(self, frame: Delta) -> list[Change]:
        """Apply a delta; return what changed, in order."""
        changes = [self.apply(envelope) for envelope in (*frame.events, *frame.states)]
        self.epoch, self.seq = frame.epoch, frame.upto
        return [change for change in changes if change is not None]

    def expect(self, order: Order) -> Order:
        """Keep an order that was asked for, to be listed once the node tells of it."""
        name = order.client_order_id
        known = self.orders.get(name) or self._expected.get(name)
        if known is not None and known.instrument:
            return known
        if known is not None:
            order.children = known.children  # a slice was told of before it
        self._make_room()
        self._expected[name] = order
        return order

    def is_expected(self, order: Order) -> bool:
        """Whether the node has not told of an order that was asked for."""
        return order.client_order_id in self._expected

    def note_placed(self, order: Order, status: str, ts: int) -> None:
        """List an order that the node answered it has placed, unless it has told of it."""
        if self._expected.pop(order.client_order_id, None) is not None:
            self.orders[order.client_order_id] = order
            found = OrderStatus(status)
            # At what it was filled comes with the fills, and it is not done before.
            order.become(OrderStatus.ACCEPTED if found in _FILLED else found, "", ts)

    def forget(self, order: Order) -> None:
        """Expect an order no more."""
        self._expected.pop(order.client_order_id, None)

    def take_found(self, envelope: Envelope) -> Change | None:
        """Take in an order that the node was asked for; None when later news of it is here."""
        body = envelope.body
        if not isinstance(body, OrderUpdated):
            return None
        order = self._order_named(body.client_order_id)
        if envelope.ts < order.ts and order.status is not OrderStatus.UNKNOWN:
            return None
        change = self._order(envelope, body)
        self._found[body.client_order_id] = envelope.ts
        return change

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
            case TradingStateUpdated() as body:
                self.trading.state = TradingState(body.state)
                self.trading.since_ns = body.since_ns
                self.trading.reason, self.trading.by = body.reason, body.by
                return Change("trading_state", body.state)
            case StrategyUpdated() as body:
                return self._strategy(envelope, body)
            case OrderRouted() as body:
                return self._route(envelope, body)
            case AlertRaised() as body:
                self.alerts.append(
                    Alert(
                        severity=body.severity,
                        component=body.component,
                        rule=body.rule,
                        detail=body.detail,
                        remedy=body.remedy,
                        ts=envelope.ts,
                    )
                )
                return Change("alert", body.component)
            case BarUpdated() as body:
                return self._bar(envelope, body)
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

    def take_trading(self, told: StateOfTrading) -> TradingStatus:
        """Take in what the node answered about its trading state, unless it is older."""
        trading = self.trading
        if told.since_ns >= trading.since_ns:
            trading.state, trading.since_ns = TradingState(told.state), told.since_ns
            trading.reason, trading.by = told.reason, told.by
        return trading

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
        position.market_price, position.multiplier = body.market_price, body.multiplier
        position.market_value = sum(part.market_value for part in parts.values())
        position.unrealised = sum(part.unrealised for part in parts.values())
        position.realised = sum(part.realised for part in parts.values())
        position.average_price = _average_price(list(parts.values()))
        position.by_strategy = {name: part.quantity for name, part in parts.items()}
        position.ts, position.simulated = envelope.ts, envelope.simulated
        return Change("position", body.instrument)

    def _order(self, envelope: Envelope, body: OrderUpdated) -> Change:
        order = self._order_named(body.client_order_id)
        if envelope.ts < self._found.get(body.client_order_id, 0):
            # What it was before the node was asked: still on its way when the answer came.
            return Change("order", body.client_order_id)
        if envelope.seq is not None:
            at = (envelope.epoch, envelope.seq)
            if at < self._shown.get(body.client_order_id, at):
                # Of a snapshot in parts: its orders, as they are now, came before what led there.
                return Change("order", body.client_order_id)
            self._shown[body.client_order_id] = at
        order.strategy, order.instrument, order.side = body.strategy, body.instrument, body.side
        order.order_type, order.quantity, order.filled = body.order_type, body.quantity, body.filled
        order.limit_price, order.average_price = body.limit_price, body.average_price
        order.trigger_price, order.time_in_force = body.trigger_price, body.time_in_force
        order.arrival_price = body.arrival_price or order.arrival_price
        order.venue_order_id, order.list_id = body.venue_order_id, body.list_id
        order.linked, order.algorithm, order.by = body.linked, body.algorithm, body.by
        order.activation_price, order.offset_type = body.activation_price, body.offset_type
        order.trailing_offset, order.limit_offset = body.trailing_offset, body.limit_offset
        order.ts, order.simulated = envelope.ts, envelope.simulated
        order.become(OrderStatus(body.status), body.reason, envelope.ts)
        if body.parent is not None and body.parent != order.parent:
            order.parent = body.parent
            parent = self.orders.get(body.parent) or self._unlisted(body.parent)
            parent.children[body.client_order_id] = order
        return Change("order", body.client_order_id)

    def _fill(self, envelope: Envelope, body: OrderFilled) -> Change | None:
        # The two sides of a trade with oneself have one trade id.
        key = (body.client_order_id, body.trade_id)
        if key in self._trades:
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
            multiplier=body.multiplier,
            ts=envelope.ts,
            simulated=envelope.simulated,
        )
        self._trades.add(key)
        self.fills.append(fill)
        if len(self.fills) > _MOST_FILLS:
            gone = self.fills.pop(0)
            self._trades.discard((gone.client_order_id, gone.trade_id))
        if body.client_order_id in self.orders:
            self.orders[body.client_order_id].fills.append(fill)
        return Change("fill", body.trade_id)

    def _limit(self, envelope: Envelope, body: LimitUpdated) -> Change:
        key = ".".join(envelope.topic.split(".")[3:]) or body.limit
        limit = self.limits.setdefault(key, Limit(body.limit))
        limit.scope, limit.level, limit.ts = body.scope, body.level, envelope.ts
        limit.value, limit.limit_value = _number(body.value), _number(body.limit_value)
        limit.utilisation = _number(body.utilisation)
        limit.base_value, limit.eta_s = _number(body.base_value), _number(body.eta_s)
        return Change("limit", key)

    def take_strategy(self, told: StrategyView) -> Strategy:
        """Take in what the node answered about a strategy; return the live one."""
        strategy = self.strategies.setdefault(told.strategy, Strategy(told.strategy))
        strategy.name, strategy.version, strategy.state = told.name, told.version, told.state
        strategy.working_orders, strategy.detail = told.working_orders, told.reason
        strategy.realised, strategy.unrealised = told.realised, told.unrealised
        return strategy

    def _strategy(self, envelope: Envelope, body: StrategyUpdated) -> Change:
        strategy = self.strategies.setdefault(body.strategy, Strategy(body.strategy))
        strategy.name, strategy.version, strategy.state = body.name, body.version, body.state
        strategy.working_orders = body.working_orders
        strategy.realised, strategy.unrealised = body.realised, body.unrealised
        strategy.detail, strategy.ts = body.detail, envelope.ts
        return Change("strategy", body.strategy)

    def _route(self, envelope: Envelope, body: OrderRouted) -> Change:
        route = Route(
            client_order_id=body.client_order_id,
            instrument=body.instrument,
            side=body.side,
            quantity=body.quantity,
            legs=body.legs,
            expected_cost=body.expected_cost,
            policy=body.policy,
            ts=envelope.ts,
            unplaced=body.unplaced,
            passed_over=body.passed_over,
        )
        self.routes[body.client_order_id] = route
        self.decisions.append(route)
        if len(self.routes) > _MOST_ROUTES:
            del self.routes[next(iter(self.routes))]
        return Change("route", body.client_order_id)

    def _bar(self, envelope: Envelope, body: BarUpdated) -> Change:
        key = f"{body.instrument}-{body.spec}"
        bar = self.bars.setdefault(key, Bar(body.instrument, body.spec))
        bar.open, bar.high, bar.low, bar.close = body.open, body.high, body.low, body.close
        bar.volume = body.volume
        bar.ts, bar.source_ts, bar.simulated = envelope.ts, envelope.source_ts, envelope.simulated
        return Change("bar", key)

    def _unlisted(self, order_id: str) -> Order:
        self._make_room()
        return self._expected.setdefault(order_id, Order(order_id))

    def _make_room(self) -> None:
        if len(self._expected) >= _MOST_ORDERS:
            del self._expected[next(iter(self._expected))]

    def _order_named(self, order_id: str) -> Order:
        if order_id not in self.orders:
            known = self._expected.pop(order_id, None)
            order = self.orders[order_id] = known if known is not None else Order(order_id)
            # A fill may have been told before its order's own row.
            order.fills = [fill for fill in self.fills if fill.client_order_id == order_id]
            if len(self.orders) > _MOST_ORDERS:
                oldest_done = next((k for k, o in self.orders.items() if o.is_done), None)
                if oldest_done is not None:
                    del self.orders[oldest_done]
                    self._found.pop(oldest_done, None)
                    self._shown.pop(oldest_done, None)
        return self.orders[order_id]

    def _forget(self, instruments: set[str], keep: dict[str, set[str]]) -> None:
        """Drop the states that the snapshot does not know."""
        for instrument in self.positions.keys() - instruments:
            gone = self.positions.pop(instrument)
            gone.quantity, gone.market_value, gone.unrealised = 0.0, 0.0, 0.0
            gone.by_strategy = {}
        if not keep["trading_state"]:
            self.trading.state = TradingState.UNKNOWN
        held: dict[str, dict[str, object]] = {
            "quote": self.quotes,  # type: ignore[dict-item]
            "account": self.accounts,  # type: ignore[dict-item]
            "pnl": self.pnls,  # type: ignore[dict-item]
            "limit": self.limits,  # type: ignore[dict-item]
            "health": self.health,  # type: ignore[dict-item]
            "bar": self.bars,  # type: ignore[dict-item]
            "strategy": self.strategies,  # type: ignore[dict-item]
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


def _number(told: float | None) -> float:
    return math.nan if told is None else told
