"""A viewer that may break every rule: a socket, and what is written to it byte by byte."""

from __future__ import annotations

import asyncio
import json
import os

UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
RESET = 0  # the connection ended without a close frame


def frame(payload: bytes, opcode: int = TEXT, *, first: int | None = None, mask: bool = True):
    """A frame as a client sends it; `first` replaces its first byte."""
    size, bit = len(payload), 0x80 if mask else 0
    head = bytes([0x80 | opcode if first is None else first])
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + size.to_bytes(2)
    else:
        head += bytes([bit | 127]) + size.to_bytes(8)
    key = os.urandom(4) if mask else b""
    repeated = key * (size // 4 + 1)
    masked = bytes(a ^ b for a, b in zip(payload, repeated, strict=False)) if mask else payload
    return head + key + masked


class Raw:
    """One TCP connection to a gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    @classmethod
    async def dial(cls, url: str) -> Raw:
        """Connect and say nothing."""
        host, port = url.split("/")[2].split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def upgrade(self) -> None:
        """Have the connection upgraded."""
        self.writer.write(UPGRADE + b"\r\n")
        assert await self.status() == 101

    async def status(self) -> int:
        """The number of the answer to an upgrade; 0 when there is none."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        return int(head.split()[1])

    def send(self, payload: bytes | dict, opcode: int = TEXT, **options) -> None:
        data = json.dumps(payload).encode() if isinstance(payload, dict) else payload
        self.writer.write(frame(data, opcode, **options))

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2))
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8))
        return first & 0xF, await self.reader.readexactly(size)

    async def text(self, kind: str) -> dict:
        """The next JSON frame of a kind."""
        while True:
            opcode, payload = await self.frame()
            assert opcode != CLOSE, payload
            if opcode == TEXT and (said := json.loads(payload))["kind"] == kind:
                return said

    async def hello(self, token: str, encoding: str = "json") -> None:
        self.send({"kind": "hello", "protocol": 1, "token": token, "encoding": encoding})
        opcode, said = await self.frame()
        assert opcode in (TEXT, BINARY)
        assert b"welcome" in said

    async def closed(self) -> int:
        """Read to the end; the code that the connection was closed with."""
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2])
        except (asyncio.IncompleteReadError, ConnectionError):
            return RESET

    def cut(self) -> None:
        self.writer.transport.abort()
