"""The supervisor's process: `python -m nautilus_lab.trading.supervisor --home DIR [--detach]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import Home


def main() -> int:
    """Supervise until nothing is left to keep."""
    parser = argparse.ArgumentParser(prog="python -m nautilus_lab.trading.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--detach", action="store_true", help="leave the caller at once")
    parser.add_argument("--log-level", default="INFO")
    arguments = parser.parse_args()
    home = Home(arguments.home.absolute()).make()
    os.chdir("/")  # nobody's folder is kept busy
    os.umask(0o077)
    if arguments.detach and os.fork():
        # The caller may wait for us; the child goes on as nobody's child.
        os._exit(0)
    os.environ.pop("JPY_PARENT_PID", None)

    from nautilus_lab.platform.telemetry import configure_logging

    configure_logging(home.logs / "supervisor.log", arguments.log_level)
    try:
        asyncio.run(_run(home))
    except LabError as error:
        print(error, file=sys.stderr)  # noqa: T201 - it goes to the supervisor's own log
        return 2
    return 0


async def _run(home: Home) -> None:
    from nautilus_lab.trading.supervisor._supervisor import Supervisor

    supervisor = Supervisor(home)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, supervisor.end)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    await supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
