"""What a refusal calls by the name of an argument in Python, by the name of its option instead."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable

from nautilus_lab.exceptions import LabError

Run = Callable[[argparse.Namespace], "int | None"]

# argument -> option; what a body calls a field, `order()` calls its argument
_OPTIONS = {
    "order_type": "--type",
    "limit_price": "--limit",
    "trigger_price": "--trigger",
    "activation_price": "--activation",
    "trailing_offset": "--trailing-offset",
    "limit_offset": "--limit-offset",
    "offset_type": "--offset-type",
    "time_in_force": "--lasts",
    "expires_ns": "--expires",
    "expires": "--expires",
    "post_only": "--post-only",
    "reduce_only": "--reduce-only",
    "emulate": "--emulate",
    "algorithm": "--algorithm",
    "parameters": "-p",
    "take_profit": "--take-profit",
    "stop_loss": "--stop-loss",
    "client_order_id": "ORDER",
    "command_id": "--command",
}
# These are words, too: they are options only where a value follows, or something is asked for.
_WORDS = frozenset({"expires", "emulate", "algorithm", "parameters"})
_INSTANT = "2026-03-02T21:00:00+00:00"
_GIVEN = re.compile(rf"\b({'|'.join(_OPTIONS)})=(?:'([^']*)'|\.\.\.)")
_NAMED = re.compile(rf"\b({'|'.join(name for name in _OPTIONS if name not in _WORDS)})\b")


def naming_options(run: Run) -> Run:
    """Return `run` with refusals that a shell's user can follow."""

    @functools.wraps(run)
    def told(chosen: argparse.Namespace) -> int | None:
        try:
            return run(chosen)
        except LabError as error:
            raise type(error)(
                in_options(error.rule), value=error.value, remedy=in_options(error.remedy)
            ) from None

    return told


def in_options(text: str) -> str:
    """Return a rule or a remedy with the options of `nautilus-lab order` in it.

    Examples
    --------
    >>> in_options("a STOP_MARKET order needs trigger_price; pass trigger_price")
    'a STOP_MARKET order needs --trigger; pass --trigger'
    >>> in_options("pass algorithm='TWAP'")
    'pass --algorithm TWAP'
    """
    text = text.replace("datetime(..., tzinfo=UTC)", f"--expires {_INSTANT}")
    text = text.replace("leave emulate out", "leave --emulate out")
    text = text.replace("pass quantity,", "pass --quantity,")
    text = _GIVEN.sub(lambda m: f"{_OPTIONS[m[1]]} {m[2] or _INSTANT}", text)
    return _NAMED.sub(lambda m: _OPTIONS[m[1]], text)
