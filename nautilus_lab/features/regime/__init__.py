"""Whether prices trend, revert or wander."""

from nautilus_lab.features.regime._memory import MEMORY

__all__ = ["MEMORY"]
