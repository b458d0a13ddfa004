"""The node's process: `python -m nautilus_lab.trading.node -f FILE [--settings FILE]`.

Without ``--settings``, as the kernelspec starts it, it takes the workspace's own settings.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# One thread for BLAS: a live process shares its cores with the venue, the gateway and viewers.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from nautilus_lab.config import Settings, load_settings  # noqa: E402
from nautilus_lab.platform.rundir import Home  # noqa: E402
from nautilus_lab.platform.telemetry import configure_logging  # noqa: E402
from nautilus_lab.trading.node._app import launch  # noqa: E402
from nautilus_lab.trading.node._kernel import NodeKernel  # noqa: E402
from nautilus_lab.trading.node._operator import OperatorCells, views_of  # noqa: E402


def main() -> None:
    """Launch the kernel; it ends with the node."""
    parser = argparse.ArgumentParser(prog="python -m nautilus_lab.trading.node", add_help=False)
    parser.add_argument("--settings", type=Path)
    ours, kernel_arguments = parser.parse_known_args()
    if ours.settings is not None:
        settings = Settings.model_validate_json(ours.settings.read_bytes())
    else:
        settings = load_settings()
    trading = settings.trading
    rundir = Home(settings.home_path).make().trader(trading.trader_id).make()
    configure_logging(rundir.logs / "node.log", settings.log_level)

    async def work() -> int:
        # Late: Nautilus takes a second to import, and the kernel answers meanwhile.
        from nautilus_lab.trading.node._host import NodeHost

        host = NodeHost(settings)
        if trading.operator_console:
            NodeKernel.operator = OperatorCells(
                trader=trading.trader_id, views=views_of(rundir.commands), audit=host.audit
            )
        return await host.run()

    launch(work, kernel_arguments)


if __name__ == "__main__":
    main()
