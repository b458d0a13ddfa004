"""Letting traders do less, whatever still runs of their lab."""

from nautilus_lab.kill_switch._latched import Latched, latch_traders
from nautilus_lab.kill_switch._tighten import tighten, tighten_all, tighten_now
from nautilus_lab.kill_switch._tightened import Tightened, Tighter

__all__ = [
    "Latched",
    "Tightened",
    "Tighter",
    "latch_traders",
    "tighten",
    "tighten_all",
    "tighten_now",
]
