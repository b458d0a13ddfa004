"""The whole traceback, on request: our errors show only three lines of themselves."""

from __future__ import annotations

import sys
import traceback as standard
from typing import Any


def traceback() -> None:
    """Print the full traceback of the last error, in IPython or in plain Python.

    A `LabError` shows in a notebook as three lines: rule, value, what to do. Call this in the next
    cell to see where it came from. Inside an ``except`` block it prints the error being handled.

    Examples
    --------
    >>> from nautilus_lab.exceptions import InputError
    >>> try:
    ...     raise InputError("window must be at least 2", value=1)
    ... except InputError:
    ...     traceback()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.InputError: window must be at least 2; got 1
    """
    error = sys.exception() or getattr(sys, "last_exc", None)
    if error is None:
        sys.stdout.write("No error has happened yet.\n")
        return
    shell = _shell()
    if shell is None:
        text = "".join(standard.format_exception(error))
    else:
        # Past the error's own three lines: the formatter is asked directly.
        formatter = shell.InteractiveTB
        lines = formatter.structured_traceback(type(error), error, error.__traceback__)
        text = formatter.stb2text(lines)
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def _shell() -> Any:
    # A shell can only be running if something has imported IPython already.
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None
