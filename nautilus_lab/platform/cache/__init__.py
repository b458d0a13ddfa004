"""The cache: the latest market data, for a while."""

from nautilus_lab.platform.cache._base import Cache, CacheKey
from nautilus_lab.platform.cache._keys import (
    bars,
    instruments,
    latest_bar,
    latest_quote,
    latest_tick,
    order_book,
    quotes,
    ticks,
)
from nautilus_lab.platform.cache._memory import MemoryCache

__all__ = [
    "Cache",
    "CacheKey",
    "MemoryCache",
    "bars",
    "instruments",
    "latest_bar",
    "latest_quote",
    "latest_tick",
    "order_book",
    "quotes",
    "ticks",
]
