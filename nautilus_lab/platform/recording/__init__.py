"""The flight recorder: all that a node saw and decided, kept as Parquet, and read again."""

from nautilus_lab.platform.recording._recorder import FlightRecorder, RecorderFigures

__all__ = ["FlightRecorder", "RecorderFigures"]
