"""The bus over Redis; redis-py is imported by `_wire.py` alone."""

from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._bus import RedisBus
from nautilus_lab.platform.bus._redis._group import StreamGroup
from nautilus_lab.platform.bus._redis._writer import EventSource

__all__ = ["EventSource", "RedisAddress", "RedisBus", "StreamGroup"]
