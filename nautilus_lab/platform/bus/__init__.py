"""The bus: publish an envelope under a topic, read it in this process or another."""

from nautilus_lab.platform.bus._base import Bus, Handler, Unsubscribe, check_pattern
from nautilus_lab.platform.bus._ipc import IpcBus
from nautilus_lab.platform.bus._local import LocalBus
from nautilus_lab.platform.bus._open import ProcessBus, bus_of, open_bus
from nautilus_lab.platform.bus._redis import (
    EventSource,
    NautilusBalance,
    NautilusMessage,
    NautilusPosition,
    NautilusStream,
    RedisAddress,
    RedisBus,
    StreamGroup,
)
from nautilus_lab.platform.bus._sequence import Gap, SequenceTracker

__all__ = [
    "Bus",
    "EventSource",
    "Gap",
    "Handler",
    "IpcBus",
    "LocalBus",
    "NautilusBalance",
    "NautilusMessage",
    "NautilusPosition",
    "NautilusStream",
    "ProcessBus",
    "RedisAddress",
    "RedisBus",
    "SequenceTracker",
    "StreamGroup",
    "Unsubscribe",
    "bus_of",
    "check_pattern",
    "open_bus",
]
