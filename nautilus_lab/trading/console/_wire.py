"""What a node and the process of its console say to each other: frames, each led by its length."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from nautilus_lab.platform.messages import Snapshot
from nautilus_lab.trading.commands import NodeStatus

LENGTH_BYTES = 4
LARGEST_FRAME = 64 << 20  # bytes; a snapshot of 500 orders has less than one


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Code to run, and the node as it is when it begins."""

    code: str
    trader: str
    status: NodeStatus
    snapshot: Snapshot


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process takes cells from now on."""


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Text that a cell wrote: to ``"stdout"`` or ``"stderr"``."""

    name: str
    text: str


class Shown(msgspec.Struct, frozen=True, tag="shown"):
    """The value of a cell's last line, by MIME type."""

    data: dict[str, str]


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """How a cell ended; without `ename`, well."""

    ename: str = ""
    evalue: str = ""
    traceback: tuple[str, ...] = ()


Output: TypeAlias = Told | Shown

_encoder = msgspec.msgpack.Encoder()
_cells = msgspec.msgpack.Decoder(Cell)
_answers = msgspec.msgpack.Decoder(Ready | Told | Shown | Ended)


def frame(message: Cell | Ready | Told | Shown | Ended) -> bytes:
    """Return `message` with its length before it."""
    data = _encoder.encode(message)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def read_cell(data: bytes) -> Cell:
    """Return the cell of a frame's content."""
    return _cells.decode(data)


def read_answer(data: bytes) -> Ready | Told | Shown | Ended:
    """Return the answer of a frame's content; raises `msgspec.DecodeError` when it is none."""
    answer: Ready | Told | Shown | Ended = _answers.decode(data)
    return answer
