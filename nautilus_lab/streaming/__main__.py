"""A gateway as a process: ``python -m nautilus_lab.streaming --home PATH --number N``.

Ends with code 0 on SIGTERM or SIGINT, 2 when it could not start. It runs on uvloop and behind the
nodes of its machine (`os.nice`): a viewer can wait, an order cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

import uvloop
from pydantic import ValidationError

from nautilus_lab.config import AuditSettings, StreamingSettings
from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.telemetry import configure_logging
from nautilus_lab.streaming._gateway import Gateway

_NICE = 5


def main(arguments: list[str] | None = None) -> int:
    """Run a gateway until it is told to stop; return the exit code."""
    asked = _parser().parse_args(arguments)
    os.nice(_NICE)
    _allow_many_connections()
    try:
        settings = StreamingSettings(
            host=asked.host,
            port=asked.port,
            conflate_ms=asked.conflate_ms,
            token_minutes=asked.token_minutes,
            heartbeat_s=asked.heartbeat_s,
        )
        audit = AuditSettings.model_validate_json(asked.audit)
        home = Home(asked.home).make()
        configure_logging(home.gateway_files(asked.number).log, asked.log_level)
        gateway = Gateway(home=home, settings=settings, number=asked.number, audit=audit)
        return uvloop.run(_run(gateway))
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


def _allow_many_connections() -> None:
    # A shell's soft limit is often 1,024 files; the hard one is what the machine allows.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _parser() -> argparse.ArgumentParser:
    defaults = StreamingSettings()
    parser = argparse.ArgumentParser(
        prog="python -m nautilus_lab.streaming", description="Run a stream gateway of a lab."
    )
    add = parser.add_argument
    add("--home", type=Path, required=True, help="the folder of the lab's run directories")
    add("--number", type=int, default=1, help="which of the home's gateways, from 1")
    add("--host", default=defaults.host)
    add("--port", type=int, default=defaults.port, help="of the first gateway; 0 takes a free one")
    add("--conflate-ms", type=int, default=defaults.conflate_ms)
    add("--token-minutes", type=int, default=defaults.token_minutes)
    add("--heartbeat-s", type=float, default=defaults.heartbeat_s)
    add("--audit", default="{}", help="the settings of the audit trail, as JSON")
    add("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
