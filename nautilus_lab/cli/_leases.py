"""`nautilus-lab leases`: who may use how much of the firm's limits, and giving up a dead node's."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nautilus_lab.cli._shown import add_json, at, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb, heed_what_stands_before

if TYPE_CHECKING:
    from nautilus_lab.trading import TradingEngine

_LEASES = ("limit", "node", "amount", "used", "of", "token", "expires", "state")
_EVENTS = ("at", "happening", "limit", "node", "amount", "used", "token", "by", "reason")


def add_leases(verbs: Verbs) -> None:
    """Add the commands of this file."""
    shown = add_verb(verbs, "leases", _show, "who may use how much of the firm's limits")
    more = shown.add_subparsers(metavar="COMMAND")
    log = add_verb(more, "log", _log, "what became of leases, the latest first")
    log.add_argument("-n", type=int, default=20, dest="most", help="how many (20)")
    log.add_argument("--node", help="only of this one: PAPER-002")
    release = add_verb(
        more, "release", _release, "give up what a node holds in doubt that will not come back"
    )
    release.add_argument("node", help="whose: PAPER-002")
    release.add_argument("reason", help="why, and what was done about its positions; it is kept")
    for parser in (shown, log, release):
        add_json(parser)
    heed_what_stands_before(shown, log, release)


def _engine(chosen: argparse.Namespace) -> TradingEngine:
    from nautilus_lab.lab import Lab

    return Lab(chosen.root).trading


def _show(chosen: argparse.Namespace) -> None:
    found = _engine(chosen).leases()
    if chosen.json:
        return show_json(found)
    show_table(
        _LEASES,
        [
            (
                *(one.limit, one.node, _money(one.amount), _money(one.used), _money(one.declared)),
                *(one.token, at(one.expires_ns), one.state),
            )
            for one in found
        ],
        none="leases: no node holds part of a firm limit",
    )


def _log(chosen: argparse.Namespace) -> None:
    found = _engine(chosen).lease_log(node=chosen.node, most=chosen.most)
    if chosen.json:
        return show_json(found)
    show_table(
        _EVENTS,
        [
            (
                *(at(one.ts_ns), one.happening, one.limit, one.node, _money(one.amount / 100)),
                *(_money(one.used / 100), one.token, one.by, one.reason),
            )
            for one in found
        ],
        none="lease has changed yet",
    )


def _release(chosen: argparse.Namespace) -> None:
    given_up = _engine(chosen).release_leases(chosen.node, chosen.reason)
    if chosen.json:
        return show_json(given_up)
    if not given_up:
        print(f"what {chosen.node} rested is forgotten; it held no lease")
    for one in given_up:
        amount, used = _money(one.amount), _money(one.used)
        print(f"{one.node} gave up {amount} of {one.limit}, of which it used {used}")


def _money(value: float) -> str:
    return f"{value:,.2f}"
