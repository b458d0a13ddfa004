"""How one value is written in a table or a card."""

from __future__ import annotations

import datetime
import html
import math
import numbers
from collections.abc import Callable
from typing import TypeAlias

# a format specification (".2%", ",.0f") or a function that writes the value
Format: TypeAlias = str | Callable[[object], str]

MISSING = "—"


def escape(value: object) -> str:
    """Return `value` as text that is safe between HTML tags and in quoted attributes.

    Examples
    --------
    >>> escape("<b>AT&T</b>")
    '&lt;b&gt;AT&amp;T&lt;/b&gt;'
    """
    return html.escape(str(value), quote=True)


def format_value(value: object, form: Format | None = None) -> str:
    """Write one value: a number by `form`, a missing one as a dash, a midnight as a date.

    Parameters
    ----------
    value : object
        What to write.
    form : str or callable, optional
        A format specification for numbers, or a function of the value.

    Examples
    --------
    >>> format_value(0.1234, ".1%"), format_value(float("nan"), ".1%"), format_value(12345)
    ('12.3%', '—', '12,345')
    """
    if is_missing(value):
        return MISSING
    if callable(form):
        return form(value)
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time(0)
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, bool) or not is_number(value):
        return str(value)
    if form is not None:
        return _minus(f"{value:{form}}")
    if isinstance(value, numbers.Integral):
        return _minus(f"{int(value):,d}")
    return _minus(f"{value:,.4g}")


def is_number(value: object) -> bool:
    """Whether `value` is written as a number, aligned right."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_missing(value: object) -> bool:
    """Whether `value` stands for nothing: None, NaN or NaT."""
    if value is None:
        return True
    if isinstance(value, numbers.Real):
        return math.isnan(value)
    # NaT is the only other value of ours that differs from itself.
    return isinstance(value, datetime.datetime) and value != value


def _minus(text: str) -> str:
    # A true minus sign is as wide as a digit, so that columns line up; "-0.00" has none.
    negative = text.startswith("-")
    if negative and not text.strip("-0.,%e+"):
        return text[1:]
    return f"\N{MINUS SIGN}{text[1:]}" if negative else text
