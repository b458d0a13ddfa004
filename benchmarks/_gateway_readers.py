"""Many viewers in one process, as cheap as Python allows, that check every frame they are sent.

``python -m benchmarks._gateway_readers PORT TOKEN_FILE VIEWERS PATTERN EVENTS`` connects, says
hello, subscribes, prints ``ready``, then a line for each event that all of them have received, and
once each has seen EVENTS of them a line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import sys
import time
from pathlib import Path

import msgspec

TIMEOUT_S = 120.0
UPGRADE = (
    "GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Event(msgspec.Struct):
    ts: int


class Frame(msgspec.Struct):
    """What is read of any frame of a gateway."""

    kind: str
    seq: int = 0
    after: int = 0
    upto: int = 0
    events: list[Event] = []
    states: list[msgspec.Raw] = []


def masked(text: bytes, opcode: int) -> bytes:
    """A frame of a client; the mask is zero, which is one as good as any."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([0x80 | opcode]) + length + bytes(4) + text


class Reader:
    """One viewer: its socket, what came of a frame so far, and the event it stands at."""

    def __init__(self, port: int, token: str, pattern: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.sendall(UPGRADE.format(port=port).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(4_096)
        head, self.rest = answer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head:
            raise ValueError(head.decode())
        hello = {"kind": "hello", "protocol": 1, "token": token, "encoding": "msgpack"}
        subscribe = {"kind": "subscribe", "patterns": [pattern]}
        self.socket.sendall(
            masked(msgspec.json.encode(hello), 1) + masked(msgspec.msgpack.encode(subscribe), 2)
        )
        self.seq = -1

    def frames(self, data: bytes) -> list[bytes]:
        """The payloads of the binary frames that are whole now."""
        data = self.rest + data if self.rest else data
        found, place = [], 0
        while place + 2 <= len(data):
            size, start = data[place + 1], place + 2
            if size == 126:
                size, start = int.from_bytes(data[place + 2 : place + 4]), place + 4
            elif size == 127:
                size, start = int.from_bytes(data[place + 2 : place + 10]), place + 10
            if start + size > len(data):
                break
            if data[place] == 0x82:
                found.append(data[start : start + size])
            elif data[place] == 0x89:
                self.socket.sendall(masked(data[start : start + size], 0xA))
            else:
                raise ValueError(f"frame {data[place]:#x}: {data[start : start + size]!r}")
            place = start + size
        self.rest = data[place:]
        return found


class Readers:
    """All the viewers, and what they were sent."""

    def __init__(self) -> None:
        self.by_handle: dict[int, Reader] = {}
        self.deliveries = self.states = self.gaps = self.size = 0
        self.received = 0  # events, over all viewers
        self.latencies: list[int] = []
        self.first = self.last = 0  # when a delta was read, UNIX ns
        self._poll = select.epoll()
        self._decode = msgspec.msgpack.Decoder(Frame).decode

    def add(self, reader: Reader) -> None:
        """Read on until the snapshot, and the others' frames meanwhile."""
        self.by_handle[reader.socket.fileno()] = reader
        self._poll.register(reader.socket, select.EPOLLIN)
        self._take(reader, b"")
        while reader.seq < 0:
            self.read(1.0)

    def read(self, timeout_s: float) -> None:
        """Read once from every viewer that has something."""
        for handle, _ in self._poll.poll(timeout_s):
            data = os.read(handle, 1 << 18)
            if not data:
                raise ValueError("the server closed a connection")
            self._take(self.by_handle[handle], data)

    def forget(self) -> None:
        """Begin to count."""
        self.deliveries = self.states = self.gaps = self.size = self.received = 0
        self.latencies.clear()
        self.first = self.last = 0

    def _take(self, reader: Reader, data: bytes) -> None:
        for payload in reader.frames(data):
            frame = self._decode(payload)
            if frame.kind == "snapshot":
                reader.seq = frame.seq
            elif frame.kind == "delta":
                now = time.time_ns()
                self.first = self.first or now
                self.last = now
                self.deliveries += 1
                self.size += len(payload)
                self.states += len(frame.states)
                self.gaps += frame.after != reader.seq
                self.latencies += [now - event.ts for event in frame.events]
                self.received += frame.upto - reader.seq
                reader.seq = frame.upto


def main(port: int, token_file: str, viewers: int, pattern: str, events: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    token = Path(token_file).read_text()
    readers = Readers()
    for _ in range(viewers):
        readers.add(Reader(port, token, pattern))
        readers.read(0.0)
    readers.forget()
    print("ready", flush=True)

    told, given_up = 0, time.monotonic() + TIMEOUT_S
    while readers.received < events * viewers and time.monotonic() < given_up:
        readers.read(1.0)
        if readers.received // viewers > told:
            told = readers.received // viewers
            print(told, flush=True)
    latencies = sorted(readers.latencies)
    at = len(latencies)
    print(
        json.dumps(
            {
                "deliveries": readers.deliveries,
                "events": readers.received,
                "states": readers.states,
                "gaps": readers.gaps,
                "bytes": readers.size / max(1, readers.deliveries),
                "seconds": (readers.last - readers.first) / 1e9,
                "p50_ms": latencies[at // 2] / 1e6 if at else 0.0,
                "p99_ms": latencies[at * 99 // 100] / 1e6 if at else 0.0,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
