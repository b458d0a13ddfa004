"""The reader of docs/platform/bus.md misses nothing, whatever the bus loses."""

import asyncio
import random
import re

import pytest

from nautilus_lab.platform.access import LocalOwner, Permission
from nautilus_lab.platform.bus import IpcBus
from nautilus_lab.platform.commands import CommandBody, CommandServer, CommandSpec, CommandTable
from nautilus_lab.platform.messages import Envelope, Snapshot


class After(CommandBody):
    epoch: int
    seq: int


TABLE = CommandTable(
    CommandSpec(name="node.snapshot", permission=Permission.NODE_READ, summary="", reads=True),
    CommandSpec(
        name="node.events", permission=Permission.NODE_READ, summary="", reads=True, body=After
    ),
)


class Node:
    """A store of events, a bus that loses some of them, and answers."""

    def __init__(self, folder, make) -> None:
        self.bus = IpcBus.serve(f"ipc://{folder}/events.sock")
        self.commands = CommandServer(
            f"ipc://{folder}/commands.sock",
            TABLE,
            LocalOwner().verify,
            {"node.snapshot": self.snapshot, "node.events": self.events},
        )
        self.stored: list[Envelope] = []
        self.epoch = 1
        self._make = make

    def happen(self, *, lost: bool) -> None:
        epoch = [e for e in self.stored if e.epoch == self.epoch]
        self.stored.append(self._make(len(epoch) + 1, epoch=self.epoch))
        if not lost:
            self.bus.publish(self.stored[-1])

    async def snapshot(self, _):
        last = self.stored[-1]
        return Snapshot(
            trader="PAPER-001", epoch=last.epoch, seq=last.seq, ts=last.ts, simulated=True
        )

    async def events(self, request):
        after = (request.body.epoch, request.body.seq)
        return [e for e in self.stored if (e.epoch, e.seq) > after]


@pytest.fixture
def follow(repository):
    """The function that the page shows."""
    page = (repository / "docs" / "platform" / "bus.md").read_text("utf-8")
    (block,) = re.findall(r"^```python\n(import asyncio\n.*?)^```", page, re.DOTALL | re.MULTILINE)
    names = {}
    exec(compile(block, "bus.md", "exec"), names)
    return names["follow"]


async def test_the_reader_of_the_page_holds_every_event_once(sockets, event, until, follow):
    chance = random.Random(20200102)
    node = Node(sockets, event)
    await node.commands.start()
    node.happen(lost=True)  # before the reader came: only the snapshot has it
    shown = []
    reader = asyncio.create_task(follow(node.bus.address, node.commands.address, shown.append))
    try:
        await until(lambda: shown or reader.done())
        for _ in range(4):
            for _ in range(50):
                node.happen(lost=chance.random() < 0.4)
                if chance.random() < 0.2:
                    await asyncio.sleep(0)
            node.epoch += 1
        node.happen(lost=False)  # the one that shows what is missing
        await until(lambda: len(shown) == len(node.stored) or reader.done())
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await node.commands.stop()
        node.bus.close()
    snapshot, *events = shown
    assert (snapshot.epoch, snapshot.seq) == (1, 1)
    assert events == node.stored[1:]
