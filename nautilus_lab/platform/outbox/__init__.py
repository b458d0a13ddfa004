"""The outbox: events are in the store before they are on the bus."""

from nautilus_lab.platform.outbox._outbox import Outbox, Publisher

__all__ = ["Outbox", "Publisher"]
