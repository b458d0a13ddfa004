"""Viewers who see the same: each frame is made once and sent to all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from picows import WSMsgType

from nautilus_lab.client.protocol import Encoding
from nautilus_lab.platform.messages import Envelope, topic_matches

# What puts a frame on the wire: the bound `send` of a picows transport.
Send: TypeAlias = Callable[[WSMsgType, bytes], None]

_MOST_TOPICS = 10_000  # remembered answers; begun anew beyond


class Group:
    """Viewers with the same patterns and the same encoding.

    Nothing is done for a single viewer but to hand it the bytes: with thousands of them that is
    what a gateway's time goes into.
    """

    def __init__(self, patterns: tuple[str, ...], encoding: Encoding) -> None:
        self.patterns = patterns
        self.encoding: Encoding = encoding
        self.members = 0  # those who do not read for now among them
        self._all = ">" in patterns
        self._sees: dict[str, bool] = {}  # topic -> whether a pattern matches it
        self._sends: dict[object, Send] = {}  # viewer -> its transport's send
        self._row: tuple[Send, ...] | None = None  # the values of `_sends`, kept while they stand

    def __len__(self) -> int:
        return len(self._sends)

    def add(self, viewer: object, send: Send) -> None:
        """Send to `viewer` from now on."""
        self._sends[viewer] = send
        self._row = None

    def discard(self, viewer: object) -> None:
        """Send to `viewer` no more; harmless when it is not in."""
        if self._sends.pop(viewer, None) is not None:
            self._row = None

    def through(self, envelopes: Sequence[Envelope]) -> tuple[Envelope, ...]:
        """Return those that the viewers asked for."""
        if self._all:
            return tuple(envelopes)
        return tuple(envelope for envelope in envelopes if self.sees(envelope.topic))

    def sees(self, topic: str) -> bool:
        """Whether the viewers asked for `topic`."""
        seen = self._sees.get(topic)
        if seen is None:
            if len(self._sees) >= _MOST_TOPICS:
                self._sees.clear()
            seen = any(topic_matches(pattern, topic) for pattern in self.patterns)
            self._sees[topic] = seen
        return seen

    def send(self, frames: Iterable[bytes]) -> int:
        """Send encoded frames to every viewer; return to how many."""
        if self._row is None:
            self._row = tuple(self._sends.values())
        # A viewer that cannot take more leaves the group while it is sent to, so this is a copy.
        row = self._row
        kind = WSMsgType.TEXT if self.encoding == "json" else WSMsgType.BINARY
        for frame in frames:
            for send in row:
                try:
                    send(kind, frame)
                except Exception:  # its connection is being closed; picows tells the viewer soon
                    continue
        return len(row)
