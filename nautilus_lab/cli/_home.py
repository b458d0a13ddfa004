"""Where the traders of a workspace are, also when its settings cannot be read.

A kill needs this before its latches are on the disk, and waits for what this file loads.
"""

from __future__ import annotations

import os
import re

from nautilus_lab._root import root_from
from nautilus_lab.exceptions import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

_ELSEWHERE = "go to the folder of the workspace, or name it: nautilus-lab --root FOLDER ..."
# Of a lab.toml that is no TOML.
_HOME = re.compile(r"""^[ \t]*["']?home["']?\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)


def root_of(chosen: argparse.Namespace) -> str:
    """Return the workspace that was chosen, or the one that is found from here."""
    return root_from(os.curdir) if chosen.root is None else os.path.realpath(chosen.root)


def home_without_settings(root: str) -> str:
    """Return the home that the environment or the text of a `lab.toml` names."""
    return os.path.join(root, _home_named(root))


def lived_in(home: str) -> str:
    """Return `home`, in which a lab has run.

    Raises
    ------
    InputError
        When none has; names the folder that was looked in.
    """
    if not os.path.isdir(home):
        raise InputError("no lab has run in this workspace", value=home, remedy=_ELSEWHERE)
    return home


def chosen_ids(
    known: Collection[str], trader: str | None, *, every: bool, own: str | None, home: str
) -> tuple[str, ...]:
    """Return which traders are meant: the one that was chosen, or every trader, or `own`.

    Without settings and without a choice, every trader is meant: to halt too many is the
    smaller harm.

    Parameters
    ----------
    known : collection of str
        The traders that there are.
    trader : str or None
        The one that was chosen.
    every : bool
        Whether all were.
    own : str or None
        The one that the settings name; None where they were not read.
    home : str
        Where they were looked for.

    Raises
    ------
    InputError
        When there is no such trader, or none at all; names the folder that was looked in.
    """
    if every and trader is not None:
        raise InputError(
            "it is one trader or all of them", value=trader, remedy="leave one of the two out"
        )
    if trader is None and not known:
        raise InputError("no trader has run in this workspace", value=home, remedy=_ELSEWHERE)
    one = own if trader is None else trader
    if every or one is None:
        return tuple(known)
    if one not in known:
        raise InputError(
            "a trader must be one of this workspace",
            value=f"{one}, looked for in {home}",
            remedy=f"one of {', '.join(known) or 'none'}; or {_ELSEWHERE}",
        )
    return (one,)


def _home_named(root: str) -> str:
    if named := os.environ.get("NL_HOME"):
        return named
    try:
        with open(os.path.join(root, "lab.toml"), "rb") as file:
            data = file.read()
    except OSError:
        return ".lab"
    # A key is written as it is, or with an escape; to read TOML takes as long as all else here.
    if b"home" not in data and b"\\" not in data:
        return ".lab"
    # Neither a mark of its encoding nor a byte that is no text may hide what else stands there.
    text = data.decode("utf-8-sig", "replace")
    import tomllib

    try:
        told = tomllib.loads(text).get("home", ".lab")
    except tomllib.TOMLDecodeError:
        # The key stands before any section, but not all that begins with a bracket is one.
        found = _HOME.search(text.partition("\n[")[0]) or _HOME.search(text)
        return found[1] if found else ".lab"
    return told if isinstance(told, str) else ".lab"
