"""The name of the user of this process, who owns the latches."""

from __future__ import annotations

import getpass
import os
import re

_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")


def owner_name() -> str:
    """Return the user's name, or ``"uid-1000"`` where it has none that can be read."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        name = ""
    return name if is_name(name) else f"uid-{os.getuid()}"


def is_name(name: object) -> bool:
    """Whether this can be the name of somebody: 1 to 128 characters that can be seen."""
    # What cannot be seen makes one name look like another, and two of one person.
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and name.isprintable()
