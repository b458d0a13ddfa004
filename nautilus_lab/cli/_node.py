"""`nautilus-lab node ...`, `traders`, `logs`: the trading nodes of a workspace."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab.trading import NodeStatus, TradingEngine
    from nautilus_lab.trading.commands import ServiceStatus

_COLUMNS = ("trader", "state", "pid", "restarts", "cpu %", "MiB", "threads", "files", "detail")


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
    add_verb(verbs, "traders", _traders, "every trader, and what else the supervisor keeps")
    logs = add_verb(verbs, "logs", _logs, "the end of a log: of the node, venue, gateway, ...")
    logs.add_argument("-n", type=int, default=50, dest="most", help="how many lines (50)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    logs.add_argument("--of", default="node", help="the process (node)")
    for parser in (*others, logs):
        parser.add_argument("--trader", help="another trader of the workspace: PAPER-002")


def _engine(chosen: argparse.Namespace) -> TradingEngine:
    from nautilus_lab.lab import Lab

    engine = Lab(chosen.root).trading
    return engine if chosen.trader is None else engine.trader(chosen.trader)


def _start(chosen: argparse.Namespace) -> None:
    if chosen.new and chosen.trader is not None:
        raise InputError("a new trader is named by --trader or by --new", value=chosen.trader)
    trading = _engine(chosen)
    targets = None if chosen.targets is None else _weights(chosen.targets)
    name = "targets" if chosen.targets is None else chosen.targets.stem
    trader = trading.new_trader_id() if chosen.new else None
    node = asyncio.run(trading.start(targets=targets, name=name, trader=trader))
    print(f"trader {node.trader} trades, pid {node.pid}")


def _weights(path: Path) -> dict[str, float]:
    try:
        weights = json.loads(path.read_text("utf-8"), object_pairs_hook=_once_each)
    except (OSError, ValueError) as error:
        raise InputError(
            f"targets must be a readable JSON file: {error}",
            value=str(path),
            remedy='write {"AAPL": 0.5, "MSFT": 0.5}',
        ) from None
    if not isinstance(weights, dict):
        raise InputError("targets must map symbols to fractions", value=weights)
    return weights


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(names := dict(pairs)) != len(pairs):
        raise ValueError("a symbol stands in it twice")
    return names


def _status(chosen: argparse.Namespace) -> None:
    status = asyncio.run(_engine(chosen).status())
    for name in status.__struct_fields__:
        print(f"{name:<12} {getattr(status, name)}")


def _restart(chosen: argparse.Namespace) -> None:
    node = asyncio.run(_engine(chosen).restart())
    print(f"trader {node.trader} trades again, pid {node.pid}")


def _stop(chosen: argparse.Namespace) -> None:
    print(asyncio.run(_engine(chosen).stop()))


def _traders(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    trading = Lab(chosen.root).trading
    rows = [
        (t.trader, t.state, t.pid, t.restarts, *_usage(t), t.detail)
        for t in asyncio.run(trading.traders())
    ]
    if trading.supervised:
        rows += [
            (s.name, "running" if s.pid else "stopped", s.pid, s.restarts, *_usage(s), s.address)
            for s in asyncio.run(trading.lab_status()).services
        ]
    table = [_COLUMNS, *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _usage(status: NodeStatus | ServiceStatus) -> tuple[float, float, int, int]:
    return status.cpu_percent, status.rss_mib, status.threads, status.open_files


def _logs(chosen: argparse.Namespace) -> None:
    view = _engine(chosen).logs(chosen.most, of=chosen.of, follow=chosen.follow)

    async def show() -> None:
        async for line in view:
            print(line, flush=True)

    asyncio.run(show())
