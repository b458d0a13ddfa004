"""What measures for limits, as a process: ``python -m nautilus_lab.trading.measures --home PATH``.

Ends with code 0 on SIGTERM or SIGINT, 2 when it could not start. It runs behind the nodes of its
machine (`os.nice`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

# One thread for BLAS: a measure can wait, the nodes whose cores it shares cannot.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from nautilus_lab.exceptions import LabError  # noqa: E402
from nautilus_lab.platform.rundir import Home  # noqa: E402
from nautilus_lab.platform.telemetry import configure_logging  # noqa: E402
from nautilus_lab.trading.measures._keeper import MeasureKeeper  # noqa: E402

_NICE = 10


def main(arguments: list[str] | None = None) -> int:
    """Measure until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nautilus_lab.trading.measures", description="Measure what limits need."
    )
    add = parser.add_argument
    add("--home", type=Path, required=True, help="the folder of the lab's run directories")
    add("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    asked = parser.parse_args(arguments)
    os.nice(_NICE)
    try:
        home = Home(asked.home).make()
        configure_logging(home.measurer_files.log, asked.log_level)
        return asyncio.run(_run(MeasureKeeper(home)))
    except LabError as error:
        sys.stderr.write(f"nautilus_lab.trading.measures: {error}\n")
        return 2


async def _run(keeper: MeasureKeeper) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await keeper.run(stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
