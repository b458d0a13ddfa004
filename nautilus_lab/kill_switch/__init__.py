"""Letting traders do less, whatever still runs of their lab."""

from nautilus_lab.kill_switch._tighten import follow_now, tighten, tighten_all
from nautilus_lab.kill_switch._tightened import Tightened, Tighter

__all__ = [
    "Tightened",
    "Tighter",
    "follow_now",
    "tighten",
    "tighten_all",
]
