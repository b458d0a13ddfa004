"""The gate every order passes: checks, the book they judge by, and what the trader may do."""

from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._build import build_checks
from nautilus_lab.execution.gate._check import Check, Finding
from nautilus_lab.execution.gate._exposure_checks import (
    DailyLoss,
    EnoughMargin,
    MaxGrossExposure,
    MaxPositionNotional,
    MaxPositionUnits,
)
from nautilus_lab.execution.gate._gate import Gate
from nautilus_lab.execution.gate._instrument import Instrument, Line, Purse
from nautilus_lab.execution.gate._intent import order_of, order_text
from nautilus_lab.execution.gate._order_checks import (
    FreshQuote,
    MaxOrderNotional,
    MaxOrderRate,
    NoDuplicate,
    PriceBand,
    SoundOrder,
)
from nautilus_lab.execution.gate._proposal import Proposal
from nautilus_lab.execution.gate._recent import Recent
from nautilus_lab.execution.gate._state import TradingSwitch
from nautilus_lab.execution.gate._stop_loss import DayStart, StopLoss

__all__ = [
    "Book",
    "Check",
    "DailyLoss",
    "DayStart",
    "EnoughMargin",
    "Finding",
    "FreshQuote",
    "Gate",
    "Instrument",
    "Line",
    "MaxGrossExposure",
    "MaxOrderNotional",
    "MaxOrderRate",
    "MaxPositionNotional",
    "MaxPositionUnits",
    "NoDuplicate",
    "PriceBand",
    "Proposal",
    "Purse",
    "Recent",
    "SoundOrder",
    "StopLoss",
    "TradingSwitch",
    "build_checks",
    "order_of",
    "order_text",
]
