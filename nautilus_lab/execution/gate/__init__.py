"""The gate every order passes: limits, the book they judge by, and what the trader may do."""

from nautilus_lab.execution.gate._adjusting import Adjusting
from nautilus_lab.execution.gate._adjustment_trail import AuditedAdjustment
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._build import build_limits
from nautilus_lab.execution.gate._cancelling import send_cancel, send_cancel_all
from nautilus_lab.execution.gate._check import Check
from nautilus_lab.execution.gate._day_highs import DayHighs
from nautilus_lab.execution.gate._gate import Gate
from nautilus_lab.execution.gate._high_water import HighWater
from nautilus_lab.execution.gate._instrument import Holding, Instrument, Line, Sum
from nautilus_lab.execution.gate._intent import order_of, order_text
from nautilus_lab.execution.gate._proposal import Proposal, Reach
from nautilus_lab.execution.gate._recent import Recent
from nautilus_lab.execution.gate._sound_order import SoundOrder
from nautilus_lab.execution.gate._state import TradingSwitch
from nautilus_lab.execution.gate._stop_loss import DayStart, StopLoss
from nautilus_lab.execution.gate._strategy_days import DayStarts, StrategyDays
from nautilus_lab.execution.gate._switch import StrategySwitch
from nautilus_lab.execution.gate._watch import LimitWatch

__all__ = [
    "Adjusting",
    "AuditedAdjustment",
    "Book",
    "Check",
    "DayHighs",
    "DayStart",
    "DayStarts",
    "Gate",
    "HighWater",
    "Holding",
    "Instrument",
    "LimitWatch",
    "Line",
    "Proposal",
    "Reach",
    "Recent",
    "SoundOrder",
    "StopLoss",
    "StrategyDays",
    "StrategySwitch",
    "Sum",
    "TradingSwitch",
    "build_limits",
    "order_of",
    "order_text",
    "send_cancel",
    "send_cancel_all",
]
