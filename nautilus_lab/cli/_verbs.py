"""How a command is added to the command line, also below another."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeAlias

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_verb(
    verbs: Verbs, name: str, run: Callable[[argparse.Namespace], int | None], what: str
) -> argparse.ArgumentParser:
    """Add the command `name`, which calls `run`; returns its parser, for arguments."""
    parser = verbs.add_parser(name, help=what, description=what)
    parser.set_defaults(run=run)
    return parser


def heed_what_stands_before(
    above: argparse.ArgumentParser, *below: argparse.ArgumentParser
) -> None:
    """Have the commands below another keep the options that were given before their own name.

    ``limits --trader PAPER-002 propose ...`` must not be about the trader of the settings.
    """
    known = {action.dest for action in above._actions}
    for parser in below:
        for action in parser._actions:
            if action.dest in known and action.option_strings and action.dest != "help":
                action.default = argparse.SUPPRESS
