"""`nautilus-lab`: a light wrapper over `Lab`."""

from nautilus_lab.cli._main import main

__all__ = ["main"]
