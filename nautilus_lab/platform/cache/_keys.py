"""The keys of market data, with how long and how much of each is kept.

===================================  ======  =====
key                                  TTL     keep
===================================  ======  =====
market:tick:{venue}:{instrument}     5 min   1000
market:quote:{venue}:{instrument}    5 min   500
market:bar:{venue}:{instrument}:{tf} 1 h     200
market:orderbook:{venue}:{instrument} 1 min  -
latest:tick|quote|bar:...            1 h     -
instruments:{venue}                  -       -
===================================  ======  =====
"""

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.cache._base import CacheKey

_MINUTE = 60.0
_HOUR = 3_600.0


def ticks(venue: str, instrument: str) -> CacheKey:
    """Return the list of an instrument's last 1000 ticks, kept 5 minutes."""
    return CacheKey(text=_joined("market:tick", venue, instrument), ttl_s=5 * _MINUTE, keep=1_000)


def quotes(venue: str, instrument: str) -> CacheKey:
    """Return the list of an instrument's last 500 quotes, kept 5 minutes."""
    return CacheKey(text=_joined("market:quote", venue, instrument), ttl_s=5 * _MINUTE, keep=500)


def bars(venue: str, instrument: str, timeframe: str) -> CacheKey:
    """Return the list of an instrument's last 200 bars of `timeframe`, kept an hour."""
    text = _joined("market:bar", venue, instrument, timeframe)
    return CacheKey(text=text, ttl_s=_HOUR, keep=200)


def order_book(venue: str, instrument: str) -> CacheKey:
    """Return the value of an instrument's order book, kept a minute."""
    return CacheKey(text=_joined("market:orderbook", venue, instrument), ttl_s=_MINUTE)


def latest_tick(venue: str, instrument: str) -> CacheKey:
    """Return the value of an instrument's latest tick, kept an hour."""
    return CacheKey(text=_joined("latest:tick", venue, instrument), ttl_s=_HOUR)


def latest_quote(venue: str, instrument: str) -> CacheKey:
    """Return the value of an instrument's latest quote, kept an hour."""
    return CacheKey(text=_joined("latest:quote", venue, instrument), ttl_s=_HOUR)


def latest_bar(venue: str, instrument: str, timeframe: str) -> CacheKey:
    """Return the value of an instrument's latest bar of `timeframe`, kept an hour."""
    return CacheKey(text=_joined("latest:bar", venue, instrument, timeframe), ttl_s=_HOUR)


def instruments(venue: str) -> CacheKey:
    """Return the set of a venue's instruments, kept."""
    return CacheKey(text=_joined("instruments", venue), ttl_s=None)


def _joined(kind: str, *parts: str) -> str:
    for part in parts:
        # A colon would make two keys of one; a wildcard would make one key of many.
        if not part.isprintable() or not part or set(part) & set(": *?[]"):
            raise InputError(
                "a part of a cache key must be text without colons, blanks and wildcards",
                value=part,
            )
    return ":".join((kind, *parts))
