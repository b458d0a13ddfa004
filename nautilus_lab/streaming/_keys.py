"""Finds keys that come twice in one map: readers would disagree about which one counts.

The decoders of msgspec take the last and say nothing. What is looked at here was decoded before,
so its form is right and its nesting bounded.
"""

from __future__ import annotations

import json

import msgspec

from nautilus_lab.client.protocol import Encoding
from nautilus_lab.exceptions import MessageError

# What follows the first byte of a msgpack item: (bytes of its length, bytes beside the content)
_SIZED = {
    **dict.fromkeys((0xC4, 0xD9), (1, 0)),
    **dict.fromkeys((0xC5, 0xDA), (2, 0)),
    **dict.fromkeys((0xC6, 0xDB), (4, 0)),
    0xC7: (1, 1),
    0xC8: (2, 1),
    0xC9: (4, 1),
}
_FIXED = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), 0),
    **dict.fromkeys((0xCC, 0xD0), 1),
    **dict.fromkeys((0xCD, 0xD1, 0xD4), 2),
    **dict.fromkeys((0xCA, 0xCE, 0xD2), 4),
    0xD5: 3,
    0xD6: 5,
    0xD7: 9,
    0xD8: 17,
    **dict.fromkeys((0xCB, 0xCF, 0xD3), 8),
}


def refuse_repeated_keys(data: bytes, encoding: Encoding) -> None:
    """Do nothing if every map of a decodable message has each key once.

    Raises
    ------
    MessageError
        When a key comes twice.
    """
    if encoding == "json":
        json.loads(data, object_pairs_hook=_once)
    else:
        _walk(data, 0)


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise _twice()


def _walk(data: bytes, at: int) -> int:
    """Return where the item that begins at `at` ends."""
    first, at = data[at], at + 1
    if first < 0x80 or first >= 0xE0:  # a small integer
        return at
    if first < 0x90:
        return _walk_map(data, at, first & 0xF)
    if first < 0xA0:
        return _walk_items(data, at, first & 0xF)
    if first < 0xC0:  # a short text
        return at + (first & 0x1F)
    if first in _FIXED:
        return at + _FIXED[first]
    if first in _SIZED:
        size, beside = _SIZED[first]
        return at + size + beside + int.from_bytes(data[at : at + size])
    size = 2 if first in (0xDC, 0xDE) else 4
    count = int.from_bytes(data[at : at + size])
    return (_walk_map if first >= 0xDE else _walk_items)(data, at + size, count)


def _walk_items(data: bytes, at: int, count: int) -> int:
    for _ in range(count):
        at = _walk(data, at)
    return at


def _walk_map(data: bytes, at: int, count: int) -> int:
    keys = set()
    for _ in range(count):
        end = _walk(data, at)
        keys.add(msgspec.msgpack.decode(data[at:end]))
        at = _walk(data, end)
    if len(keys) < count:
        raise _twice()
    return at


def _twice() -> MessageError:
    return MessageError("a message must have each key once", remedy="see docs/protocol.md")
