"""The five states of a connection, and how long to wait before trying again."""

from nautilus_lab.platform.connection._backoff import Backoff
from nautilus_lab.platform.connection._state import ConnectionState

__all__ = ["Backoff", "ConnectionState"]
