"""How a command is added to the command line, also below another."""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Verbs: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Verbs = object


def add_verb(
    verbs: Verbs, name: str, run: Callable[[argparse.Namespace], int | None], what: str
) -> argparse.ArgumentParser:
    """Add the command `name`, which calls `run`; returns its parser, for arguments."""
    parser = verbs.add_parser(name, help=what, description=what, formatter_class=formatter)
    parser.set_defaults(run=run)
    return parser


def formatter(prog: str) -> argparse.HelpFormatter:
    """Return what shows the help of a command, as wide as the terminal.

    A parser makes one for each argument, and left to itself it loads `shutil` to ask for the width,
    with all that packs and unpacks archives.
    """
    return argparse.HelpFormatter(prog, width=_columns() - 2)


def _columns() -> int:
    try:
        told = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        told = 0
    if told > 0:
        return told
    screen = sys.__stdout__
    try:
        found = 0 if screen is None else os.get_terminal_size(screen.fileno()).columns
    except (ValueError, OSError):
        found = 0  # it is a file, or closed
    return found or 80


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
