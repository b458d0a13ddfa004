"""Finding lost events by the numbers their writers give them."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_lab.platform.messages import Envelope


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Events are missing: ask their writer for all that follows (`epoch`, `seq`).

    Attributes
    ----------
    trader, writer : str
        Whose events they are.
    epoch, seq : int
        The last event that is held.
    next_epoch, next_seq : int
        The event that showed the gap.
    """

    trader: str
    writer: str
    epoch: int
    seq: int
    next_epoch: int
    next_seq: int


class SequenceTracker:
    """Follows the event numbers of every writer and tells when some are missing.

    The position of a writer moves with each event that follows directly. At a gap it stays, so
    every later event shows the gap again until the missing ones were applied and `note` was
    called. A writer's new epoch is always a gap: the end of the old one may be missing too.

    Examples
    --------
    >>> from nautilus_lab.platform import messages
    >>> def event(seq):
    ...     body = messages.NodeStateChanged(component="node", state="running")
    ...     return messages.envelope(
    ...         body, "system.node.T-1", trader="T-1", writer="node", epoch=1, seq=seq
    ...     )
    >>> tracker = SequenceTracker()
    >>> [tracker.observe(event(seq)) for seq in (7, 8)]
    [None, None]
    >>> tracker.observe(event(11))
    Gap(trader='T-1', writer='node', epoch=1, seq=8, next_epoch=1, next_seq=11)
    >>> tracker.note("T-1", "node", 1, 11)  # after applying 9, 10 and 11 from the store
    >>> tracker.observe(event(12))
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], tuple[int, int]] = {}  # (trader, writer) -> last held

    def observe(self, envelope: Envelope) -> Gap | None:
        """Take note of an event; return what is missing before it, if anything.

        States carry no number and never show a gap. The first event of a writer that was not
        noted before begins its count.
        """
        if envelope.seq is None:
            return None
        key, now = (envelope.trader, envelope.writer), (envelope.epoch, envelope.seq)
        last = self._held.get(key)
        if last is None or now == (last[0], last[1] + 1):
            self._held[key] = now
        elif now > last:
            return Gap(
                trader=envelope.trader,
                writer=envelope.writer,
                epoch=last[0],
                seq=last[1],
                next_epoch=envelope.epoch,
                next_seq=envelope.seq,
            )
        return None

    def holds(self, envelope: Envelope) -> bool:
        """Whether this event was applied before: delivery is at least once."""
        last = self._held.get((envelope.trader, envelope.writer))
        return (
            envelope.seq is not None and last is not None and (envelope.epoch, envelope.seq) <= last
        )

    def note(self, trader: str, writer: str, epoch: int, seq: int) -> None:
        """State that every event of the writer up to (`epoch`, `seq`) is held.

        Called with the stamp of a snapshot, and after applying what was asked for again. An
        older position than the present one changes nothing.
        """
        key = (trader, writer)
        self._held[key] = max(self._held.get(key, (epoch, seq)), (epoch, seq))
