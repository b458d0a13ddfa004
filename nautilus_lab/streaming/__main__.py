"""The gateway as a process: ``python -m nautilus_lab.streaming --home PATH``.

Ends with code 0 on SIGTERM or SIGINT, 2 when it could not start.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.streaming._gateway import Gateway

_log = logging.getLogger("nautilus_lab.streaming")


def main(arguments: list[str] | None = None) -> int:
    """Run a gateway until it is told to stop; return the exit code."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("picows").setLevel(logging.WARNING)
    try:
        settings = StreamingSettings(
            host=asked.host,
            port=asked.port,
            conflate_ms=asked.conflate_ms,
            token_minutes=asked.token_minutes,
            heartbeat_s=asked.heartbeat_s,
        )
        return asyncio.run(_run(Gateway(home=Home(asked.home), settings=settings)))
    except (LabError, ValidationError) as error:
        sys.stderr.write(f"nautilus_lab.streaming: {error}\n")
        return 2


async def _run(gateway: Gateway) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await gateway.start()
    try:
        await stopping.wait()
    finally:
        await gateway.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = StreamingSettings()
    parser = argparse.ArgumentParser(
        prog="python -m nautilus_lab.streaming", description="Run the stream gateway of a lab."
    )
    add = parser.add_argument
    add("--home", type=Path, required=True, help="the folder of the lab's run directories")
    add("--host", default=defaults.host)
    add("--port", type=int, default=defaults.port, help="0 takes a free one")
    add("--conflate-ms", type=int, default=defaults.conflate_ms)
    add("--token-minutes", type=int, default=defaults.token_minutes)
    add("--heartbeat-s", type=float, default=defaults.heartbeat_s)
    return parser


if __name__ == "__main__":
    sys.exit(main())
