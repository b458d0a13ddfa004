"""A live view of a trading node: `connect` returns a `Desk` whose objects stay true."""

from nautilus_lab.client._attendance import Attendance, GatewayStatus, attendance_of, gateways
from nautilus_lab.client._connect import connect, glance
from nautilus_lab.client._desk import Desk
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
from nautilus_lab.client.protocol import Series
from nautilus_lab.platform.connection import ConnectionState

__all__ = [
    "Account",
    "Attendance",
    "Breach",
    "Change",
    "ConnectionState",
    "Desk",
    "Fill",
    "GatewayStatus",
    "Limit",
    "Node",
    "NodeState",
    "Order",
    "OrderStatus",
    "Pnl",
    "Position",
    "Quote",
    "Series",
    "attendance_of",
    "connect",
    "gateways",
    "glance",
]
