"""The five states of a connection."""

from enum import Enum


class ConnectionState(Enum):
    """DISCONNECTED -> CONNECTING -> CONNECTED -> RECONNECTING -> ERROR.

    ERROR is reached after the last attempt of a `Backoff`; leaving it is a person's decision.
    """

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    ERROR = "error"
