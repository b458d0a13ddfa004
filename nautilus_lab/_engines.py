"""The eleven engines as a table: what each is for, how it is, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.display import Table
from nautilus_lab.exceptions import LabError

if TYPE_CHECKING:
    from nautilus_lab.lab import Lab


@dataclass(frozen=True, kw_only=True)
class EngineRow:
    """One engine.

    Attributes
    ----------
    number : int
        Its number in the platform description.
    name : str
        The attribute of `Lab` it is found at.
    tier : str
        Which of the four tiers it belongs to.
    purpose : str
        What it does.
    state : str
        How it is now; ``"planned"`` while it is not built.
    target : str
        What the platform description asks of its tier.
    measured : str
        What the benchmarks found, with the row's id; empty before they ran.
    """

    number: int
    name: str
    tier: str
    purpose: str
    state: str
    target: str
    measured: str


class EngineTable:
    """The rows, shown as a table in a notebook and as text elsewhere."""

    def __init__(self, rows: tuple[EngineRow, ...]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[EngineRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> EngineRow:
        return next(row for row in self.rows if row.name == name)

    def __repr__(self) -> str:
        return self._table.text

    def _repr_html_(self) -> str:
        return self._table.html

    @property
    def _table(self) -> Table:
        return Table(
            title="Engines",
            rows=[
                {
                    "no": row.number,
                    "engine": row.name,
                    "tier": row.tier,
                    "purpose": row.purpose,
                    "state": row.state,
                    "target": row.target,
                    "measured": row.measured or "-",
                }
                for row in self.rows
            ],
        )


_CORE, _RISK, _ML, _DATA = "1 trading", "2 analytics & risk", "3 ML & streaming", "4 data"

_STREAM = ("02-gateway-sustained", "02-gateway-latency-p99", "02-gateway-event-to-viewer")
_FEATURES = ("04-stream-over-nautilus", "04-features-panel", "04-features-over-talib")
_LIMITS = (
    *("03-var-es", "03-gate-p50", "03-gate-p99", "03-monitor-look"),
    *("03-audit-append-p50", "03-audit-verify"),
)

# number, name, tier, purpose, target, the benchmark rows that speak for it
_ENGINES: tuple[tuple[int, str, str, str, str, tuple[str, ...]], ...] = (
    (1, "trading", _CORE, "orders, fills, the node", "< 10 ms order path", ("02-order-to-venue",)),
    (2, "backtesting", _CORE, "strategies on history", "batch", ("01-backtest-overhead",)),
    (3, "analytics", _RISK, "performance and P&L", "< 1 s", ()),
    (4, "risk", _RISK, "risk measures and limits", "every 5 s", _LIMITS),
    (5, "factors", _RISK, "factor research", "380 000 factors", ()),
    (6, "inference", _ML, "models and regimes", "< 100 ms", ()),
    (7, "features", _ML, "indicators and features", "real time", _FEATURES),
    (8, "streaming", _ML, "websocket gateway", "50 000 msg/s, < 50 ms", _STREAM),
    (9, "deployment", _DATA, "strategies to production", "automated", ()),
    (10, "marketdata", _DATA, "prices, bars, macro", "nanosecond stamps", ()),
    (11, "portfolio", _DATA, "optimisation", "batch", ()),
)


def engine_table(lab: Lab) -> EngineTable:
    """Return the table of `lab`'s engines as they are now."""
    measured = _measured(lab.settings.root / "benchmarks" / "results.json")
    return EngineTable(
        tuple(
            EngineRow(
                number=number,
                name=name,
                tier=tier,
                purpose=purpose,
                state=_state(lab, name),
                target=target,
                measured="; ".join(measured[i] for i in ids if i in measured),
            )
            for number, name, tier, purpose, target, ids in _ENGINES
        )
    )


def _state(lab: Lab, name: str) -> str:
    if not hasattr(type(lab), name):
        return "planned"
    try:
        return str(getattr(lab, name).health().state.value)
    except LabError as error:
        return f"faulted: {error.rule}"


def _measured(path: Path) -> dict[str, str]:
    try:
        rows = json.loads(path.read_text("utf-8"))
        return {row["id"]: f"{row['measured']:g} {row['unit']} ({row['id']})" for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        # A table without measurements is complete; a broken results file is `make bench`'s matter.
        return {}
