"""The measures that limits need, computed beside the nodes from positions and past prices."""

from nautilus_lab.trading.measures._history import Past, PriceHistory
from nautilus_lab.trading.measures._keeper import MeasureKeeper
from nautilus_lab.trading.measures._measure import measure
from nautilus_lab.trading.measures._seen import Seen

__all__ = ["MeasureKeeper", "Past", "PriceHistory", "Seen", "measure"]
