"""The limit of what named scenarios would cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Holdings, Position
from nautilus_lab.risk.limits._limit import Action, Limit, Mode, bounded, smaller

_REST = "*"


@dataclass(frozen=True, kw_only=True, repr=False)
class MaxStressLoss(Limit):
    """Each of some named scenarios costs at most so much.

    Each position is moved by its symbol's shock, and those without one by that of ``"*"``; a
    symbol with neither cannot be measured. Shocks are returns: what a price moves by, as a
    fraction. Positions move with their prices: what bends, options, needs greeks.

    Parameters
    ----------
    scenarios : mapping of str to mapping of str to float
        Name -> symbol -> shock: ``{"crash": {"*": -0.2}, "rotation": {"AAPL": -0.1, "*": 0.02}}``.
    max_loss : float, optional
        Account currency.
    max_fraction : float, optional
        Of net asset value; of both the smaller holds.
    """

    name: ClassVar[str] = "max_stress_loss"
    number: ClassVar[int] = 22
    scopes: ClassVar[str] = "firm"
    formula: ClassVar[str] = (
        "-sum of value x shock, of each scenario, <= max_loss, <= max_fraction x NAV"
    )
    modes: ClassVar[tuple[Mode, ...]] = ("monitor",)

    scenarios: Mapping[str, Mapping[str, float]]
    max_loss: float | None = None
    max_fraction: float | None = None
    mode: Mode = "monitor"
    action: Action = "no_increase"

    def _check(self) -> None:
        if self.max_loss is None and self.max_fraction is None:
            raise InputError(
                "a stress loss needs a bound", remedy="pass max_loss=100_000 or max_fraction=0.1"
            )
        for name in ("max_loss", "max_fraction"):
            if getattr(self, name) is not None:
                bounded(name, getattr(self, name))
        if not self.scenarios:
            raise InputError(
                "a stress needs scenarios",
                value=self.scenarios,
                remedy='pass scenarios={"crash": {"*": -0.2}}',
            )
        for scenario, shocks in self.scenarios.items():
            for symbol, shock in shocks.items():
                if not -math.inf < shock < math.inf:
                    raise InputError(
                        "a shock must be finite", value=f"{scenario}, {symbol}: {shock}"
                    )
        frozen = {name: MappingProxyType(dict(of)) for name, of in self.scenarios.items()}
        object.__setattr__(self, "scenarios", MappingProxyType(frozen))

    def loss(self, positions: tuple[Position, ...], scenario: str) -> float:
        """Return what a scenario would cost; a gain is below zero. NaN where it says too little."""
        shocks, lost = self.scenarios[scenario], 0.0
        for one in positions:
            if one.units:
                shock = shocks.get(one.symbol, shocks.get(_REST, math.nan))
                lost -= one.value * shock
        return lost

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Measure each scenario."""
        bound = smaller(self.max_loss, self.max_fraction, holdings.net_asset_value)
        for name in self.scenarios:
            loss = self.loss(holdings.positions, name)
            why = self._lacking(holdings.positions, name) if loss != loss else ""
            yield self._found(f"firm:{name}", loss, bound, holdings.currency, reason=why)

    def _lacking(self, positions: tuple[Position, ...], scenario: str) -> str:
        shocks = self.scenarios[scenario]
        lacking = {one.symbol for one in positions if one.units} - shocks.keys()
        if not lacking or _REST in shocks:
            return ""
        return f'it has no shock of {", ".join(sorted(lacking))}, and none of "{_REST}"'
