"""The flight recorder: all that a node saw and decided, kept as Parquet, and read again."""

from nautilus_lab.execution.recorder._recorder import FlightRecorder, RecorderFigures

__all__ = ["FlightRecorder", "RecorderFigures"]
