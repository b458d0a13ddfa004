"""The order path: the gate every order passes, its journal, and the paper venue it may end at."""

from nautilus_lab.execution._journal import Intent, Journal, MemoryJournal

__all__ = ["Intent", "Journal", "MemoryJournal"]
