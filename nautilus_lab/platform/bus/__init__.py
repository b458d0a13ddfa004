"""The bus: publish an envelope under a topic, read it in this process or another."""

from nautilus_lab.platform.bus._base import Bus, Handler, Unsubscribe, check_pattern
from nautilus_lab.platform.bus._ipc import IpcBus
from nautilus_lab.platform.bus._local import LocalBus
from nautilus_lab.platform.bus._sequence import Gap, SequenceTracker

__all__ = [
    "Bus",
    "Gap",
    "Handler",
    "IpcBus",
    "LocalBus",
    "SequenceTracker",
    "Unsubscribe",
    "check_pattern",
]
