"""What every gate asks first."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._proposal import Proposal
from nautilus_lab.risk.limits import Finding


@dataclass(frozen=True, kw_only=True)
class SoundOrder:
    """Its instrument is known, its size positive, its prices too where others cannot be.

    Every gate asks it first: emulated orders that are released have passed nobody else.
    """

    name: str = field(default="sound_order", init=False)
    exposure: bool = field(default=False, init=False)

    def judge(self, proposal: Proposal, book: Book) -> Finding:
        """Count what is wrong with the proposal; NaN where that is not known."""
        found = proposal.instrument
        wrong = 0.0 if found.nautilus is not None else math.nan
        if not proposal.quantity > 0 or proposal.order.is_quote_quantity:
            wrong += 1
        if not found.any_price:
            limit, trigger = proposal.limit, proposal.trigger
            if limit is not None and not limit > 0:
                wrong += 1
            if trigger is not None and not trigger > 0:
                wrong += 1
        return Finding(self.name, "order", wrong, 0.0, wrong == 0, "faults")
