"""How much somebody may ask for."""

from __future__ import annotations

import time


class Allowance:
    """A bucket that fills by `per_s` a second up to `at_once`, and from which asking takes.

    Parameters
    ----------
    per_s : float
        What comes in, per second.
    at_once : float
        What there is at the beginning, and at most.
    """

    __slots__ = ("_at_once", "_left", "_per_s", "_then")

    def __init__(self, *, per_s: float, at_once: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left = at_once
        self._then = time.monotonic()

    def take(self, amount: float = 1.0) -> bool:
        """Take `amount` if there is so much; whether there was."""
        now = time.monotonic()
        self._left = min(self._at_once, self._left + (now - self._then) * self._per_s)
        self._then = now
        if self._left < amount:
            return False
        self._left -= amount
        return True
