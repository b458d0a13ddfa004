"""`nautilus-lab measures`: what the limits of a trader are measured by, and what is missing."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nautilus_lab.cli._engine import add_trader, engine_of
from nautilus_lab.cli._shown import add_json, at, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb

if TYPE_CHECKING:
    from nautilus_lab.trading import MeasuresView

_COLUMNS = ("measure", "value", "unit", "as of", "age", "from")


def add_measures(verbs: Verbs) -> None:
    """Add the command of this file."""
    measures = add_verb(
        verbs, "measures", _measures, "what limits are measured by, how old, and what is missing"
    )
    measures.add_argument("--all", action="store_true", help="also of symbols that are not held")
    add_json(measures)
    add_trader(measures)


def _measures(chosen: argparse.Namespace) -> int:
    view = engine_of(chosen).measures()
    if chosen.json:
        show_json(view)
    else:
        _show(view, everything=chosen.all)
    # For scripts: something that a limit needs is not known.
    return int(bool(view.lacking))


def _show(view: MeasuresView, *, everything: bool) -> None:
    made = view.measured
    shown = {name.rpartition(".")[0] for name in (made.held if made is not None else ())}
    # A limit may read the regime of a symbol that nobody holds.
    shown |= {need.partition(":")[2] for need in view.needs}
    rows = [
        row
        for row in view.rows
        if everything or ":" not in row.name or row.name.partition(":")[2] in shown
    ]
    if not view.needs:
        print("no limit needs measures that are computed here")
    elif made is None:
        print("nothing was measured yet")
    else:
        print(_when(view))
        for symbol, why in made.uncovered.items():
            print(f"uncovered  {symbol}: {why}")
        if made.uncovered:
            print(f"uncovered  {made.uncovered_share:.1%} of the gross value")
        if made.proxied:
            print(f"proxied    {', '.join(made.proxied)}")
        for notice in made.notices:
            print(f"note       {notice}")
    for row in rows:
        if row.value is None:
            print(f"missing    {row.name}: {row.why}")
    known = [row for row in rows if row.value is not None]
    if known:
        show_table(
            _COLUMNS,
            [
                (row.name, _shown(row.value),
                 row.unit, at(row.as_of_ns), f"{row.age_s:,.0f} s", row.source)
                for row in known
                if row.value is not None and row.age_s is not None
            ],
            none="measures",
        )  # fmt: skip
    if more := len(view.rows) - len(rows):
        print(f"{more} more of symbols that are not held; --all shows them")


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.4g}" if abs(value) < 10 else f"{value:,.2f}"


def _when(view: MeasuresView) -> str:
    made = view.measured
    assert made is not None
    read = f", by {made.observations} returns to {made.last}" if made.observations else ""
    return (
        f"measured {view.age_s:,.0f} s ago, of {len(made.held)} positions{read}, "
        f"the market's day being {at(made.market_ns)[:10]}"
    )
