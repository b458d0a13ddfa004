"""The store of one trader, a file for each thing that it keeps."""

from nautilus_lab.platform.store._trading._store import TradingStore

__all__ = ["TradingStore"]
