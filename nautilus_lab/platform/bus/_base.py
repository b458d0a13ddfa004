"""What every bus promises."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, TypeAlias, runtime_checkable

from nautilus_lab.exceptions import BusError, InputError
from nautilus_lab.platform.messages import Envelope

Handler: TypeAlias = Callable[[Envelope], object]
Unsubscribe: TypeAlias = Callable[[], None]


@runtime_checkable
class Bus(Protocol):
    """Carries envelopes from those who publish to those who subscribed.

    Messages of one topic arrive in the order they were published. Queues are bounded: a reader
    that is too slow loses messages, alone; it finds lost events with a `SequenceTracker` and
    asks the store for them, lost states are followed by newer ones.
    """

    def publish(self, envelope: Envelope) -> None:
        """Hand `envelope` to the bus; never waits for a reader.

        Raises
        ------
        BusError
            When the bus is closed, cannot publish, or the topic is not one.
        """
        ...

    def subscribe(self, pattern: str, handler: Handler) -> Unsubscribe:
        """Call `handler` with every envelope whose topic falls under `pattern`.

        Parameters
        ----------
        pattern : str
            A topic; ``*`` stands for one part, ``>`` as the last part for one or more.
        handler : callable
            Takes the envelope and returns at once; what it raises is logged and hurts nobody
            else. A slow reader hands over to a task of its own.

        Returns
        -------
        callable
            Ends the subscription; calling it twice is harmless.

        Raises
        ------
        InputError
            When `pattern` is not one.
        BusError
            When the bus is closed.
        """
        ...

    async def ready(self, timeout_s: float = 2.0) -> None:
        """Return when every subscription made so far is in force at the publisher.

        Raises
        ------
        NotReachable
            When the publisher did not answer in time.
        """
        ...

    def close(self) -> None:
        """End every subscription and give resources back; calling it twice is harmless."""
        ...


@lru_cache(maxsize=10_000)
def check_topic(topic: str) -> None:
    """Raise `BusError` unless `topic` is dotted, non-empty parts without wildcards."""
    if not all(topic.split(".")) or not topic.isprintable() or "*" in topic or ">" in topic:
        raise BusError(
            "a topic must be dotted, non-empty parts without wildcards",
            value=topic,
            remedy='write it like "market.quote.PAPER.AAPL"',
        )


def check_pattern(pattern: str) -> None:
    """Raise `InputError` unless `pattern` is a topic in which whole parts may be wildcards."""
    parts = pattern.split(".")
    for place, part in enumerate(parts, start=1):
        literal = part and part.isprintable() and "*" not in part and ">" not in part
        if not literal and part != "*" and not (part == ">" and place == len(parts)):
            raise InputError(
                "a pattern must be dotted parts, each whole or *, the last one also >",
                value=pattern,
                remedy='write it like "market.quote.*.AAPL" or "trading.>"',
            )
