"""Market microstructure and order flow: of quotes, trades and books, and of bars alone."""

from nautilus_lab.features.microstructure._bar_spreads import BAR_SPREADS
from nautilus_lab.features.microstructure._book import BOOK
from nautilus_lab.features.microstructure._clock import CLOCK
from nautilus_lab.features.microstructure._impact import IMPACT
from nautilus_lab.features.microstructure._micro_price import MICRO_PRICE
from nautilus_lab.features.microstructure._order_flow import ORDER_FLOW
from nautilus_lab.features.microstructure._prevailing import prevailing
from nautilus_lab.features.microstructure._quotes import QUOTES
from nautilus_lab.features.microstructure._rebuilt_book import rebuilt_book
from nautilus_lab.features.microstructure._signs import SIGNS, signed
from nautilus_lab.features.microstructure._spreads import SPREADS
from nautilus_lab.features.microstructure._timed_spread import TIMED_SPREAD
from nautilus_lab.features.microstructure._trades import TRADES
from nautilus_lab.features.microstructure._vpin import VPIN

__all__ = [
    "BAR_SPREADS",
    "BOOK",
    "CLOCK",
    "IMPACT",
    "MICRO_PRICE",
    "ORDER_FLOW",
    "QUOTES",
    "SIGNS",
    "SPREADS",
    "TIMED_SPREAD",
    "TRADES",
    "VPIN",
    "prevailing",
    "rebuilt_book",
    "signed",
]
