"""Statistics of windows."""

from nautilus_lab.features.rolling._moments import MOMENTS

__all__ = ["MOMENTS"]
