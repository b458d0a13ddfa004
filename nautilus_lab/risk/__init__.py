"""How much could be lost, and how much may be: value at risk, expected shortfall, limits."""

from nautilus_lab.risk._notional import LimitCheck, NotionalLimit

__all__ = ["LimitCheck", "NotionalLimit"]
