"""The latch that says what a trader may do; a kill begins with it and loads nothing before."""

from nautilus_lab.platform.latch._latch import Latch
from nautilus_lab.platform.latch._owner import is_name, owner_name
from nautilus_lab.platform.latch._reason import LONGEST_REASON, fitting
from nautilus_lab.platform.latch._state import STANDINGS, LatchState
from nautilus_lab.platform.latch._trader_folder import TraderFolder, trader_folder, trader_folders
from nautilus_lab.platform.latch._traders import Latched, latch_traders
from nautilus_lab.platform.latch._whole import new_beside, write_whole

__all__ = [
    "LONGEST_REASON",
    "STANDINGS",
    "Latch",
    "LatchState",
    "Latched",
    "TraderFolder",
    "fitting",
    "is_name",
    "latch_traders",
    "new_beside",
    "owner_name",
    "trader_folder",
    "trader_folders",
    "write_whole",
]
