"""The history writer: what came over a Redis stream, kept for good."""

from nautilus_lab.streaming.history._writer import HistoryWriter

__all__ = ["HistoryWriter"]
