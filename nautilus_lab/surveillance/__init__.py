"""Patterns in a day's orders and fills that somebody should look at; none is an accusation."""

from nautilus_lab.surveillance._closing import ClosingTrades
from nautilus_lab.surveillance._layering import LayeredOrders
from nautilus_lab.surveillance._pattern import Measured, NotAssessed, Pattern, PatternKind
from nautilus_lab.surveillance._surveillance import Surveillance, SurveillanceReport
from nautilus_lab.surveillance._wash import WashTrades

__all__ = [
    "ClosingTrades",
    "LayeredOrders",
    "Measured",
    "NotAssessed",
    "Pattern",
    "PatternKind",
    "Surveillance",
    "SurveillanceReport",
    "WashTrades",
]
