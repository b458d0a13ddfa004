"""A process that answers commands, in this one."""

from __future__ import annotations

import asyncio
import time

import pytest
import zmq
import zmq.asyncio

from nautilus_lab.platform.access import LocalOwner, Permission
from nautilus_lab.platform.commands import (
    CommandBody,
    CommandClient,
    CommandServer,
    CommandSpec,
    CommandTable,
)
from nautilus_lab.platform.messages import Command, decode_reply, encode, new_id


class Add(CommandBody):
    amount: float
    parts: tuple[float, ...] = ()
    note: str = ""


class Counter:
    """What the commands change: a number, and how often each handler ran."""

    def __init__(self) -> None:
        self.total = 0.0
        self.calls: list[str] = []
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def read(self, request):
        self.calls.append(request.name)
        return {"total": self.total, "asked by": request.principal.name}

    async def add(self, request):
        self.calls.append(request.name)
        self.total += request.body.amount
        return self.total

    async def wait(self, request):
        self.calls.append(request.name)
        await self.go_on.wait()
        self.total += 1
        return self.total

    async def fail(self, request):
        self.calls.append(request.name)
        raise self.error

    async def odd(self, request):
        return object()


TABLE = CommandTable(
    CommandSpec(
        name="counter.read", permission=Permission.NODE_READ, summary="Reads it.", reads=True
    ),
    CommandSpec(
        name="counter.add", permission=Permission.ORDERS_WRITE, summary="Adds.", body=Add, version=2
    ),
    CommandSpec(name="counter.wait", permission=Permission.NODE_READ, summary="Waits."),
    CommandSpec(name="counter.fail", permission=Permission.NODE_READ, summary="Fails."),
    CommandSpec(name="counter.odd", permission=Permission.NODE_READ, summary="Cannot be sent."),
)


def handlers(counter: Counter):
    return {
        "counter.read": counter.read,
        "counter.add": counter.add,
        "counter.wait": counter.wait,
        "counter.fail": counter.fail,
        "counter.odd": counter.odd,
    }


class RawCaller:
    """Speaks the wire itself, to say what a `CommandClient` never says."""

    def __init__(self, address: str) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.connect(address)

    async def send(self, *frames: bytes) -> None:
        await self._socket.send_multipart(frames)

    async def command(self, name: str, *, deadline_s: float = 60, **fields) -> str:
        fields.setdefault("id", new_id())
        command = Command(name=name, deadline_ns=time.time_ns() + int(deadline_s * 1e9), **fields)
        await self.send(encode(command))
        return command.id

    async def reply(self):
        (frame,) = await asyncio.wait_for(self._socket.recv_multipart(), 20)
        return decode_reply(frame)

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def address(sockets):
    return f"ipc://{sockets}/commands.sock"


@pytest.fixture
async def counter():
    return Counter()


@pytest.fixture
async def server(address, counter):
    server = CommandServer(address, TABLE, LocalOwner().verify, handlers(counter))
    await server.start()
    yield server
    await server.stop(grace_s=0)


@pytest.fixture
def client(address):
    return CommandClient(address)


@pytest.fixture
async def raw(address):
    caller = RawCaller(address)
    yield caller
    caller.close()


@pytest.fixture
def until():
    """Wait for something to come true; the time allowed is for a busy machine."""

    async def wait(condition, seconds=20.0):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    return wait
