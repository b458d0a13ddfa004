"""`nautilus-lab gateway ...`, `alerts`, `commands`: what serves the traders of a workspace."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from nautilus_lab.cli._shown import add_json, at, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.cli._workspace import workspace_of
from nautilus_lab.exceptions import InputError, NodeNotRunning, StoreError

if TYPE_CHECKING:
    from nautilus_lab.platform.rundir import Home
    from nautilus_lab.platform.store import AlertRow
    from nautilus_lab.trading import FoundAlert

_GATEWAYS = ("gateway", "pid", "address", "viewers", "lag ms", "MiB", "refused", "attached")
_ALERTS = (
    *("at", "severity", "trader", "component", "rule", "detail", "remedy", "seen by"),
    *("stands in", "id"),
)
_COMMANDS = ("of", "command", "permission", "done", "what it does")


def add_lab(verbs: Verbs) -> None:
    """Add the commands of this file."""
    gateway = verbs.add_parser("gateway", help="the stream gateways").add_subparsers(
        required=True, metavar="COMMAND"
    )
    alerts = add_verb(verbs, "alerts", _alerts, "what somebody should look at, the latest first")
    alerts.add_argument("-n", type=int, default=20, dest="most", help="how many (20)")
    alerts.add_argument("--all", action="store_true", help="those that were seen to, as well")
    alerts.add_argument("--trader", help="only of this one: PAPER-002")
    alerts.add_argument("--seen", metavar="ID", help="say that an alert of desk.db was seen to")
    for parser in (
        add_verb(gateway, "status", _status, "who is attached, and how the gateways are"),
        alerts,
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
    )


def _alerts(chosen: argparse.Namespace) -> int:
    from nautilus_lab.trading._alerts import find_alerts

    workspace = workspace_of(chosen)
    home = workspace.home
    if chosen.seen is not None:
        row = _acknowledge(home, chosen.seen)
        _show_alerts(chosen, [row], [(*_alert_row(row), "desk.db", row.id)])
        return 0
    found = find_alerts(home, trader=chosen.trader, open_only=not chosen.all, limit=chosen.most)
    if chosen.trader is not None and not (found.alerts or found.unread):
        workspace.rundirs(chosen.trader, every=False)  # a slip of the pen has no alerts either
    _show_alerts(
        chosen, found.alerts, [(*_alert_row(one), one.source, one.id) for one in found.alerts]
    )
    # What could be read is shown first: one damaged store must not hide what another says.
    for source, error in found.unread.items():
        print(f"the alerts of {source} are missing: {error}", file=sys.stderr)
    return 2 if found.unread else 0


def _acknowledge(home: Home, alert_id: str) -> AlertRow:
    from nautilus_lab.platform.access import Principal
    from nautilus_lab.platform.store import DeskStore
    from nautilus_lab.trading._alerts import find_alerts

    if home.store.exists():
        with DeskStore.open(home.store) as store:
            try:
                return store.acknowledge(alert_id, Principal.owner().name)
            except StoreError as error:
                missing = error
    else:
        missing = StoreError(
            "an alert must be there to be acknowledged",
            value=alert_id,
            remedy="see which there are: nautilus-lab alerts",
        )
    for one in find_alerts(home).alerts:
        if one.id == alert_id:
            raise InputError(
                "only alerts of desk.db can be acknowledged",
                value=f"{alert_id}, which stands in {one.source}",
                remedy="nothing: it is a node's own record, and stays listed",
            )
    raise missing


def _alert_row(one: AlertRow | FoundAlert) -> tuple[object, ...]:
    return (
        *(at(one.ts_ns), one.severity, one.trader, one.component, one.rule, one.detail),
        *(one.remedy, one.acknowledged_by),
    )


def _show_alerts(chosen: argparse.Namespace, found: object, rows: list[tuple[object, ...]]) -> None:
    if chosen.json:
        return show_json(found)
    show_table(_ALERTS, rows)


def _commands(chosen: argparse.Namespace) -> None:
    from nautilus_lab.streaming._status import GATEWAY_COMMANDS
    from nautilus_lab.trading.commands import NODE_COMMANDS, SUPERVISOR_COMMANDS

    tables = {
        "node": NODE_COMMANDS,
        "supervisor": SUPERVISOR_COMMANDS,
        "gateway": GATEWAY_COMMANDS,
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
    )
