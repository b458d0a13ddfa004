"""How a command is added to the command line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import TypeAlias

    Verbs: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Verbs = object


def add_verb(
    verbs: Verbs, name: str, run: Callable[[argparse.Namespace], int | None], what: str
) -> argparse.ArgumentParser:
    """Add the command `name`, which calls `run`; returns its parser, for arguments."""
    parser = verbs.add_parser(name, help=what, description=what)
    parser.set_defaults(run=run)
    return parser
