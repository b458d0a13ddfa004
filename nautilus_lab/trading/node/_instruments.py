"""The instruments of the paper venue."""

from __future__ import annotations

from nautilus_trader.model.identifiers import Venue

VENUE = Venue("PAPER")
