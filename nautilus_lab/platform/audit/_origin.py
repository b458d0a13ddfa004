"""Which process of which code writes a trail."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from importlib.metadata import version
from pathlib import Path


def origin() -> dict[str, object]:
    """Return what the row of a process' beginning says of it.

    Returns
    -------
    dict
        ``version`` and ``code`` of the package, the latter a SHA-256 over its sources: what runs,
        whatever its version says; ``python``, ``host``, ``pid``.
    """
    return {
        "version": version("nautilus-lab"),
        "code": _code_hash(),
        "python": platform.python_version(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def _code_hash() -> str:
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
