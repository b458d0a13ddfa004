"""The stream gateway: one WebSocket port, snapshot then deltas, for any number of viewers."""

from nautilus_lab.streaming._engine import StreamingEngine

__all__ = ["StreamingEngine"]
