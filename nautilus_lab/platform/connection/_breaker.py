"""Leaving alone for a while what has failed again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from nautilus_lab.exceptions import InputError, NotReachable


class BreakerState(Enum):
    """CLOSED: calls pass. OPEN: none does. HALF_OPEN: one probe is under way, or may be."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Lets calls through until too many failed in a row, then one probe every so often [1]_.

    May be asked from any thread. While the breaker is half open exactly one call is let through;
    its outcome decides. What was let through before the breaker opened may end when it likes: it
    has no say any more.

    Parameters
    ----------
    failures : int, default=10
        So many failures in a row open the breaker.
    open_s : float, default=30.0
        Seconds that it stays open before it lets a probe through.
    clock : callable, optional
        Returns seconds; the monotonic clock when not given.

    Examples
    --------
    >>> now = 0.0
    >>> breaker = CircuitBreaker(failures=1, open_s=30, clock=lambda: now)
    >>> with breaker.admit():
    ...     raise ConnectionError("down")
    Traceback (most recent call last):
    ConnectionError: down
    >>> breaker.state
    <BreakerState.OPEN: 'open'>
    >>> now = 30.0
    >>> with breaker.admit():
    ...     breaker.state
    <BreakerState.HALF_OPEN: 'half-open'>
    >>> breaker.state
    <BreakerState.CLOSED: 'closed'>

    References
    ----------
    .. [1] Nygard, M. (2018). Release It!, 2nd ed., ch. 5.
    """

    def __init__(
        self,
        *,
        failures: int = 10,
        open_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not failures >= 1:
            raise InputError("a breaker must allow at least one failure", value=failures)
        if not 0 < open_s < float("inf"):
            raise InputError("a breaker must stay open for some time", value=open_s)
        self._most = failures
        self._open_s = open_s
        self._clock = clock
        self._turn = threading.Lock()
        self._state = BreakerState.CLOSED
        self._failed = 0
        self._opened_at = 0.0
        self._probing = False
        self._times = 0  # how often the state has changed; tells late outcomes from fresh ones

    @property
    def state(self) -> BreakerState:
        """Where the breaker stands; open until a probe is asked for."""
        return self._state

    @property
    def opens_in_s(self) -> float:
        """Seconds until a call may pass; 0 when one may now."""
        with self._turn:
            if self._state is BreakerState.OPEN:
                return max(0.0, self._opened_at + self._open_s - self._clock())
            return self._open_s if self._probing else 0.0

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Enclose a call: what it raises is a failure, its end a success.

        A call that is cancelled says nothing about the other side; a cancelled probe makes room
        for another.

        Raises
        ------
        NotReachable
            When the breaker is open, or its one probe is under way.
        """
        ticket = self._take()
        try:
            yield
        except Exception:
            self._end(ticket, failed=True)
            raise
        except BaseException:
            self._give_back(ticket)
            raise
        self._end(ticket, failed=False)

    def reset(self) -> None:
        """Close the breaker: a person says that the other side is back."""
        with self._turn:
            self._enter(BreakerState.CLOSED)

    def __repr__(self) -> str:
        return f"CircuitBreaker({self._state.value}, {self._failed} of {self._most} failures)"

    def _take(self) -> int:
        with self._turn:
            if self._state is BreakerState.OPEN and self._clock() >= self._opened_at + self._open_s:
                self._enter(BreakerState.HALF_OPEN)
            if self._state is BreakerState.OPEN or self._probing:
                raise NotReachable(
                    f"after {self._most} failures in a row the other side is left alone",
                    remedy=f"a probe is sent every {self._open_s:g} s",
                )
            self._probing = self._state is BreakerState.HALF_OPEN
            return self._times

    def _end(self, ticket: int, *, failed: bool) -> None:
        with self._turn:
            if ticket != self._times:
                return
            if self._state is BreakerState.HALF_OPEN:
                self._enter(BreakerState.OPEN if failed else BreakerState.CLOSED)
                return
            self._failed = self._failed + 1 if failed else 0
            if self._failed >= self._most:
                self._enter(BreakerState.OPEN)

    def _give_back(self, ticket: int) -> None:
        with self._turn:
            if ticket == self._times and self._state is BreakerState.HALF_OPEN:
                # Another time begins, so that the one given back cannot end the next probe.
                self._enter(BreakerState.HALF_OPEN)

    def _enter(self, state: BreakerState) -> None:
        self._state, self._probing = state, False
        self._times += 1
        if state is BreakerState.OPEN:
            self._opened_at = self._clock()
        if state is BreakerState.CLOSED:
            self._failed = 0
