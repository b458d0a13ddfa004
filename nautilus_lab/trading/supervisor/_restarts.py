"""How often a process may be brought back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class RestartBudget:
    """At most `most` restarts in any `window_s` seconds.

    Examples
    --------
    >>> budget = RestartBudget(most=1, window_s=60, clock=lambda: 0.0)
    >>> budget.take(), budget.take()
    (True, False)
    """

    most: int = 3
    window_s: float = 600.0
    clock: Callable[[], float] = time.monotonic
    total: int = 0
    _when: deque[float] = field(default_factory=deque, repr=False)

    def count(self, seconds_ago: float) -> None:
        """Count a restart that was made before this budget was; one that lies ahead is now."""
        self._when.append(self.clock() - max(0.0, seconds_ago))
        self.total += 1

    def take(self) -> bool:
        """Return whether one more restart is allowed now, and count it if so."""
        now = self.clock()
        while self._when and now - self._when[0] > self.window_s:
            self._when.popleft()
        if len(self._when) >= self.most:
            return False
        self._when.append(now)
        self.total += 1
        return True
