"""Whether prices trend, revert or wander, and which state they are in."""

from nautilus_lab.features.regime._memory import MEMORY
from nautilus_lab.features.regime._states import MARKET_REGIMES, STATES

__all__ = ["MARKET_REGIMES", "MEMORY", "STATES"]
