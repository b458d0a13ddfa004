"""`nautilus-lab halt`, `reduce-only`, `kill`: letting a trader do less.

They write the latch, which is the file owner's right, and work with everything else down: node,
bus, store, gateway, supervisor, and settings that cannot be read. A kill must not wait for imports:
what this file loads is loaded before the latch is on the disk.
"""

from __future__ import annotations

from nautilus_lab.cli._engine import add_trader
from nautilus_lab.cli._home import chosen_ids, home_without_settings, lived_in, root_of
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.platform.latch import TraderFolder, latch_traders, trader_folder, trader_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

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
    # A script's variable may be empty, and is no reason not to.
    reason = chosen.reason.strip() or _NO_REASON
    latched = latch_traders(_folders_of(chosen), to, reason=reason, cancel_orders=cancel_orders)
    # From here on loading takes what it takes: the latches are on the disk.
    from nautilus_lab.kill_switch import follow_now

    told = follow_now(latched, to, cancel_orders=cancel_orders)
    if chosen.json:
        from nautilus_lab.cli._shown import show_json

        return show_json(told)
    for one in told:
        print(one)


def _folders_of(chosen: argparse.Namespace) -> list[TraderFolder]:
    """Return the folders of the traders that were chosen by ``--all`` or ``--trader``.

    The settings are read only where they say which trader is meant: that takes longer than the
    rest of a kill together.

    Raises
    ------
    ConfigError, InputError
        As `workspace_of` and `chosen_ids` do.
    """
    if not chosen.all and chosen.trader is None:
        from nautilus_lab.cli._workspace import workspace_of

        return [one.folder() for one in workspace_of(chosen).rundirs(None, every=False)]
    home = lived_in(home_without_settings(root_of(chosen)))
    if chosen.trader is not None:
        trader_folder(home, chosen.trader)  # what is no plain name is none of any workspace
    known = trader_folders(home)
    chosen_of_them = chosen_ids(known, chosen.trader, every=chosen.all, own=None, home=home)
    return [known[name] for name in chosen_of_them]
