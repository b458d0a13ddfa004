"""Telling a process that is frozen from one that is busy."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nautilus_lab.exceptions import DeadlineExceeded, LabError, NotReachable

T = TypeVar("T")


class Heartbeat:
    """Asks a process at most every so often, and counts how often it did not answer in a row.

    An answer of any kind is a beat, a refusal too; silence is none.

    Parameters
    ----------
    every_s : float
        Seconds between two questions.
    missed : int
        So many unanswered in a row mean frozen.
    """

    def __init__(
        self, *, every_s: float, missed: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.every_s = every_s
        self.most = missed
        self.missed = 0
        self._clock = clock
        self._next = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to ask again."""
        return self._clock() >= self._next

    @property
    def frozen(self) -> bool:
        """Whether too many answers in a row are missing."""
        return self.missed >= self.most

    def forget(self) -> None:
        """Begin anew: another process is there."""
        self.missed = 0
        self._next = self._clock() + self.every_s

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """Put the question and count; return its answer, or None when there was none."""
        self._next = self._clock() + self.every_s
        try:
            answer = await question()
        except (NotReachable, DeadlineExceeded):
            self.missed += 1
            return None
        except LabError:
            self.missed = 0
            return None
        self.missed = 0
        return answer
