"""Numbers as people write them, as exact decimals."""

from __future__ import annotations

import math
import numbers
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from nautilus_lab.exceptions import InputError

Number: TypeAlias = int | float | str | Decimal

_DIGITS = 15  # so many decimal digits every float keeps


def exact(what: str, value: Number) -> Decimal:
    """Return `value` as a decimal, never rounded.

    A float stands for the shortest decimal that reads as it: 0.1 is one tenth. One that has no
    such decimal of 15 digits is the trace of arithmetic, and which number was meant is not known.

    Raises
    ------
    InputError
        When it is not a finite number, or a float that is not exact.

    Examples
    --------
    >>> exact("limit_price", 190.15)
    Decimal('190.15')
    >>> exact("limit_price", 0.1 + 0.2)
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.InputError: limit_price must be exact; got 0.30000000000000004; pass a \
Decimal or text, or round it to the tick
    """
    if isinstance(value, bool):
        raise _no_number(what, value)
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        number = _read(what, value)
    elif isinstance(value, numbers.Integral):
        number = Decimal(int(value))
    elif isinstance(value, numbers.Real):
        number = _of_float(what, float(value))
    else:
        raise _no_number(what, value)
    if not number.is_finite():
        raise InputError(f"{what} must be finite", value=value, remedy="pass a number")
    return number


def _read(what: str, text: str) -> Decimal:
    # Decimal reads underscores and the digits of every script; nobody trades in those.
    if not text.isascii() or "_" in text:
        raise _no_number(what, text)
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise _no_number(what, text) from None


def _of_float(what: str, value: float) -> Decimal:
    shown = format(value, f".{_DIGITS}g")
    if math.isfinite(value) and float(shown) != value:
        raise InputError(
            f"{what} must be exact",
            value=value,
            remedy="pass a Decimal or text, or round it to the tick",
        )
    return Decimal(shown)


def _no_number(what: str, value: object) -> InputError:
    return InputError(f"{what} must be a number", value=value, remedy='pass 100, "190.15", ...')
