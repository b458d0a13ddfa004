"""What a desk holds: plain objects whose attributes keep up with the node."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Literal, TypeAlias

from nautilus_lab.platform.messages import RouteLeg, Severity

__all__ = [
    "Account",
    "Alert",
    "Bar",
    "Breach",
    "Change",
    "Fill",
    "Limit",
    "LogEntry",
    "Node",
    "NodeState",
    "Order",
    "OrderStatus",
    "Pnl",
    "Position",
    "Quote",
    "Route",
    "Strategy",
    "TradingState",
    "TradingStatus",
]

Side: TypeAlias = Literal["BUY", "SELL"]
Level: TypeAlias = Literal["ok", "warn", "critical", "breach"]
Kind: TypeAlias = Literal[
    "quote",
    "bar",
    "position",
    "order",
    "fill",
    "account",
    "pnl",
    "limit",
    "breach",
    "trading_state",
    "strategy",
    "route",
    "alert",
    "health",
    "node",
    "connection",
    "snapshot",
]


@dataclass(frozen=True, slots=True)
class Change:
    """Something on the desk is no longer what it was.

    `kind` says which collection, `key` which entry: ``Change("quote", "AAPL.PAPER")``. After a
    (re)connection one ``Change("snapshot", trader)`` stands for all of them.
    """

    kind: Kind
    key: str = ""


class OrderStatus(Enum):
    """Where an order is in its life, by Nautilus' names; UNKNOWN when no side can say."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    EMULATED = "EMULATED"
    RELEASED = "RELEASED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    TRIGGERED = "TRIGGERED"
    PENDING_UPDATE = "PENDING_UPDATE"
    PENDING_CANCEL = "PENDING_CANCEL"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> OrderStatus:
        return cls.UNKNOWN  # a newer node may know states that this client does not

    @property
    def is_done(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _DONE


_DONE = frozenset(
    {
        OrderStatus.DENIED,
        OrderStatus.REJECTED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.FILLED,
    }
)


class TradingState(Enum):
    """What a trader may do, from loose to tight; UNKNOWN while the node has not said.

    REDUCE_ONLY lets through what makes a position smaller; HALTED and KILLED let only cancels
    through, and KILLED has cancelled what worked.
    """

    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALTED = "HALTED"
    KILLED = "KILLED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> TradingState:
        return cls.UNKNOWN


class NodeState(Enum):
    """The node's life cycle, and what only an onlooker sees: ATTACHING, UNREACHABLE, UNKNOWN."""

    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAULTED = "faulted"
    ATTACHING = "attaching"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> NodeState:
        return cls.UNKNOWN


@dataclass(slots=True)
class Quote:
    """The best bid and ask, in quote currency; `ts` is when it was made, UNIX ns UTC."""

    instrument: str
    bid: float = math.nan
    ask: float = math.nan
    bid_size: float = 0.0
    ask_size: float = 0.0
    ts: int = 0
    source_ts: int | None = None
    simulated: bool = False

    @property
    def mid(self) -> float:
        """The middle of bid and ask."""
        return (self.bid + self.ask) / 2


@dataclass(slots=True)
class Position:
    """The net position in an instrument over all strategies; money in account currency.

    `quantity` is signed units; `average_price` is NaN when strategies hold opposite sides. Prices
    are as they are quoted: their values are times `multiplier`.
    """

    instrument: str
    quantity: float = 0.0
    average_price: float = math.nan
    market_price: float = math.nan
    market_value: float = 0.0
    unrealised: float = 0.0
    realised: float = 0.0
    multiplier: float = 1.0
    by_strategy: dict[str, float] = field(default_factory=dict)  # strategy -> signed units
    ts: int = 0
    simulated: bool = False

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return self.quantity == 0


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; never changes."""

    trade_id: str
    client_order_id: str
    strategy: str
    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal
    commission: Decimal
    currency: str
    ts: int
    simulated: bool
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A status that an order came to, and when, UNIX ns UTC."""

    ts: int
    status: OrderStatus
    reason: str = ""


@dataclass(slots=True, eq=False)
class Order:
    """An order and what became of it.

    Attributes
    ----------
    client_order_id, venue_order_id : str
        The node's name for it, and the venue's once it has one.
    strategy, instrument, side, order_type, time_in_force : str
        As Nautilus names them.
    quantity, filled : Decimal
        Units; of an order that an algorithm works all that was asked for, and all that was filled
        for it.
    limit_price, trigger_price, average_price : Decimal or None
        Quote currency; the trigger of an order that trails is where it stands now.
    arrival_price : Decimal or None
        The middle of the quote when the order was asked for.
    activation_price, trailing_offset, limit_offset, offset_type
        Of an order that trails: from where on, by how much, and what that is counted in (PRICE,
        BASIS_POINTS, TICKS).
    status, reason
        Where it is, and why.
    parent : str or None
        The order that this one works for (a slice, a leg) or hangs on (an exit of a bracket).
    list_id : str or None
        The list it was sent with.
    linked : tuple of str
        The orders that end with it.
    algorithm : str or None
        What works it.
    by : str
        Who asked for it.
    fills : list of Fill
        Its own, oldest first.
    log : list of LogEntry
        The statuses it came to, oldest first, as far as this desk heard of them.
    children : dict of str to Order
        The orders whose `parent` it is, by their ids.
    """

    client_order_id: str
    strategy: str = ""
    instrument: str = ""
    side: Side = "BUY"
    order_type: str = ""
    quantity: Decimal = Decimal(0)
    filled: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None
    arrival_price: Decimal | None = None
    time_in_force: str = "GTC"
    status: OrderStatus = OrderStatus.UNKNOWN
    reason: str = ""
    venue_order_id: str | None = None
    parent: str | None = None
    list_id: str | None = None
    linked: tuple[str, ...] = ()
    algorithm: str | None = None
    by: str = ""
    activation_price: Decimal | None = None
    trailing_offset: Decimal | None = None
    limit_offset: Decimal | None = None
    offset_type: str | None = None
    fills: list[Fill] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    children: dict[str, Order] = field(default_factory=dict, repr=False)
    ts: int = 0
    simulated: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status.is_done

    @property
    def remaining(self) -> Decimal:
        """What is still to be filled; zero once done."""
        return Decimal(0) if self.is_done else self.quantity - self.filled

    def become(self, status: OrderStatus, reason: str, ts: int) -> None:
        """Note where the order is now."""
        if not self.log or (self.log[-1].status, self.log[-1].reason) != (status, reason):
            self.log.append(LogEntry(ts, status, reason))
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Route:
    """How a router split an order among venues; never changes.

    `expected_cost` is what the legs cost at the quotes seen, fees included, in quote currency;
    `unplaced` is what no venue offered, `passed_over` which venues got nothing, each with why.
    """

    client_order_id: str
    instrument: str
    side: Side
    quantity: Decimal
    legs: tuple[RouteLeg, ...]
    expected_cost: Decimal
    policy: str
    ts: int
    unplaced: Decimal = Decimal(0)
    passed_over: tuple[str, ...] = ()


@dataclass(slots=True)
class Account:
    """An account at the market, in `currency`."""

    venue: str = ""
    currency: str = ""
    cash: float = math.nan
    equity: float = math.nan
    gross_exposure: float = math.nan
    net_exposure: float = math.nan
    ts: int = 0
    simulated: bool = False


@dataclass(slots=True)
class Pnl:
    """Profit and loss of a scope since its trader first started, in `currency`."""

    scope: str = ""
    currency: str = ""
    realised: float = math.nan
    unrealised: float = math.nan
    commissions: float = math.nan
    total: float = math.nan
    equity: float = math.nan
    ts: int = 0
    simulated: bool = False


@dataclass(slots=True)
class Limit:
    """How much of a limit is used; `utilisation` is a fraction, 1.0 is the limit.

    `base_value` is the limit as people set it, NaN of one that does not adjust itself; `eta_s` the
    seconds within which a breach is as probable as not, NaN when none is foreseen.
    """

    limit: str
    scope: str = ""
    value: float = math.nan
    limit_value: float = math.nan
    utilisation: float = math.nan
    level: Level = "ok"
    base_value: float = math.nan
    eta_s: float = math.nan
    ts: int = 0


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that said no; never changes."""

    limit: str
    scope: str
    value: float | None
    limit_value: float
    action: str
    reason: str
    client_order_id: str | None
    ts: int


@dataclass(slots=True)
class TradingStatus:
    """What the trader may do now, since when (UNIX ns), why, and who said so."""

    state: TradingState = TradingState.UNKNOWN
    reason: str = ""
    by: str = ""
    since_ns: int = 0


@dataclass(slots=True)
class Strategy:
    """A deployed strategy; `realised` and `unrealised` of its positions, in account currency."""

    strategy: str
    name: str = ""
    version: str = ""
    state: str = ""
    working_orders: int = 0
    realised: float = 0.0
    unrealised: float = 0.0
    detail: str = ""
    ts: int = 0


@dataclass(slots=True)
class Bar:
    """The last closed bar of an instrument and a specification: ``1-MINUTE-MID``."""

    instrument: str
    spec: str
    open: float = math.nan
    high: float = math.nan
    low: float = math.nan
    close: float = math.nan
    volume: float = math.nan
    ts: int = 0
    source_ts: int | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """Something somebody should look at; never changes."""

    severity: Severity
    component: str
    rule: str
    detail: str
    remedy: str
    ts: int


@dataclass(slots=True)
class Node:
    """The trading node behind the desk.

    `epoch` counts its starts; `simulated` says whether its venue is one.
    """

    trader: str = ""
    state: NodeState = NodeState.UNKNOWN
    detail: str = ""
    epoch: int = 0
    simulated: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it answers and trades."""
        return self.state in (NodeState.RUNNING, NodeState.DEGRADED)
