"""`nautilus-lab node ...`, `traders`, `logs`: the trading nodes of a workspace."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._engine import add_trader, engine_of
from nautilus_lab.cli._shown import add_json, show_fields, show_json, show_table
from nautilus_lab.cli._strategies import read_weights
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import ConfigError, InputError, NodeError, NodeNotRunning

if TYPE_CHECKING:
    from nautilus_lab.trading import NodeStatus, TradingEngine
    from nautilus_lab.trading.commands import ServiceStatus, Stopped

_COLUMNS = (
    "trader",
    "state",
    "may",
    "pid",
    "restarts",
    "cpu %",
    "MiB",
    "threads",
    "files",
    "detail",
)


def add_node(verbs: Verbs) -> None:
    """Add the commands of this file."""
    node = verbs.add_parser("node", help="the trading node").add_subparsers(
        required=True, metavar="COMMAND"
    )
    start = add_verb(node, "start", _start, "start the node, or find it running")
    start.add_argument("--targets", type=Path, help="JSON file: symbol -> fraction of equity")
    start.add_argument("--new", action="store_true", help="a further trader, with a new name")
    others = [
        start,
        add_verb(node, "status", _status, "how the node is"),
        add_verb(node, "restart", _restart, "stop the node and start it again; venues stay"),
        add_verb(node, "stop", _stop, "stop the node; positions stay in the venues' books"),
    ]
    others[-1].add_argument(
        "--all", action="store_true", help="every node, the gateways and the supervisor"
    )
    traders = add_verb(
        verbs, "traders", _traders, "every trader, and what else the supervisor keeps"
    )
    logs = add_verb(verbs, "logs", _logs, "the end of a log: of the node, venue, gateway, ...")
    logs.add_argument("-n", type=int, default=50, dest="most", help="how many lines (50)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    logs.add_argument("--of", default="node", help="the process (node)")
    add_trader(*others, logs)
    for parser in (*others, traders):
        add_json(parser)


def _start(chosen: argparse.Namespace) -> None:
    if chosen.new and chosen.trader is not None:
        raise InputError("a new trader is named by --trader or by --new", value=chosen.trader)
    trading = engine_of(chosen)
    targets = None if chosen.targets is None else read_weights(chosen.targets)
    name = "targets" if chosen.targets is None else chosen.targets.stem
    trader = trading.new_trader_id() if chosen.new else None
    node = asyncio.run(trading.start(targets=targets, name=name, trader=trader))
    if chosen.json:
        return show_json({"trader": node.trader, "pid": node.pid})
    print(f"trader {node.trader} {_does(trading, node.trader)}, pid {node.pid}")


def _does(trading: TradingEngine, trader: str, again: str = "") -> str:
    """Say what a node that runs does: a latch that was tightened outlives every start."""
    may = trading.may
    if may.state == "ACTIVE" or trader != trading.settings.trading.trader_id:  # a new one trades
        return f"trades{again}"
    return f"runs{again}, and is {may.state} ({may.reason})"


def _status(chosen: argparse.Namespace) -> None:
    engine = engine_of(chosen)
    status = asyncio.run(engine.status())
    if chosen.json:
        return show_json(status)
    show_fields(status, may=f"{engine.may.state}: {engine.may.reason}")


def _restart(chosen: argparse.Namespace) -> None:
    trading = engine_of(chosen)
    node = asyncio.run(trading.restart())
    if chosen.json:
        return show_json({"trader": node.trader, "pid": node.pid})
    print(f"trader {node.trader} {_does(trading, node.trader, ' again')}, pid {node.pid}")


def _stop(chosen: argparse.Namespace) -> None:
    if chosen.all:
        if chosen.trader is not None:
            raise InputError("it is one trader or all of them", value=chosen.trader)
        return _stop_all(chosen)
    stopped = asyncio.run(engine_of(chosen).stop())
    if chosen.json:
        return show_json(stopped)
    print(stopped)


def _stop_all(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.rundir import Home

    engine = engine_of(chosen)
    home = engine.settings.home_path
    told: tuple[Stopped, ...] = ()
    again = ""
    try:
        told = asyncio.run(engine.shut_down())
        again = "now "
    except NodeNotRunning:
        left = [name for name in Home(home).trader_ids if _runs(engine, name)]
        if left:
            raise NodeError(
                "a supervisor must run to stop its traders",
                value=f"none does, and {', '.join(left)} run on",
                remedy="nautilus-lab node start brings one back; then stop all of them again",
            ) from None
    if chosen.json:
        return show_json(told)
    for one in told:
        print(one)
    print(f"{again}nothing of this workspace runs: {home}")


def _runs(engine: TradingEngine, trader: str) -> bool:
    try:
        return engine.trader(trader).running
    except ConfigError:
        return False  # a folder whose name no trader can have


def _traders(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    trading = Lab(chosen.root).trading
    traders = asyncio.run(trading.traders())
    services = asyncio.run(trading.lab_status()).services if trading.supervised else ()
    if chosen.json:
        return show_json({"traders": traders, "services": services})
    rows: list[tuple[object, ...]] = [
        (
            *(t.trader, t.state, trading.trader(t.trader).may.state, t.pid, t.restarts),
            *(*_usage(t), t.detail),
        )
        for t in traders
    ]
    rows += [
        (
            *(s.name, "running" if s.pid else "stopped", "", s.pid, s.restarts),
            *(*_usage(s), s.address),
        )
        for s in services
    ]
    show_table(_COLUMNS, rows, none="traders in this workspace")


def _usage(status: NodeStatus | ServiceStatus) -> tuple[float, float, int, int]:
    return status.cpu_percent, status.rss_mib, status.threads, status.open_files


def _logs(chosen: argparse.Namespace) -> None:
    view = engine_of(chosen).logs(chosen.most, of=chosen.of, follow=chosen.follow)

    async def show() -> None:
        async for line in view:
            print(line, flush=True)

    asyncio.run(show())
