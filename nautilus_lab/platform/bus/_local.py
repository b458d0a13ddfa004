"""The bus within one process."""

import logging
import threading
from collections import deque

from nautilus_lab.exceptions import BusError
from nautilus_lab.platform.bus._base import Handler, Unsubscribe, check_pattern, check_topic
from nautilus_lab.platform.messages import Envelope, topic_matches

_log = logging.getLogger(__name__)

# Topics whose handlers are remembered; a process that names more starts over.
_MOST_ROUTES = 10_000


class LocalBus:
    """Delivers within this process, in the publisher's own call.

    A handler that publishes does not overtake: its message waits until the one being delivered
    has reached everybody. May be published to from any thread.

    Examples
    --------
    >>> from nautilus_lab.platform import messages
    >>> bus = LocalBus()
    >>> end = bus.subscribe("market.quote.>", lambda e: print(e.topic, e.body.bid))
    >>> quote = messages.QuoteUpdated(instrument="AAPL.PAPER", bid=99.5, ask=100.0)
    >>> bus.publish(
    ...     messages.envelope(quote, "market.quote.PAPER.AAPL", trader="PAPER-001", writer="node")
    ... )
    market.quote.PAPER.AAPL 99.5
    >>> end()
    """

    def __init__(self) -> None:
        self._subscriptions: tuple[tuple[str, Handler], ...] = ()
        self._routes: dict[str, tuple[Handler, ...]] = {}  # topic -> its handlers
        self._changing = threading.Lock()
        self._waiting: deque[Envelope] = deque()
        self._delivering = threading.Lock()
        self._closed = False

    def publish(self, envelope: Envelope) -> None:
        """Deliver `envelope` to every handler whose pattern its topic falls under."""
        if self._closed:
            raise closed()
        if envelope.topic not in self._routes:
            self._route(envelope.topic)
        self._waiting.append(envelope)
        # Whoever holds the turn also delivers what arrives meanwhile, so order holds across
        # handlers that publish and across threads; the outer loop catches a last-moment arrival.
        while self._waiting and self._delivering.acquire(blocking=False):
            try:
                while self._waiting:
                    self._deliver(self._waiting.popleft())
            finally:
                self._delivering.release()

    def subscribe(self, pattern: str, handler: Handler) -> Unsubscribe:
        """Call `handler` with every envelope under `pattern`; the answer ends that."""
        check_pattern(pattern)
        if self._closed:
            raise closed()
        entry = (pattern, handler)
        with self._changing:
            self._subscriptions = (*self._subscriptions, entry)
            self._routes = {}

        def unsubscribe() -> None:
            with self._changing:
                # By identity: the same handler may be subscribed twice.
                self._subscriptions = tuple(s for s in self._subscriptions if s is not entry)
                self._routes = {}

        return unsubscribe

    async def ready(self, timeout_s: float = 2.0) -> None:
        """Return at once: a local subscription is in force when `subscribe` returns."""

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        with self._changing:
            self._subscriptions, self._routes = (), {}

    def __repr__(self) -> str:
        return f"LocalBus(subscriptions={len(self._subscriptions)})"

    def _route(self, topic: str) -> tuple[Handler, ...]:
        with self._changing:
            if len(self._routes) >= _MOST_ROUTES:
                self._routes = {}
            if (found := self._routes.get(topic)) is None:
                check_topic(topic)
                found = tuple(h for p, h in self._subscriptions if topic_matches(p, topic))
                self._routes[topic] = found
            return found

    def _deliver(self, envelope: Envelope) -> None:
        handlers = self._routes.get(envelope.topic)
        for handler in self._route(envelope.topic) if handlers is None else handlers:
            try:
                handler(envelope)
            except Exception:
                _log.exception("a handler of %s failed", envelope.topic)


def closed() -> BusError:
    """Return the error of a bus that was closed."""
    return BusError("a closed bus carries nothing", remedy="open a new one")
