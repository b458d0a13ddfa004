"""Which column of an answer a text asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab.features._feature import FeatureSpec

# between two names; a plus, for symbols have slashes: EUR/USD
_BETWEEN = {"of": "/", "against": "+"}
_CALL = re.compile(r"(?P<name>[a-z_][a-z0-9_]*)(?:\((?P<given>[^()]*)\))?")
_COLUMN = re.compile(r"(?P<call>[^.()]+(?:\([^()]*\))?)(?:\.(?P<output>.+))?")


def read_call(wanted: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the settings in ``"rsi(timeperiod=7)"``.

    Raises
    ------
    InputError
        When the text is no such call.
    """
    found = _CALL.fullmatch(wanted.replace(" ", ""))
    if found is None:
        raise InputError(
            "a feature is asked for by name",
            value=wanted,
            remedy='write "rsi" or "rsi(timeperiod=7)"',
        )
    settings: dict[str, Any] = {}
    for part in filter(None, (found["given"] or "").split(",")):
        key, _, value = part.partition("=")
        if key in settings:
            raise InputError("a setting is said once", value=wanted, remedy=f"say one {key}")
        if key in _BETWEEN:
            settings[key] = tuple(map(unquote, value.split(_BETWEEN[key])))
        else:
            settings[key] = _number(wanted, value)
    return found["name"], settings


def place_of(column: str, columns: Sequence[str], specs: Sequence[FeatureSpec]) -> int:
    """Return where a column stands, by its label or as its feature was asked for.

    A label leaves out what is as usual, and has a space after each comma: both may be otherwise.

    Raises
    ------
    InputError
        When there is no such column.
    """
    if column in columns:
        return columns.index(column)
    parted = _COLUMN.fullmatch(str(column))
    if parted is not None:
        output = "" if parted["output"] is None else f".{parted['output']}"
        for spec in specs:
            label = _label(parted["call"], spec)
            if label and f"{label}{output}" in columns:
                return columns.index(f"{label}{output}")
    near = get_close_matches(str(column), columns, 3) or columns[:9]
    there = ", ".join(near) + (", ..." if len(near) < len(columns) else "")
    raise InputError("there is no such column", value=column, remedy=f"there are {there}")


def is_column(column: object, columns: Sequence[str], specs: Sequence[FeatureSpec]) -> bool:
    """Return whether there is such a column."""
    try:
        place_of(str(column), columns, specs)
    except InputError:
        return False
    return True


def _label(call: str, spec: FeatureSpec) -> str:
    """Return the label of a feature with the settings of a call; empty when it is another's."""
    try:
        name, settings = read_call(call)
        return spec.feature(**settings).label if name == spec.feature.name else ""
    except InputError:
        return ""


def _number(wanted: str, text: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise InputError("a setting must be a number", value=wanted, remedy='"rsi(timeperiod=7)"')
