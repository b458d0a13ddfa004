"""`nautilus-lab halt`, `reduce-only`, `kill`, `resume`, `state`, `limits`: what a trader may do.

The first three write the latch, which is the file owner's right, and work with everything else
down: node, bus, store, gateway, supervisor, and settings that cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._engine import add_trader, engine_of
from nautilus_lab.cli._shown import add_json, at, show_fields, show_json
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import ConfigError, InputError, NodeNotRunning

if TYPE_CHECKING:
    from nautilus_lab.platform.commands import LimitsView
    from nautilus_lab.platform.rundir import Home
    from nautilus_lab.trading._tighten import Tightened, Tighter

_NO_REASON = "no reason was given on the command line"


def add_risk(verbs: Verbs) -> None:
    """Add the commands of this file."""
    parsers = [
        add_verb(verbs, "halt", _halt, "let nothing but cancels through, also after a restart"),
        add_verb(
            verbs,
            "reduce-only",
            _reduce_only,
            "let only cancels and what reduces a position through, also after a restart",
        ),
        add_verb(verbs, "kill", _kill, "halt, and cancel what works"),
    ]
    for parser in parsers:
        parser.add_argument("reason", nargs="?", default=_NO_REASON, help="why; it is kept")
        parser.add_argument("--all", action="store_true", help="every trader of the workspace")
    for parser in parsers[:2]:
        parser.add_argument("--cancel-orders", action="store_true", help="cancel what works, too")
    resume = add_verb(verbs, "resume", _resume, "let more through again; the node must run")
    resume.add_argument("reason", help="why; it is kept in the audit trail")
    resume.add_argument(
        "--to", type=str.upper, choices=("ACTIVE", "REDUCE_ONLY"), default="ACTIVE", help="ACTIVE"
    )
    state = add_verb(verbs, "state", _state, "what a trader may do, since when, and why")
    limits = add_verb(verbs, "limits", _limits, "how much of each limit is used, the worst first")
    limits.add_argument("--all", action="store_true", help="also those that are far from it")
    enable = add_verb(
        verbs, "enable", _enable, "let a strategy that a limit disabled send orders again"
    )
    enable.add_argument("strategy", help="its id, as `limits` shows it")
    enable.add_argument("reason", help="why; it is kept in the audit trail")
    for parser in (*parsers, resume, state, limits, enable):
        add_json(parser)
    add_trader(*parsers, resume, state, limits, enable)


def _halt(chosen: argparse.Namespace) -> None:
    _tighten(chosen, "HALTED", cancel_orders=chosen.cancel_orders)


def _reduce_only(chosen: argparse.Namespace) -> None:
    _tighten(chosen, "REDUCE_ONLY", cancel_orders=chosen.cancel_orders)


def _kill(chosen: argparse.Namespace) -> None:
    _tighten(chosen, "KILLED", cancel_orders=True)


def _tighten(chosen: argparse.Namespace, to: Tighter, *, cancel_orders: bool) -> None:
    from nautilus_lab.trading._tighten import tighten, tighten_all

    if chosen.all and chosen.trader is not None:
        raise InputError("it is one trader or all of them", value=chosen.trader)
    home, trader = _home_at_any_rate(chosen)
    told: tuple[Tightened, ...]
    if chosen.all:
        told = asyncio.run(tighten_all(home, to, reason=chosen.reason, cancel_orders=cancel_orders))
    else:
        rundir = home.trader(chosen.trader or trader)
        told = (
            asyncio.run(tighten(rundir, to, reason=chosen.reason, cancel_orders=cancel_orders)),
        )
    if chosen.json:
        return show_json(told)
    for one in told:
        print(one)


def _home_at_any_rate(chosen: argparse.Namespace) -> tuple[Home, str]:
    """Return the home and its trader; where the settings cannot be read, as good as can be."""
    from nautilus_lab.config import find_root, load_settings
    from nautilus_lab.platform.rundir import Home

    try:
        settings = load_settings(chosen.root)
        return Home(settings.home_path), settings.trading.trader_id
    except ConfigError as error:
        print(f"the settings cannot be read, going on without: {error}", file=sys.stderr)
    root = find_root() if chosen.root is None else chosen.root.resolve()
    home = Home(root / _home_named(root))
    traders = home.trader_ids
    if not (chosen.all or chosen.trader or len(traders) == 1):
        raise InputError(
            "without settings, say which trader",
            value=", ".join(traders) or str(home.path),
            remedy="--all, or --trader NAME",
        )
    return home, traders[0] if traders else ""


def _home_named(root: Path) -> str:
    if named := os.environ.get("NL_HOME"):
        return named
    try:
        named = tomllib.loads((root / "lab.toml").read_text("utf-8")).get("home", ".lab")
    except (OSError, ValueError):
        return ".lab"
    return named if isinstance(named, str) else ".lab"


def _resume(chosen: argparse.Namespace) -> None:
    engine = engine_of(chosen)
    state = asyncio.run(engine.resume(chosen.reason, to=chosen.to))
    if chosen.json:
        return show_json(state)
    print(f"{engine.settings.trading.trader_id} is {state.state}")


def _limits(chosen: argparse.Namespace) -> int:
    view = asyncio.run(engine_of(chosen).limits())
    if chosen.json:
        show_json(view)
    else:
        _show_limits(view, everything=chosen.all)
    # For scripts: something is exceeded, or nobody knows whether it is.
    return int(any(row.level == "breach" for row in view.rows) or bool(view.disabled))


def _show_limits(view: LimitsView, *, everything: bool) -> None:
    rows = [row for row in view.rows if everything or row.level != "ok"]
    for row in rows:
        used = "  ?  " if row.utilisation is None else f"{row.utilisation:>5.0%}"
        value = "?" if row.value is None else f"{row.value:,.2f}"
        most = "?" if row.limit_value is None else f"{row.limit_value:,.2f}"
        what = f"{row.limit} of {row.scope}" if row.scope else row.limit
        known = "" if row.level == "never" else f"{value} of {most} {row.unit}".rstrip()
        print("  ".join(filter(None, (f"{row.level:8}", used, what, known, row.reason))))
    if more := len(view.rows) - len(rows):
        print(f"{more} more are ok; --all shows them")
    for strategy, why in sorted(view.disabled.items()):
        print(f"disabled  {strategy}: {why}")


def _enable(chosen: argparse.Namespace) -> None:
    view = asyncio.run(engine_of(chosen).enable(chosen.strategy, chosen.reason))
    if chosen.json:
        return show_json(view)
    print(f"{chosen.strategy} may send orders again")


def _state(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import StateOfTrading
    from nautilus_lab.platform.rundir import Home

    engine = engine_of(chosen)
    try:
        told = asyncio.run(engine.command("risk.state", answer=StateOfTrading))
    except NodeNotRunning:
        known = Home(engine.settings.home_path).trader_ids
        if chosen.trader is not None and chosen.trader not in known:
            # One that never was may do everything, which is no answer to a slip of the pen.
            raise InputError(
                "a trader must be one of this workspace",
                value=chosen.trader,
                remedy=f"one of {', '.join(known) or 'none'}",
            ) from None
        held = engine.may
        told = StateOfTrading(
            state=held.state,
            reason=held.reason,
            by=held.by,
            since_ns=held.since_ns,
            automatic=held.automatic,
        )
    if chosen.json:
        return show_json(told)
    show_fields(told)
    print(f"since     {at(told.since_ns)}")
