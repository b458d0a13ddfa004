"""A live view of a trading node: `connect` returns a `Desk` whose objects stay true."""

from nautilus_lab.client._attendance import Attendance, GatewayStatus, attendance_of, gateways
from nautilus_lab.client._connect import connect, glance
from nautilus_lab.client._desk import Desk
from nautilus_lab.client._live import (
    Account,
    Alert,
    Bar,
    Breach,
    Change,
    Fill,
    Limit,
    LogEntry,
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
from nautilus_lab.client._order import order
from nautilus_lab.client._strategies import Strategies
from nautilus_lab.client._trade import BracketTrade, Trade, TradeList
from nautilus_lab.client.protocol import Series
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import MonitorStanding, OpenAlert, OpenAlerts
from nautilus_lab.platform.connection import ConnectionState

__all__ = [
    "Account",
    "Alert",
    "Attendance",
    "Bar",
    "BracketTrade",
    "Breach",
    "Change",
    "ConnectionState",
    "Desk",
    "Fill",
    "GatewayStatus",
    "Limit",
    "LogEntry",
    "MonitorStanding",
    "Node",
    "NodeState",
    "OpenAlert",
    "OpenAlerts",
    "Order",
    "OrderStatus",
    "Permission",
    "Pnl",
    "Position",
    "Quote",
    "Route",
    "Series",
    "Strategies",
    "Strategy",
    "Trade",
    "TradeList",
    "TradingState",
    "TradingStatus",
    "attendance_of",
    "connect",
    "gateways",
    "glance",
    "order",
]
