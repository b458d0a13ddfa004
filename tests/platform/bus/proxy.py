"""A connection that breaks at the worst of moments."""

from __future__ import annotations

import asyncio
import random


class CuttingProxy:
    """Passes bytes to a port of this machine; while `cutting`, cuts some connections short.

    A cut comes before a request is passed on, after part of it, or after all of it and before
    its answer: who asked cannot know which.
    """

    def __init__(self, target: int, chance: random.Random) -> None:
        self.port = 0
        self.cutting = False
        self.cuts = 0
        self._target = target
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._target)
        cut = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._forth(reader, behind_writer, cut)),
            asyncio.ensure_future(self._back(behind_reader, writer, cut)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            behind_writer.close()

    async def _forth(self, reader, writer, cut) -> None:
        while data := await reader.read(65_536):
            if self.cutting and b"PAPER-001" in data and self._chance.random() < 0.3:
                self.cuts += 1
                passed = self._chance.choice([0, len(data) // 2, len(data)])
                cut.set()
                writer.write(data[:passed])
                await writer.drain()
                # What was passed on whole is carried out, though nobody hears of it.
                await asyncio.sleep(0.01)
                return
            writer.write(data)
            await writer.drain()

    async def _back(self, reader, writer, cut) -> None:
        while data := await reader.read(65_536):
            if not cut.is_set():
                writer.write(data)
                await writer.drain()
