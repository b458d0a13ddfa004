"""The peer: the gateway's frames, sent to all by the `websockets` library as it recommends.

``python -m benchmarks._gateway_websockets RUN_DIRECTORY SEQ`` prints its port; SEQ is the last
event so far. It does less than the gateway: it looks for no gaps, keeps no picture, conflates
nothing and asks nobody who they are.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from nautilus_lab.client.protocol import Delta, SnapshotFrame, encode_frame
from nautilus_lab.platform.bus import IpcBus
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.rundir import RunDirectory


async def main(run: RunDirectory, seq: int) -> None:
    connections: set[ServerConnection] = set()

    def send(envelope: Envelope) -> None:
        nonlocal seq
        after, seq = seq, envelope.seq or seq
        event = envelope.seq is not None
        delta = Delta(
            trader=run.trader_id,
            epoch=1,
            after=after,
            upto=seq,
            ts=time.time_ns(),
            events=(envelope,) if event else (),
            states=() if event else (envelope,),
        )
        broadcast(connections, encode_frame(delta, "msgpack"))

    async def view(connection: ServerConnection) -> None:
        await connection.recv()  # the hello
        await connection.recv()  # the subscription
        frame = SnapshotFrame(
            trader=run.trader_id, epoch=1, seq=seq, ts=time.time_ns(), simulated=True
        )
        await connection.send(encode_frame(frame, "msgpack"))
        connections.add(connection)
        await connection.wait_closed()
        connections.discard(connection)

    bus = IpcBus.connect(run.events)
    bus.subscribe(">", send)
    await bus.ready(5.0)
    async with serve(view, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=1_024) as (
        server
    ):
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    os.nice(5)  # as the gateway does
    folder = Path(sys.argv[1])
    uvloop.run(main(RunDirectory(folder, folder.name), int(sys.argv[2])))
