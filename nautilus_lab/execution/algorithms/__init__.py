"""Execution algorithms: TWAP, VWAP, a part of the volume, and the smart router."""

from nautilus_lab.execution.algorithms._build import build_algorithms
from nautilus_lab.execution.algorithms._pov import Pov
from nautilus_lab.execution.algorithms._room import Available, room_in
from nautilus_lab.execution.algorithms._schedule import Slice, volume_schedule
from nautilus_lab.execution.algorithms._smart import Smart
from nautilus_lab.execution.algorithms._twap import Twap
from nautilus_lab.execution.algorithms._vwap import History, Vwap
from nautilus_lab.execution.algorithms._worked import HandOver, WorkedOrders

__all__ = [
    "Available",
    "HandOver",
    "History",
    "Pov",
    "Slice",
    "Smart",
    "Twap",
    "Vwap",
    "WorkedOrders",
    "build_algorithms",
    "room_in",
    "volume_schedule",
]
