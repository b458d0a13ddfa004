"""What a command's body and its answer look like on the wire, written for people."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from nautilus_lab.platform.messages import Envelope

_PLAIN = {
    str: "text",
    Decimal: "decimal",
    int: "integer",
    float: "number",
    bool: "true or false",
    NoneType: "null",
    object: "anything",
    Any: "anything",
    Envelope: "[envelope](protocol.md#messages)",
}


def written(kind: Any) -> str:
    """Return a type as the documentation names it; a struct is a link to its heading.

    Examples
    --------
    >>> written(tuple[Decimal, ...] | None)
    'list of decimal, or null'
    """
    if kind is None:
        return "null"
    if kind in _PLAIN:
        return _PLAIN[kind]
    of, parts = get_origin(kind), get_args(kind)
    if of is Literal:
        return ", ".join(f"`{choice}`" for choice in parts)
    if of in (Union, UnionType):
        return ", or ".join(map(written, parts))
    if of in (tuple, list):
        return f"list of {written(parts[0])}"
    if of is dict:
        return f"map of {written(parts[0])} to {written(parts[1])}"
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def structs(*kinds: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield every struct that is one of `kinds` or inside of one, each once."""
    seen: dict[type[msgspec.Struct], None] = {}
    for kind in kinds:
        yield from _inside(kind, seen)


def _inside(kind: Any, seen: dict[type[msgspec.Struct], None]) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        seen[kind] = None
        if kind is not Envelope:
            yield kind
            for field in msgspec.structs.fields(kind):
                yield from _inside(field.type, seen)
    for part in get_args(kind):
        yield from _inside(part, seen)


def described(struct: type[msgspec.Struct]) -> str:
    """Return a heading, the first line of what a struct says of itself, and its fields."""
    about = inspect.getdoc(struct) or ""
    lines = [f"### {struct.__name__}", "", re.split(r"\n\s*\n", about)[0].replace("\n", " "), ""]
    fields = msgspec.structs.fields(struct)
    if not fields:
        return "\n".join([*lines, "It has no field."])
    lines += ["| Field | Type | Default |", "|---|---|---|"]
    lines += [f"| `{f.name}` | {written(f.type)} | {_default(f)} |" for f in fields]
    return "\n".join(lines)


def _default(field: Any) -> str:
    if field.required:
        return "must be given"
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return f"`{msgspec.json.encode(default).decode()}`"
