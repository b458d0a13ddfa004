"""The flight recorder: all that a node saw and decided, kept as Parquet, and read again."""

from nautilus_lab.platform.recording._recorder import FlightRecorder, RecorderFigures
from nautilus_lab.platform.recording._recording import Coverage, Gap, Moment, Recording, Seen
from nautilus_lab.platform.recording._retention import Retention

__all__ = [
    "Coverage",
    "FlightRecorder",
    "Gap",
    "Moment",
    "RecorderFigures",
    "Recording",
    "Retention",
    "Seen",
]
