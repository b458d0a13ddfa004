"""`nautilus-lab halt`, `reduce-only`, `kill`: letting a trader do less.

They write the latch, which is the file owner's right, and work with everything else down: node,
bus, store, gateway, supervisor, and settings that cannot be read. A kill must not wait for imports:
what this file loads is loaded before the latch is on the disk.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from nautilus_lab.cli._engine import add_trader
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.cli._workspace import rundirs_of

if TYPE_CHECKING:
    from nautilus_lab.kill_switch import Tighter

URGENT = frozenset({"halt", "kill", "reduce-only"})

_NO_REASON = "no reason was given on the command line"


def add_tighten(verbs: Verbs) -> None:
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
        parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    for parser in parsers[:2]:
        parser.add_argument("--cancel-orders", action="store_true", help="cancel what works, too")
    add_trader(*parsers)


def _halt(chosen: argparse.Namespace) -> None:
    _tighten(chosen, "HALTED", cancel_orders=chosen.cancel_orders)


def _reduce_only(chosen: argparse.Namespace) -> None:
    _tighten(chosen, "REDUCE_ONLY", cancel_orders=chosen.cancel_orders)


def _kill(chosen: argparse.Namespace) -> None:
    _tighten(chosen, "KILLED", cancel_orders=True)


def _tighten(chosen: argparse.Namespace, to: Tighter, *, cancel_orders: bool) -> None:
    from nautilus_lab.kill_switch import tighten_now

    told = tighten_now(rundirs_of(chosen), to, reason=chosen.reason, cancel_orders=cancel_orders)
    if chosen.json:
        from nautilus_lab.cli._shown import show_json

        return show_json(told)
    for one in told:
        print(one)
