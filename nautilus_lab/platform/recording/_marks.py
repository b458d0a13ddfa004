"""What the recorder says of the recording itself."""

from __future__ import annotations

import msgspec

from nautilus_lab.platform.messages import Envelope, Snapshot

# the kinds of the rows of the table of marks
BEGUN = "begun"
ENDED = "ended"  # absent where the process was killed
HOLE = "hole"
PRESENT = "present"


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were not recorded: how many, since when (UNIX ns), and why."""

    rows: int
    since_ns: int
    why: str


class QuoteSeen(msgspec.Struct, frozen=True, array_like=True):
    """The last quote of an instrument; times in UNIX ns."""

    ts: int
    source_ts: int | None
    instrument: str
    bid: float
    ask: float
    bid_size: float
    ask_size: float


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """All that a reader needs to go on from a place in the recording.

    `snapshot` is as the node would answer it, but for the quotes, which stand in `quotes`;
    `events` are the latest of those that a snapshot has no place for.
    """

    snapshot: Snapshot
    quotes: tuple[QuoteSeen, ...] = ()
    events: tuple[Envelope, ...] = ()
