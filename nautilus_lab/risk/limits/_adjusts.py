"""What a limit book knows of a limit that adjusts itself."""

from __future__ import annotations

from typing import Any, Protocol

from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Limit


class Adjusts(Protocol):
    """A limit and the rule that tightens it; `nautilus_lab.risk.DynamicLimit` is one."""

    @property
    def limit(self) -> Limit:
        """The limit with its base bounds."""

    @property
    def key(self) -> str:
        """What it goes by in records and requests."""

    @property
    def needs(self) -> frozenset[str]:
        """The measures that its rule reads, by name: ``"volatility"``, ``"volatility:AAPL"``."""

    @property
    def settings(self) -> dict[str, Any]:
        """The rule and how far it goes as plain values; what ``adjust = {...}`` has in settings."""

    def of(self, limit: Limit) -> Adjusts:
        """Return the same rule of a limit that stands in the place of this one's."""
        ...

    def allowed(self, holdings: Holdings) -> float:
        """Return the part of the base that the rule allows for what is held, as of now."""
