"""Frames that are too large to be sent at once, in parts that follow each other without a gap."""

from __future__ import annotations

from msgspec.structs import replace

from nautilus_lab.client.protocol import Delta, Encoding, SnapshotFrame, encode_frame

# So that other frames find their turn in between, and little waits for a viewer that is slow.
_LARGEST_PART = 256 * 1024


def in_parts(
    frame: Delta | SnapshotFrame, encoding: Encoding, *, largest: int = _LARGEST_PART
) -> list[bytes]:
    """Encode `frame`, as several frames when its events make it larger than `largest` bytes.

    A client reads the parts as if its node had been asked at several moments: a delta becomes
    several, each after the last; a snapshot becomes one that ends earlier, and deltas: its orders
    are as they are at the end all the same. What one event, or orders and states alone fill is not
    divided.
    """
    encoded = encode_frame(frame, encoding)
    events = frame.events
    # A delta is of one epoch: what a snapshot tells of earlier ones stays in it.
    present = [number for number, event in enumerate(events) if event.epoch == frame.epoch]
    if len(encoded) <= largest or len(events) < 2 or not present:
        return [encoded]
    middle = max(len(events) // 2, present[0])
    if isinstance(frame, SnapshotFrame):
        # Where its orders and states fill it by themselves, dividing its events does not help.
        bare = replace(frame, events=events[: present[0]])
        middle = present[0] if len(encode_frame(bare, encoding)) > largest else middle
    reached = (events[middle].seq or 1) - 1
    if isinstance(frame, Delta):
        head: Delta | SnapshotFrame = replace(
            frame, upto=reached, events=events[:middle], states=()
        )
        states, upto = frame.states, frame.upto
    else:
        whole = max(frame.seq, frame.upto)
        head = replace(frame, seq=reached, upto=whole, events=events[:middle])
        states, upto = (), frame.seq
    tail = Delta(
        trader=frame.trader,
        epoch=frame.epoch,
        after=reached,
        upto=upto,
        ts=frame.ts,
        events=events[middle:],
        states=states,
    )
    return [*in_parts(head, encoding, largest=largest), *in_parts(tail, encoding, largest=largest)]
