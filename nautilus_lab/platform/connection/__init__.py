"""The five states of a connection, how long to wait before trying again, and when to stop."""

from nautilus_lab.platform.connection._backoff import Backoff
from nautilus_lab.platform.connection._breaker import BreakerState, CircuitBreaker
from nautilus_lab.platform.connection._state import ConnectionState

__all__ = ["Backoff", "BreakerState", "CircuitBreaker", "ConnectionState"]
