"""What a notebook takes as parameters, checked before anything runs."""

from __future__ import annotations

import ast
import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nautilus_lab.exceptions import InputError

# An output notebook stores its parameters as plain text, and so does the ledger.
_SECRET_NAME = re.compile(
    r"(^|_)(pass(word|wd|phrase)?|pwd|secrets?|tokens?|credentials?|bearer|auth"
    r"|(api|access|private|signing|account)_?keys?)(_|$)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"  # PEM
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\."  # JSON web token
    r"|\b(sk|pk|rk)[-_](live|test|proj|ant)[-_]\w+|\bgh[pousr]_\w{20,}|\bxox[abprs]-\w+"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\w://[^/\s:@]+:[^/\s@]+@"  # a password in an address
    r"|^[0-9a-f]{32}$",  # the form of a FRED key
)


def declared_parameters(notebook: Path) -> dict[str, Any]:
    """Return the parameters a notebook declares, with their defaults.

    Parameters
    ----------
    notebook : Path
        The cell tagged ``parameters`` is read, not run: each assignment in it is a parameter.
        A default that is no literal shows as `...`.

    Raises
    ------
    InputError
        When the file is no notebook, or its parameters cell is no Python.
    """
    try:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", ())]
        source = "\n".join("".join(cell["source"]) for cell in tagged)
        tree = ast.parse(source)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise InputError(
            f"a notebook must be readable: {type(error).__name__}: {error}",
            value=str(notebook),
            remedy="open it in JupyterLab and save it again",
        ) from None
    declared: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            names = [t.id for t in statement.targets if isinstance(t, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names = [statement.target.id]
        else:
            continue
        declared.update(dict.fromkeys(names, _default(statement.value)))
    return declared


def _default(node: ast.expr | None) -> Any:
    try:
        return ... if node is None else ast.literal_eval(node)
    except ValueError:
        return ...


def check_parameters(given: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    """Refuse what the notebook would ignore, misread or publish.

    Raises
    ------
    InputError
        When a name is not declared, looks like a secret's or carries what looks like one, when a
        value is not plain data, not finite, or of another kind than its default.
    """
    for name, value in given.items():
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            raise InputError(
                f"the notebook must declare the parameter: it has {', '.join(declared) or 'none'}",
                value=name,
                remedy=f"did you mean {near[0]}?" if near else "see its cell tagged 'parameters'",
            )
        if _SECRET_NAME.search(name) or any(_SECRET_VALUE.search(t) for t in _texts(value)):
            raise InputError(
                "a parameter must not carry a secret: it would stand in the output and the ledger",
                value=name,
                remedy="put the secret into the environment and read it there",
            )
        if not _is_plain(value):
            raise InputError(
                f"{name} must be plain data: text, finite number, true, false, none, list or dict",
                value=value,
                remedy="pass what JSON can say",
            )
        if not _fits(value, declared[name]):
            raise InputError(
                f"{name} must be of the kind of its default, {declared[name]!r}",
                value=value,
                remedy="see the notebook's cell tagged 'parameters'",
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, (str, int))


def _fits(value: Any, default: Any) -> bool:
    if value is None or default is None or default is ...:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    if isinstance(default, (list, tuple)):
        return isinstance(value, (list, tuple))
    return isinstance(value, type(default))
