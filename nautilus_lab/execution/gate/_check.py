"""A check of the gate: one question about one proposal, a number and its bound."""

from __future__ import annotations

from typing import Protocol

from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._proposal import Proposal
from nautilus_lab.risk.limits import Finding


class Check(Protocol):
    """One question that the gate asks about each proposal; every limit that blocks is one.

    A check is frozen and remembers nothing: what has happened stands in the book. It is as quick
    as it can be, since all of them run for each order. One that raises denies.

    Attributes
    ----------
    name : str
        What it goes by in denials and on the desk.
    exposure : bool
        Whether it limits what is held. Proposals that open nothing are not asked then.
    """

    @property
    def name(self) -> str: ...

    @property
    def exposure(self) -> bool: ...

    def judge(self, proposal: Proposal, book: Book, /) -> Finding:
        """Measure what the proposal would lead to, and compare; raises when it cannot."""
        ...
