"""`nautilus-lab gateway ...`, `commands`: what serves the traders of a workspace."""

from __future__ import annotations

import argparse
import asyncio

from nautilus_lab.cli._shown import add_json, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import NodeNotRunning

_GATEWAYS = ("gateway", "pid", "address", "viewers", "lag ms", "MiB", "refused", "attached")
_COMMANDS = ("of", "command", "permission", "done", "what it does")


def add_lab(verbs: Verbs) -> None:
    """Add the commands of this file."""
    gateway = verbs.add_parser("gateway", help="the stream gateways").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for parser in (
        add_verb(gateway, "status", _status, "who is attached, and how the gateways are"),
        add_verb(verbs, "commands", _commands, "what can be asked, and what it takes"),
    ):
        add_json(parser)


def _status(chosen: argparse.Namespace) -> None:
    from nautilus_lab.client import gateways
    from nautilus_lab.config import load_settings

    home = load_settings(chosen.root).home_path
    found = asyncio.run(gateways(home))
    if not found:
        raise NodeNotRunning(
            "a stream gateway must answer", value=str(home), remedy="nautilus-lab node start"
        )
    if chosen.json:
        return show_json(found)
    show_table(
        _GATEWAYS,
        [
            (
                *(one.number, one.pid, one.url, one.viewers, f"{one.loop_lag_ms:.1f}"),
                f"{one.rss_mib:.0f}",
                sum(one.refused.values()),
                ", ".join(
                    f"{t.trader}: {t.viewers} of which {t.operators} may trade" for t in one.traders
                ),
            )
            for one in found
        ],
        none="stream gateways",
    )


def _commands(chosen: argparse.Namespace) -> None:
    from nautilus_lab.monitoring import MONITOR_COMMANDS
    from nautilus_lab.streaming._status import GATEWAY_COMMANDS
    from nautilus_lab.trading.commands import NODE_COMMANDS, SUPERVISOR_COMMANDS

    tables = {
        "node": NODE_COMMANDS,
        "supervisor": SUPERVISOR_COMMANDS,
        "gateway": GATEWAY_COMMANDS,
        "monitor": MONITOR_COMMANDS,
    }
    if chosen.json:
        return show_json({of: table.listed() for of, table in tables.items()})
    show_table(
        _COMMANDS,
        [
            (
                *(of, spec.name, spec.permission.value),
                *("each time" if spec.reads else "once", spec.summary),
            )
            for of, table in tables.items()
            for spec in table
        ],
        none="commands",
    )
