"""One spelling for every value, so that equal facts have equal hashes."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from nautilus_lab.exceptions import InputError

_DEEPEST = 32
_INT64 = 2**63
_encoder = msgspec.json.Encoder(order="sorted", decimal_format="string")


def canonical_json(value: object) -> str:
    """Return the one JSON text of `value`.

    Keys are sorted by code point, there is no white space, text stands as it is (UTF-8, no
    normalisation). A Decimal becomes the string of its digits as given, so that ``1.0`` and
    ``1.00`` differ. Floats are refused: their digits depend on who prints them.

    Parameters
    ----------
    value : dict, list, tuple, str, int, bool, Decimal or None
        At most 32 levels deep; dicts have string keys, integers fit 64 bits.

    Raises
    ------
    InputError
        When something else is in it, a NaN or an infinity included; names the place.

    Examples
    --------
    >>> canonical_json({"side": "BUY", "price": Decimal("101.50"), "quantity": 100})
    '{"price":"101.50","quantity":100,"side":"BUY"}'
    """
    _check(value, "value", 0)
    try:
        return _encoder.encode(value).decode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            "text in canonical JSON must be valid Unicode", value=repr(value)
        ) from None


def _check(value: object, place: str, depth: int) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -_INT64 <= value < _INT64:  # type: ignore[operator]  # narrowed by kind
            raise InputError(f"{place} must fit 64 bits in canonical JSON", value=value)
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise InputError(f"{place} must be finite in canonical JSON", value=value)
    elif depth == _DEEPEST:
        raise InputError(f"canonical JSON must be at most {_DEEPEST} levels deep", value=place)
    elif isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise InputError(f"keys of {place} must be text in canonical JSON", value=key)
            if type(item) is not str:  # nearly all of an order's facts are, on its way
                _check(item, f"{place}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{place}[{index}]", depth + 1)
    elif isinstance(value, float):
        raise InputError(
            f"{place} must not be a float in canonical JSON",
            value=value,
            remedy="pass Decimal(str(x)), rounded to what it means",
        )
    else:
        raise InputError(
            f"{place} must be text, a number, a list or a dict in canonical JSON",
            value=kind.__name__,
        )
