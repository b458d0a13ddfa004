"""Stands in for a node, a venue or a gateway: `python standin.py NAME RECORD`.

It holds the lock, writes the record, and answers as a node does. A file ``behave.json`` beside the
record makes it misbehave; ``told.jsonl`` has what it was told.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer, CommandTable
from nautilus_lab.platform.rundir import Failure, Home, Lock, ProcessRecord
from nautilus_lab.trading.commands import NODE_COMMANDS, NodeStatus

ANSWERED = ("node.status", "node.stop", "risk.halt", "risk.reduce_only")


def behaviour(record):
    path = record.with_name("behave.json")
    return json.loads(path.read_text()) if path.exists() else {}


async def main(name, record):
    behave = behaviour(record)
    if name == "node" and "fails" in behave:
        Failure.of("node", NodeError(behave["fails"])).write(record.with_name("failure.json"))
        return 2
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if behave.get("ignores_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    if "leaves" in behave:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
        record.with_name("left").write_text(str(child.pid))

    async def answer(request):
        with record.with_name("told.jsonl").open("a") as file:
            file.write(json.dumps([request.name, getattr(request.body, "reason", "")]) + "\n")
        if request.name == "node.stop":
            if behave.get("refuses_to_stop"):
                raise NodeError("it will not")
            if not behave.get("ignores_stop"):
                stop.set()
        if behave.get("hangs") and request.name == "node.status":
            hang_here()
        return NodeStatus(trader=record.parent.name, state="running", pid=os.getpid())

    with Lock(record.with_suffix(".lock"), name):
        server, address = None, ""
        if name == "node":
            address = Home(record.parents[2]).trader(record.parent.name).commands
            answered = dict.fromkeys(ANSWERED, answer)
        elif name.startswith("gateway"):
            address, answered = Home(record.parent).gateway_files().commands, {}
        if address:
            table = CommandTable(*(s for s in NODE_COMMANDS if s.name in answered))
            server = CommandServer(address, table, LocalOwner().verify, answered)
            await server.start()
        ProcessRecord.of_this_process(name, address=address).write(record)
        await stop.wait()
        if server is not None:
            await server.stop()
    return 0


def hang_here():
    time.sleep(100)


if __name__ == "__main__":
    import faulthandler

    faulthandler.register(signal.SIGUSR1)
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))
