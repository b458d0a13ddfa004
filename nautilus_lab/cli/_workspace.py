"""The workspace of a command that must work although its settings cannot be read."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.cli._home import chosen_ids, home_without_settings, lived_in, root_of
from nautilus_lab.exceptions import ConfigError
from nautilus_lab.platform.rundir import Home, RunDirectory


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace that a lab has run in.

    Attributes
    ----------
    home : Home
        Its run directories.
    trader : str or None
        The trader that its settings name; None where they cannot be read.
    """

    home: Home
    trader: str | None

    def rundirs(self, trader: str | None, *, every: bool) -> tuple[RunDirectory, ...]:
        """Return the run directories of the traders that `chosen_ids` means; raises as it does."""
        known, home = self.home.trader_ids, os.fspath(self.home.path)
        chosen = chosen_ids(known, trader, every=every, own=self.trader, home=home)
        return tuple([self.home.trader(name) for name in chosen])


def workspace_of(chosen: argparse.Namespace) -> Workspace:
    """Return the workspace; where the settings cannot be read, as good as can be, and say so.

    Raises
    ------
    ConfigError
        When the workspace is no folder.
    InputError
        When no lab has run there; names the folder that was looked in.
    """
    from nautilus_lab.config import load_settings

    root = root_of(chosen)
    try:
        settings = load_settings(chosen.root)
    except ConfigError as error:
        if not os.path.isdir(root):
            raise
        home, trader = home_without_settings(root), None
        print(f"the settings cannot be read, going on without: {error}", file=sys.stderr)
        print(f"what is meant are the traders in {home}", file=sys.stderr)
    else:
        home, trader = os.fspath(settings.home_path), settings.trading.trader_id
    return Workspace(home=Home(Path(lived_in(home))), trader=trader)
