"""Which code, and which packages, tried something."""

from __future__ import annotations

import functools
import importlib
import inspect
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nautilus_lab.trials._digest import digest_of

_PACKAGES = (
    "nautilus-lab", "nautilus-trader", "numba", "numpy", "pandas", "scikit-learn", "scipy",
    "statsmodels", "ta-lib", "vectorbt",
)  # fmt: skip


@functools.cache
def code_of(folder: Path) -> dict[str, Any]:
    """Return interpreter, packages and revisions, as plain data.

    Asked once a process: what a kernel has imported does not change under it.

    Parameters
    ----------
    folder : path
        Of the workspace.
    """
    from importlib.metadata import PackageNotFoundError, version

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "packages": packages,
        "library": _revision(Path(__file__).parent),
        "workspace": _revision(folder),
    }


def _revision(folder: Path) -> str:
    """Return the revision a folder is at, `+` if it was changed since; empty outside of any."""
    try:
        asked = [
            subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10
            )
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "-uno"))
        ]
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if asked[0].returncode:
        return ""
    return asked[0].stdout.strip() + ("+" if asked[1].stdout.strip() else "")


def place_of(function: Callable[..., Any]) -> str:
    """Return where a function is found again: ``module:name``; empty when it is not."""
    body = inspect.unwrap(function)
    module, name = getattr(body, "__module__", ""), getattr(body, "__qualname__", "")
    if not module or not name or "<" in name:
        return ""
    place = f"{module}:{name}"
    try:
        found = inspect.unwrap(found_at(place))
    except (ImportError, AttributeError):
        return ""
    return place if found is body else ""


def found_at(place: str) -> Any:
    """Return what stands at ``module:name``; raises ImportError or AttributeError."""
    module, _, name = place.partition(":")
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def source_digest(function: Callable[..., Any]) -> str:
    """Return a hash of the text of a function; empty when it is not to be had."""
    try:
        return digest_of(inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError):
        return ""
