"""Where the latches of a lab's traders are."""

from __future__ import annotations

import os
import re

from nautilus_lab.exceptions import InputError

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TRADERS = "traders"


class TraderFolder:
    """What a kill needs to know of a trader's run directory; `RunDirectory` knows all of it.

    ==============  ==================================================================
    `path`          the folder
    `trader_id`     whose it is
    `latch`         the kill latch: what the trader may do
    `store`         ``trading.db``, which is there once the trader has traded
    `resume_asked`  who asked to resume a killed trader; absent when nobody did
    ==============  ==================================================================
    """

    __slots__ = ("latch", "path", "resume_asked", "store", "trader_id")

    def __init__(self, path: str, trader_id: str) -> None:
        self.path = path
        self.trader_id = trader_id
        self.latch = os.path.join(path, "kill.latch")
        self.store = os.path.join(path, "trading.db")
        self.resume_asked = os.path.join(path, "resume.json")

    def __repr__(self) -> str:
        return f"TraderFolder({self.path!r}, {self.trader_id!r})"


def trader_folder(home: str | os.PathLike[str], trader_id: str) -> TraderFolder:
    """Return the folder of `trader_id` below a lab's home, made or not.

    Raises
    ------
    InputError
        When the id is no plain name: with it a path would lead elsewhere.
    """
    if not _PLAIN.fullmatch(trader_id):
        raise InputError(
            "a trader id must be a plain name", value=trader_id, remedy='write "PAPER-001"'
        )
    return TraderFolder(os.path.join(home, _TRADERS, trader_id), trader_id)


def trader_folders(home: str | os.PathLike[str]) -> dict[str, TraderFolder]:
    """Return the folder of every trader that has one, by id, sorted."""
    try:
        with os.scandir(os.path.join(home, _TRADERS)) as entries:
            names = sorted(one.name for one in entries if one.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {name: trader_folder(home, name) for name in names if _PLAIN.fullmatch(name)}
