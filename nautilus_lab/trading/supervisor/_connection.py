"""The connection file of a kernel whose sockets are files."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from nautilus_lab.platform.rundir import socket_path, write_whole


def write_connection_file(path: Path) -> None:
    """Write a Jupyter connection file with ipc sockets beside it and a fresh key, 0600.

    Kernel sockets over TCP are readable by every user of the machine; these are files in a
    private folder.
    """
    prefix = socket_path(path.parent, "kernel")
    for number in range(1, 6):
        Path(f"{prefix}-{number}").unlink(missing_ok=True)
    content = {
        "transport": "ipc",
        "ip": str(prefix),
        "shell_port": 1,
        "iopub_port": 2,
        "stdin_port": 3,
        "control_port": 4,
        "hb_port": 5,
        "key": secrets.token_hex(32),
        "signature_scheme": "hmac-sha256",
        "kernel_name": "nautilus-node",
    }
    write_whole(path, msgspec.json.encode(content))
