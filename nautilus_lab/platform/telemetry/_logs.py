"""The log of a process: one file that rotates, without secrets."""

from __future__ import annotations

import logging
import os
import time
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.telemetry._redaction import redacted

_MOST_BYTES = 10_000_000
_BACKUPS = 5
# libraries that say at each start what all is well with
_TALKATIVE = ("alembic",)


def configure_logging(path: Path, level: str = "INFO") -> None:
    """Send every log line of this process to the file `path`.

    The file is readable by its owner only, is renamed at 10 MB and followed by a new one, and
    five old ones are kept. Times are UTC. What looks like a secret is hidden. Calling it again
    moves the log.

    Parameters
    ----------
    path : Path
        The file; each process needs one of its own. Its folder must exist.
    level : str, default="INFO"
        The least level that is written: DEBUG, INFO, WARNING or ERROR.

    Raises
    ------
    InputError
        When `level` is none of these.
    StoreError
        When the file cannot be written.
    """
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise InputError("a log level must be DEBUG, INFO, WARNING or ERROR", value=level)
    try:
        handler = _PrivateFile(
            path, maxBytes=_MOST_BYTES, backupCount=_BACKUPS, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise StoreError(
            f"a log must be writable: {error.strerror}",
            value=str(path),
            remedy="check the folder's owner and mode",
        ) from None
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    for earlier in [h for h in root.handlers if isinstance(h, _PrivateFile)]:
        root.removeHandler(earlier)
        earlier.close()
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        return open(
            self.baseFilename,
            "a",
            encoding=self.encoding,
            errors=self.errors,
            opener=lambda name, flags: os.open(name, flags | os.O_CLOEXEC, 0o600),
        )


class _Lines(logging.Formatter):
    """One record, one line; a traceback follows indented, so no message can pose as a record."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
        )

    def format(self, record: logging.LogRecord) -> str:
        # The whole text, so that arguments and tracebacks are covered too.
        return redacted(super().format(record)).replace("\r", "\\r").replace("\n", "\n    ")
