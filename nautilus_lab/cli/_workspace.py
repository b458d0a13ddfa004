"""The workspace of a command that must work although its settings cannot be read."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab._root import find_root
from nautilus_lab.exceptions import ConfigError, InputError

if TYPE_CHECKING:
    from nautilus_lab.platform.rundir import Home, RunDirectory

_ELSEWHERE = "go to the folder of the workspace, or name it: nautilus-lab --root FOLDER ..."
# Of a lab.toml that is no TOML.
_HOME = re.compile(r"""^[ \t]*["']?home["']?\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)


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
        """Return the run directories of the trader that was chosen, or of every trader.

        Without settings and without a choice, every trader is meant: to halt too many is the
        smaller harm.

        Raises
        ------
        InputError
            When there is no such trader, or none at all; names the folder that was looked in.
        """
        if every and trader is not None:
            raise InputError(
                "it is one trader or all of them", value=trader, remedy="leave one of the two out"
            )
        known = self.home.trader_ids
        if trader is None and not known:
            raise InputError(
                "no trader has run in this workspace",
                value=str(self.home.path),
                remedy=_ELSEWHERE,
            )
        one = self.trader if trader is None else trader
        if every or one is None:
            return tuple([self.home.trader(name) for name in known])
        rundir = self.home.trader(one)
        if one not in known:
            raise InputError(
                "a trader must be one of this workspace",
                value=f"{one}, looked for in {self.home.path}",
                remedy=f"one of {', '.join(known) or 'none'}; or {_ELSEWHERE}",
            )
        return (rundir,)


def rundirs_of(chosen: argparse.Namespace) -> tuple[RunDirectory, ...]:
    """Return the run directories of the traders that were chosen by ``--all`` or ``--trader``.

    The settings are read only where they say which trader is meant: that takes longer than the
    rest of a kill together.

    Raises
    ------
    ConfigError, InputError
        As `workspace_of` and `Workspace.rundirs` do.
    """
    if not chosen.all and chosen.trader is None:
        return workspace_of(chosen).rundirs(None, every=False)
    from nautilus_lab.platform.rundir import Home

    root = _root_of(chosen)
    workspace = Workspace(home=_lived_in(Home(root / _home_named(root))), trader=None)
    return workspace.rundirs(chosen.trader, every=chosen.all)


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
    from nautilus_lab.platform.rundir import Home

    root = _root_of(chosen)
    try:
        settings = load_settings(chosen.root)
    except ConfigError as error:
        if not root.is_dir():
            raise
        home, trader = Home(root / _home_named(root)), None
        print(f"the settings cannot be read, going on without: {error}", file=sys.stderr)
        print(f"what is meant are the traders in {home.path}", file=sys.stderr)
    else:
        home, trader = Home(settings.home_path), settings.trading.trader_id
    return Workspace(home=_lived_in(home), trader=trader)


def _root_of(chosen: argparse.Namespace) -> Path:
    root: Path | None = chosen.root
    return find_root() if root is None else root.resolve()


def _lived_in(home: Home) -> Home:
    if not home.path.is_dir():
        raise InputError(
            "no lab has run in this workspace", value=str(home.path), remedy=_ELSEWHERE
        )
    return home


def _home_named(root: Path) -> str:
    if named := os.environ.get("NL_HOME"):
        return named
    try:
        # Neither a mark of its encoding nor a byte that is no text may hide what else stands there.
        text = (root / "lab.toml").read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return ".lab"
    import tomllib

    try:
        told = tomllib.loads(text).get("home", ".lab")
    except tomllib.TOMLDecodeError:
        # The key stands before any section, but not all that begins with a bracket is one.
        found = _HOME.search(text.partition("\n[")[0]) or _HOME.search(text)
        return found[1] if found else ".lab"
    return told if isinstance(told, str) else ".lab"
