"""The bus over Redis; redis-py is imported by `_wire.py` alone."""

from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._bus import RedisBus
from nautilus_lab.platform.bus._redis._foreign import (
    NautilusBalance,
    NautilusMessage,
    NautilusPosition,
)
from nautilus_lab.platform.bus._redis._group import StreamGroup
from nautilus_lab.platform.bus._redis._nautilus import NautilusStream
from nautilus_lab.platform.bus._redis._writer import EventSource

__all__ = [
    "EventSource",
    "NautilusBalance",
    "NautilusMessage",
    "NautilusPosition",
    "NautilusStream",
    "RedisAddress",
    "RedisBus",
    "StreamGroup",
]
