"""The monitor as a process: ``python -m nautilus_lab.monitoring --settings FILE``.

The file holds the settings of a workspace as JSON: secrets must not stand in a list of processes.
Ends with code 0 on SIGTERM or SIGINT, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import ConfigError, LabError
from nautilus_lab.monitoring._monitor import Monitor
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.telemetry import configure_logging


def main(arguments: list[str] | None = None) -> int:
    """Monitor until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nautilus_lab.monitoring", description="Deliver the alerts of a lab."
    )
    parser.add_argument(
        "--settings", type=Path, required=True, help="the settings of the workspace, as JSON"
    )
    asked = parser.parse_args(arguments)
    try:
        settings = _settings(asked.settings)
        home = Home(settings.home_path).make()
        configure_logging(home.monitor_files.log, settings.log_level)
        return asyncio.run(_run(settings))
    except LabError as error:
        sys.stderr.write(f"nautilus_lab.monitoring: {error}\n")
        return 2


def _settings(path: Path) -> Settings:
    try:
        return Settings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        # a validation error shows the value, which may hold a password
        why = type(error).__name__ if isinstance(error, ValidationError) else str(error)
        raise ConfigError(
            f"the settings of the monitor must be readable: {why}",
            value=str(path),
            remedy="start it as its supervisor does: nautilus-lab node start",
        ) from None


async def _run(settings: Settings) -> int:
    monitor = Monitor(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await monitor.start()
    try:
        ends = [asyncio.create_task(e.wait()) for e in (stopping, monitor.lost)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
    finally:
        await monitor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
