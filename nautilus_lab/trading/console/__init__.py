"""An operator's cells: run beside a node, in a process that a node can do without."""

from nautilus_lab.trading.console._console import OperatorConsole
from nautilus_lab.trading.console._wire import Cell, Ended, Output, Shown, Told

__all__ = ["Cell", "Ended", "OperatorConsole", "Output", "Shown", "Told"]
