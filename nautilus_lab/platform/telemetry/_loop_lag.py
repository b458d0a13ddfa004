"""How late an event loop is."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from nautilus_lab.exceptions import InputError, LifecycleError


class LoopLag:
    """Measures by how much the running event loop misses its appointments.

    Parameters
    ----------
    every_s : float, default=0.1
        Seconds between two appointments.
    window_s : float, default=5.0
        The worst of the last so many seconds is reported.
    """

    def __init__(self, *, every_s: float = 0.1, window_s: float = 5.0) -> None:
        if not 0 < every_s <= window_s:
            raise InputError("every_s must lie in (0, window_s]", value=(every_s, window_s))
        self._every_s = every_s
        self._lags: deque[float] = deque(maxlen=max(1, round(window_s / every_s)))  # seconds
        self._due = float("inf")
        self._next: asyncio.TimerHandle | None = None

    @property
    def lag_ms(self) -> float:
        """The worst lag of the window, milliseconds; of a loop that is stuck, until now."""
        overdue = time.monotonic() - self._due
        return 1e3 * max(0.0, overdue, *self._lags)

    def start(self) -> None:
        """Begin to measure the running loop.

        Raises
        ------
        LifecycleError
            When no loop runs here, or it is measured already.
        """
        if self._next is not None:
            raise LifecycleError("a loop's lag is measured once", value=self)
        try:
            self._appoint(asyncio.get_running_loop())
        except RuntimeError:
            raise LifecycleError(
                "a loop must run to be measured", remedy="start it inside a coroutine"
            ) from None

    def stop(self) -> None:
        """End measuring; calling it twice is harmless."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
            self._due = float("inf")

    def __repr__(self) -> str:
        return f"LoopLag({self.lag_ms:.1f} ms)"

    def _appoint(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = time.monotonic() + self._every_s
        self._next = loop.call_later(self._every_s, self._meet, loop)

    def _meet(self, loop: asyncio.AbstractEventLoop) -> None:
        self._lags.append(time.monotonic() - self._due)
        self._appoint(loop)
