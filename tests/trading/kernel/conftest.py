"""A node's kernel around a stand-in for the node: it ticks and does nothing else."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from jupyter_client.asynchronous import AsyncKernelClient

from nautilus_lab.trading.supervisor._connection import write_connection_file

NODE = """
    import asyncio, json, os, sys, time
    from pathlib import Path
    from nautilus_lab.trading.node._app import launch
    from nautilus_lab.trading.node._kernel import NodeKernel

    ticks = Path(sys.argv[1])

    async def work():
        {begin}
        worst = 0.0
        while not ticks.with_name("stop").exists():
            before = time.monotonic()
            await asyncio.sleep(0.02)
            worst = max(worst, time.monotonic() - before - 0.02)
            scratch = ticks.with_name("scratch")
            told = {{"at": time.time(), "worst": worst, "pid": os.getpid()}}
            scratch.write_text(json.dumps(told))
            scratch.replace(ticks)
        return 0

    launch(work, sys.argv[2:])
"""

OPERATOR = """
        from nautilus_lab.platform.messages import Snapshot
        from nautilus_lab.trading.commands import NodeStatus
        from nautilus_lab.trading.console import OperatorConsole
        from nautilus_lab.trading.node._operator import OperatorCells

        async def views():
            status = NodeStatus(trader="PAPER-001", state="running", orders=7)
            return status, Snapshot(trader="PAPER-001", epoch=1, seq=2, ts=3, simulated=True)

        def audit(kind, facts, *, actor):
            with ticks.with_name("audit").open("a") as file:
                file.write(json.dumps([kind, facts, actor]) + "\\n")

        NodeKernel.operator = OperatorCells(
            trader="PAPER-001", views=views, audit=audit, console=OperatorConsole(cell_s=1.0)
        )
"""


class Kernel:
    """A kernel process and a client of it."""

    def __init__(self, process, folder, client):
        self.process = process
        self.folder = folder
        self.client = client

    @property
    def ticks(self):
        return json.loads((self.folder / "ticks").read_text())

    async def ticked_on(self):
        """Wait until the node has ticked after now."""
        asked = self.ticks["at"]
        async with asyncio.timeout(10):
            while not self.ticks["at"] > asked:
                await asyncio.sleep(0.02)

    async def execute(self, code, *, seen=None, **options):
        """Return the reply and what was published meanwhile."""
        seen = [] if seen is None else seen
        reply = await self.client.execute_interactive(
            code, output_hook=seen.append, timeout=20, allow_stdin=False, **options
        )
        return reply["content"], seen

    async def ask(self, channel, kind, content=None):
        """Return the answer to a message of any kind."""
        message = self.client.session.msg(kind, content or {})
        getattr(self.client, f"{channel}_channel").send(message)
        get = getattr(self.client, f"get_{channel}_msg")
        async with asyncio.timeout(10):
            while True:
                reply = await get(timeout=10)
                if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                    return reply

    def say(self, channel, kind, content=None):
        getattr(self.client, f"{channel}_channel").send(
            self.client.session.msg(kind, content or {})
        )


@pytest.fixture
async def start(workspace):
    """Starts a kernel around the stand-in."""
    kernels = []

    async def start(begin="pass", *, parent=(), environment=None):
        folder = workspace / "kernel"
        folder.mkdir(mode=0o700)
        write_connection_file(folder / "kernel.json")
        script = textwrap.dedent(NODE).format(begin=textwrap.dedent(begin).replace("\n", "\n    "))
        (folder / "node.py").write_text(script)
        with (folder / "out").open("wb") as output:
            process = subprocess.Popen(
                [
                    *parent,
                    *(sys.executable, str(folder / "node.py"), str(folder / "ticks")),
                    *("-f", str(folder / "kernel.json")),
                ],
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )
        client = AsyncKernelClient()
        client.load_connection_file(str(folder / "kernel.json"))
        kernels.append(Kernel(process, folder, client))
        async with asyncio.timeout(30):
            while not (folder / "ticks").exists():
                await asyncio.sleep(0.02)
        # A client that begins before the kernel does takes it for dead after a second.
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.client.stop_channels()
        if kernel.process.poll() is None:
            os.killpg(kernel.process.pid, signal.SIGKILL)
        kernel.process.wait()
