"""Who looks at one trader, and what they are sent: conflated, in order, each frame made once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from nautilus_lab.client.protocol import (
    MAX_GATEWAY_FRAME,
    Delta,
    Encoding,
    NodeFrame,
    encode_frame,
)
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.streaming._group import Group, Send
from nautilus_lab.streaming._parts import in_parts
from nautilus_lab.streaming._picture import Picture

_GATHER_S = 0.004  # states of one burst go out together
_MOST_FOREIGN = 500  # events of other writers that are kept for viewers who do not read


class Viewer(Protocol):
    """Somebody who subscribed."""

    patterns: tuple[str, ...]
    encoding: Encoding
    send: Send
    operates: bool  # whether it may do more than look

    def missed(self, states: Iterable[Envelope], event_bytes: int) -> None:
        """Note what was sent to the others while this one is held back."""
        ...

    def offer_node(self, frame: NodeFrame, encoded: bytes) -> None:
        """Take news of the node."""
        ...

    def start_over(self) -> None:
        """Take a fresh snapshot: the picture was begun anew."""
        ...

    def too_large(self, size: int) -> None:
        """Learn that a frame of `size` bytes cannot be sent."""
        ...


class Audience:
    """The viewers of one trader.

    Events go out at once and in order. A state goes out at once too, unless its topic was sent
    less than `conflate_ms` ago: then the latest of it follows when that time is over.

    Parameters
    ----------
    picture : Picture
        What snapshots are made from; whoever changes it says here what is new.
    conflate_ms : int
        The least time between two states of one topic, milliseconds.
    """

    def __init__(self, picture: Picture, *, conflate_ms: int) -> None:
        self.frames = 0  # deltas that were handed to viewers, since the start
        self.left_at = (0, 0)  # the position that viewers had reached before the last snapshot
        self.attended_ns = 0  # when the last operator left, UNIX ns; 0 for never
        self._picture = picture
        self._conflate_s = conflate_ms / 1e3
        self._groups: dict[tuple[tuple[str, ...], Encoding], Group] = {}
        self._members: dict[Viewer, Group] = {}
        self._held: dict[Viewer, Group] = {}  # those that are sent nothing for now
        self._snapshots: dict[tuple[object, ...], list[bytes]] = {}  # until the next message
        self._foreign: deque[Envelope] = deque(maxlen=_MOST_FOREIGN)  # of other writers
        self._foreign_count = 0
        self._dirty: dict[str, Envelope] = {}  # topic -> state not sent yet
        self._sent_at: dict[str, float] = {}  # topic -> time.monotonic() of its last sending
        self._events: list[Envelope] = []  # not sent yet
        self._flushed = (0, 0)  # the position that every viewer was brought to
        self._flush_at = float("inf")
        self._flush_timer: asyncio.TimerHandle | None = None

    # --- who is here -------------------------------------------------------------------------

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._members)

    @property
    def operators(self) -> int:
        """How many of them may do more than look."""
        return sum(viewer.operates for viewer in self._members)

    @property
    def position(self) -> tuple[int, int]:
        """The (epoch, seq) that every viewer who is not held was brought to."""
        return self._flushed

    def add(self, viewer: Viewer) -> None:
        """Show `viewer` what is new from now on; everything pending goes out first."""
        self.flush(everything=True)
        key = (viewer.patterns, viewer.encoding)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(*key)
        self._members[viewer] = group
        group.members += 1
        group.add(viewer, viewer.send)

    def remove(self, viewer: Viewer) -> None:
        """Forget `viewer`; harmless when it is not known."""
        group = self._members.pop(viewer, None)
        if group is None:
            return
        group.discard(viewer)
        self._held.pop(viewer, None)
        group.members -= 1
        if not group.members:
            del self._groups[(group.patterns, group.encoding)]
        if viewer.operates:
            self.attended_ns = time.time_ns()

    def hold(self, viewer: Viewer) -> tuple[tuple[int, int], int]:
        """Send `viewer` nothing for now; return where it stands, for `catch_up`."""
        group = self._members.get(viewer)
        if group is not None:
            group.discard(viewer)
            self._held[viewer] = group
        return self._flushed, self._foreign_count

    def let_go(self, viewer: Viewer) -> None:
        """Send to `viewer` again; everything pending goes out before."""
        self.flush(everything=True)
        group = self._held.pop(viewer, None)
        if group is not None:
            group.add(viewer, viewer.send)

    def clear(self) -> None:
        """Forget everybody."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        for kept in (self._members, self._held, self._groups):
            kept.clear()

    # --- what one of them asks ---------------------------------------------------------------

    def reaches_back_to(self, stand: tuple[tuple[int, int], int]) -> bool:
        """Whether every event after `stand` is still here."""
        position, foreign = stand
        return self._picture.has_all_after(position) and (
            self._foreign_count - foreign <= _MOST_FOREIGN
        )

    def catch_up(
        self, viewer: Viewer, stand: tuple[tuple[int, int], int], topics: Iterable[str]
    ) -> list[bytes]:
        """Return as one delta the events after `stand` and the latest states of `topics`."""
        position, foreign = stand
        group = self._members[viewer]
        seen = len(self._foreign) - (self._foreign_count - foreign)
        events = [*self._picture.events_after(position), *list(self._foreign)[seen:]]
        states = (self._picture.states.get(topic) for topic in topics)
        delta = Delta(
            trader=self._picture.trader,
            epoch=self._picture.epoch,
            after=position[1],
            upto=self._picture.seq,
            ts=time.time_ns(),
            events=group.through(events),
            states=tuple(state for state in states if state is not None),
        )
        return in_parts(delta, viewer.encoding)

    def snapshot(
        self, viewer: Viewer, after: tuple[int, int] | None, older: Sequence[Envelope] | None
    ) -> list[bytes]:
        """Return the present as `viewer` asked to see it; made once for all who ask alike.

        `older` are the events after `after` that the picture no longer has, if they are known.
        """
        key = (viewer.patterns, viewer.encoding, after, older is None)
        made = self._snapshots.get(key)
        if made is None:
            frame = self._picture.snapshot(viewer.patterns, after=after, older=older)
            made = self._snapshots[key] = in_parts(frame, viewer.encoding)
        return made

    # --- what is new -------------------------------------------------------------------------

    def stale(self) -> None:
        """Make snapshots anew: the picture has changed, or is about to."""
        if self._snapshots:
            self._snapshots.clear()

    def begin_anew(self) -> None:
        """Learn that the picture was begun anew; what was pending has gone out before."""
        self.stale()
        self.left_at, self._flushed = self._flushed, self._picture.position

    def start_over(self) -> None:
        """Have every viewer take a fresh snapshot."""
        for viewer in tuple(self._members):
            viewer.start_over()

    def take_state(self, envelope: Envelope) -> None:
        """Send a state when its topic's time has come."""
        self._dirty[envelope.topic] = envelope
        now = time.monotonic()
        due = self._sent_at.get(envelope.topic, 0.0) + self._conflate_s
        self._flush_no_later_than(max(due, now + _GATHER_S))

    def take_event(self, envelope: Envelope) -> None:
        """Send the node's next event at once."""
        self._events.append(envelope)
        self._flush_no_later_than(time.monotonic())

    def take_foreign(self, envelope: Envelope) -> None:
        """Send an event of another writer: it has no place in the node's numbering."""
        self._foreign.append(envelope)
        self._foreign_count += 1
        self.take_event(envelope)

    def tell(self, frame: NodeFrame) -> None:
        """Tell every viewer how the node is."""
        encoded: dict[Encoding, bytes] = {}
        for viewer in tuple(self._members):
            if (data := encoded.get(viewer.encoding)) is None:
                data = encoded[viewer.encoding] = encode_frame(frame, viewer.encoding)
            viewer.offer_node(frame, data)

    # --- sending -----------------------------------------------------------------------------

    def _flush_no_later_than(self, due: float) -> None:
        if due >= self._flush_at:
            return
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._flush_at = due
        self._flush_timer = asyncio.get_running_loop().call_later(
            max(0.0, due - time.monotonic()), self.flush
        )

    def flush(self, *, everything: bool = False) -> None:
        """Send what is due; with `everything` also what could wait."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._flush_at = float("inf")
        now = time.monotonic()
        states, later = [], float("inf")
        for topic, envelope in self._dirty.items():
            due = self._sent_at.get(topic, 0.0) + self._conflate_s
            if everything or due <= now + _GATHER_S:
                states.append(envelope)
            else:
                later = min(later, due)
        for state in states:
            del self._dirty[state.topic]
            self._sent_at[state.topic] = now
        events, self._events = self._events, []
        if states or events:
            self._send(events, states)
        if self._dirty:
            self._flush_no_later_than(later)

    def _send(self, events: Sequence[Envelope], states: Sequence[Envelope]) -> None:
        (epoch, after), (_, upto) = self._flushed, self._picture.position
        self._flushed = self._picture.position
        ts = time.time_ns()
        # (encoding, what is in it) -> bytes: other patterns need not see anything else
        made: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[bytes]] = {}
        for group in tuple(self._groups.values()):
            seen, shown = group.through(events), group.through(states)
            if not (seen or shown) and upto == after:
                continue
            key = (group.encoding, tuple(map(id, seen)), tuple(map(id, shown)))
            if (frames := made.get(key)) is None:
                delta = Delta(
                    trader=self._picture.trader,
                    epoch=epoch,
                    after=after,
                    upto=upto,
                    ts=ts,
                    events=seen,
                    states=shown,
                )
                frames = made[key] = in_parts(delta, group.encoding)
                if (size := max(map(len, frames))) > MAX_GATEWAY_FRAME:
                    self._too_large(group, size)
                    continue
            self.frames += len(frames) * group.send(frames)
            if self._held:
                size = sum(map(len, frames)) if seen else 0
                for viewer in [v for v, of in self._held.items() if of is group]:
                    viewer.missed(shown, size)

    def _too_large(self, group: Group, size: int) -> None:
        for viewer in [v for v, of in self._members.items() if of is group]:
            viewer.too_large(size)
