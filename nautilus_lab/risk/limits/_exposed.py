"""What limits of what is held share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nautilus_lab.risk.limits._limit import Limit, Mode


@dataclass(frozen=True, kw_only=True, repr=False)
class OfExposure(Limit):
    """A limit of what is held: orders that open something are held against it, and it is looked at.

    One that may be of a strategy says so by its field `per`.
    """

    modes: ClassVar[tuple[Mode, ...]] = ("both", "block", "monitor")

    mode: Mode = "both"

    @property
    def exposure(self) -> bool:
        """Whether orders that open nothing for the account are not asked."""
        # What reduces the account's position may open one of the strategy's.
        return getattr(self, "per", "account") != "strategy"
