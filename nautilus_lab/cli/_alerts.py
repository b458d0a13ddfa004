"""`nautilus-lab alerts ...`: what somebody should look at, who did, and what was delivered."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from nautilus_lab.cli._shown import add_json, at, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb, heed_what_stands_before
from nautilus_lab.cli._workspace import workspace_of
from nautilus_lab.exceptions import InputError, LabError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nautilus_lab.platform.rundir import Home
    from nautilus_lab.platform.store import AlertRow, DeliveryRow

_ALERTS = (
    *("at", "severity", "level", "escalation", "times", "trader", "component", "rule", "scope"),
    *("detail", "remedy", "seen by", "delivered", "raised in", "id"),
)
_STEPS = ("at", "what", "by", "more")
_DELIVERIES = ("at", "channel", "escalation", "event", "state", "attempts", "next", "answer")
_TESTS = ("channel", "how", "seconds", "answer")


def add_alerts(verbs: Verbs) -> None:
    """Add the commands of this file."""
    alerts = add_verb(verbs, "alerts", _alerts, "what somebody should look at, the latest first")
    alerts.add_argument("-n", type=int, default=20, dest="most", help="how many (20)")
    alerts.add_argument("--all", action="store_true", help="those that are over, as well")
    alerts.add_argument("--trader", help="only of this one: PAPER-002")
    below = alerts.add_subparsers(metavar="COMMAND", required=False)
    ack = add_verb(below, "ack", _ack, "say that an alert is seen to, which ends its climb")
    ack.add_argument("id", help="the alert")
    ack.add_argument("--note", default="", help="what was found or done")
    show = add_verb(below, "show", _show, "what became of an alert, and where it was delivered")
    show.add_argument("id", help="the alert")
    test = add_verb(below, "test", _test, "send a test alert over every webhook and mail, now")
    for parser in (alerts, ack, show, test):
        add_json(parser)
    heed_what_stands_before(alerts, ack, show, test)


def _alerts(chosen: argparse.Namespace) -> int:
    from nautilus_lab.alerts import find_alerts, monitor_standing

    workspace = workspace_of(chosen)
    home = workspace.home
    found = find_alerts(home, trader=chosen.trader, open_only=not chosen.all, limit=chosen.most)
    if chosen.trader is not None and not (found.alerts or found.unread):
        workspace.rundirs(chosen.trader, every=False)  # a slip of the pen has no alerts either
    if chosen.json:
        show_json(found.alerts)
    else:
        rows = _rows(found.alerts, _deliveries(home, [a.id for a in found.alerts]))
        whose = "" if chosen.trader is None else f" of {chosen.trader}"
        show_table(_ALERTS, rows, none=f"{'' if chosen.all else 'open '}alerts{whose}")
    # That nothing was delivered does not mean that there is nothing.
    warning, follows = asyncio.run(monitor_standing(home)).warning
    if warning:
        print(f"{warning}: {follows}", file=sys.stderr)
    # What could be read is shown first: one damaged store must not hide what another says.
    for source, error in found.unread.items():
        print(f"the alerts of {source} are missing: {error}", file=sys.stderr)
    return 2 if found.unread else 0


def _ack(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    trading = Lab(chosen.root).trading
    row = trading.acknowledge(chosen.id, note=chosen.note)
    home = workspace_of(chosen).home
    if chosen.json:
        return show_json([row])
    show_table(_ALERTS, _rows([row], _deliveries(home, [row.id])), none="alert")


def _show(chosen: argparse.Namespace) -> None:
    from nautilus_lab.alerts import find_alerts
    from nautilus_lab.platform.store import AlertLedger, DeskStore

    home = workspace_of(chosen).home
    found = [one for one in find_alerts(home, open_only=False).alerts if one.id == chosen.id]
    if not found:
        raise StoreError(
            "an alert must be there to be shown",
            value=chosen.id,
            remedy="see which there are: nautilus-lab alerts --all",
        )
    first = found[0].repeat_of or found[0].id
    deliveries = _deliveries(home, [first])
    steps = []
    if home.store.exists():
        with DeskStore.open(home.store, read_only=True) as desk:
            steps = list(AlertLedger(desk).steps(first))
    if chosen.json:
        return show_json({"alert": found[0], "steps": steps, "deliveries": deliveries})
    show_table(_ALERTS, _rows(found, deliveries), none="alert")
    print()
    steps_told = [(at(s.ts_ns), s.what, s.by, s.text) for s in steps]
    show_table(_STEPS, steps_told, none="step was taken: no monitor has taken it on")
    print()
    show_table(
        _DELIVERIES,
        [
            (
                *(at(d.created_ns), d.channel, f"L{d.rank}", d.event, d.state, d.attempts),
                *(at(d.next_ns) if d.state == "pending" else None, d.error),
            )
            for d in deliveries
        ],
        none="deliveries: nobody was told",
    )


def _test(chosen: argparse.Namespace) -> int:
    from nautilus_lab.config import load_settings
    from nautilus_lab.monitoring import rehearse

    settings = load_settings(chosen.root)
    if not (settings.monitoring.webhooks or settings.monitoring.mails):
        raise InputError(
            "a channel must be configured to be tested",
            remedy="add [monitoring.webhooks.NAME] or [monitoring.mails.NAME] to lab.toml",
        )
    found = asyncio.run(rehearse(settings))
    if chosen.json:
        show_json(found)
    else:
        told = [(one.channel, one.how, one.seconds, one.detail) for one in found]
        show_table(_TESTS, told, none="channels")
    return 0 if all(one.how == "sent" for one in found) else 2


def _deliveries(home: Home, ids: Sequence[str]) -> tuple[DeliveryRow, ...]:
    from nautilus_lab.platform.store import AlertLedger, DeskStore

    if not home.store.exists():
        return ()
    try:
        with DeskStore.open(home.store, read_only=True) as desk:
            return AlertLedger(desk).deliveries(ids)
    except LabError as error:
        print(f"what was delivered cannot be read: {error}", file=sys.stderr)
        return ()


def _rows(
    alerts: Sequence[AlertRow], deliveries: Sequence[DeliveryRow]
) -> list[tuple[object, ...]]:
    # alert -> channel -> how the last delivery there went
    told: dict[str, dict[str, str]] = {}
    for one in deliveries:
        told.setdefault(one.alert_id, {})[one.channel] = one.state
    return [
        (
            *(at(one.ts_ns), one.severity, one.level, f"L{one.rank}", one.count, one.trader),
            *(one.component, one.rule, one.scope, one.detail, one.remedy, _seen(one)),
            ", ".join(f"{name} {state}" for name, state in told.get(one.id, {}).items()),
            *(one.source, one.id),
        )
        for one in alerts
    ]


def _seen(alert: AlertRow) -> str:
    if alert.acknowledged_by is None:
        return "(over)" if alert.closed_ns is not None else ""
    return f"{alert.acknowledged_by}: {alert.note}" if alert.note else alert.acknowledged_by
