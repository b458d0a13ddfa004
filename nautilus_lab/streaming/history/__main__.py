"""The history writer as a process: ``python -m nautilus_lab.streaming.history --settings FILE``.

The file holds the settings of a workspace as JSON: an address with a password must not stand in a
list of processes. Ends with code 0 on SIGTERM or SIGINT, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import ConfigError, LabError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.telemetry import configure_logging
from nautilus_lab.streaming.history._writer import HistoryWriter

_NICE = 5


def main(arguments: list[str] | None = None) -> int:
    """Write the history until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nautilus_lab.streaming.history", description="Keep what a bus carries."
    )
    add = parser.add_argument
    add("--settings", type=Path, required=True, help="the settings of the workspace, as JSON")
    add("--heartbeat-s", type=float, default=2.0)
    asked = parser.parse_args(arguments)
    os.nice(_NICE)
    try:
        settings = _settings(asked.settings)
        home = Home(settings.home_path).make()
        configure_logging(home.history_files.log, settings.log_level)
        return asyncio.run(_run(HistoryWriter(settings, heartbeat_s=asked.heartbeat_s)))
    except LabError as error:
        sys.stderr.write(f"nautilus_lab.streaming.history: {error}\n")
        return 2


def _settings(path: Path) -> Settings:
    try:
        return Settings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        # a validation error shows the value, which may hold a password
        why = type(error).__name__ if isinstance(error, ValidationError) else str(error)
        raise ConfigError(
            f"the settings of the history writer must be readable: {why}",
            value=str(path),
            remedy="start it as its supervisor does: nautilus-lab node start",
        ) from None


async def _run(writer: HistoryWriter) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await writer.start()
    try:
        await stopping.wait()
    finally:
        await writer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
