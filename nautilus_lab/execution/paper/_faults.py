"""A paper venue that fails on command, so that others can show what they do then."""

from __future__ import annotations

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper._wire import Disturb

_MOST = 1_000_000
_LONGEST_S = 3_600.0
_MOST_PER_S = 100_000.0


class Faults:
    """What a venue is to do wrong next; nothing until it is disturbed.

    Hellos and disturbances are none of the requests and answers that get lost: a client that
    heals itself every second would use them up.

    Parameters
    ----------
    allowed : bool, default=False
        Whether it may be disturbed at all.
    """

    def __init__(self, *, allowed: bool = False) -> None:
        self._allowed = allowed
        self._plan = Disturb()
        self._rejects = self._requests = self._answers = self._pushes = self._ticks = 0
        self._silent_until = self._storm_until = 0.0

    def plan(self, disturb: Disturb, now_s: float) -> None:
        """Fail as asked from now on, in place of what was planned before.

        Raises
        ------
        InputError
            When faults are not allowed, or no number or time can be what is asked.
        """
        if not self._allowed:
            raise InputError(
                "only a venue that was started with faults can be disturbed",
                value=disturb,
                remedy="set faults = true for it in trading.venues",
            )
        counts = (
            disturb.reject_orders,
            disturb.lose_requests,
            disturb.lose_answers,
            disturb.lose_pushes,
            disturb.wrong_ticks,
        )
        if not all(0 <= count <= _MOST for count in counts):
            raise InputError(f"a fault must happen 0 to {_MOST} times", value=counts)
        if not 0 <= disturb.silent_s <= _LONGEST_S:
            raise InputError(
                f"a venue may be silent for 0 to {_LONGEST_S:g} s", value=disturb.silent_s
            )
        if not (0 < disturb.wrong_by <= _MOST):
            raise InputError(
                f"wrong prices are the right ones times up to {_MOST}", value=disturb.wrong_by
            )
        storm = (disturb.storm_per_s, disturb.storm_s)
        if not (0 <= storm[0] <= _MOST_PER_S and 0 <= storm[1] <= _LONGEST_S):
            raise InputError(
                f"a storm has up to {_MOST_PER_S:g} quotes a second for up to {_LONGEST_S:g} s",
                value=storm,
            )
        self._plan = disturb
        self._rejects, self._requests, self._answers, self._pushes, self._ticks = counts
        self._silent_until = now_s + disturb.silent_s
        self._storm_until = now_s + disturb.storm_s

    def silent_s(self, now_s: float) -> float:
        """Return for how many more seconds it reads and says nothing."""
        return max(0.0, self._silent_until - now_s)

    def rejects(self, orders: int) -> str:
        """Return why the next `orders`, which stand or fall together, are rejected; or ""."""
        if not self._rejects:
            return ""
        self._rejects = max(0, self._rejects - orders)
        return self._plan.reason or "rejected on command"

    def loses_request(self) -> bool:
        """Whether the request that came is lost before anybody looks at it."""
        lost, self._requests = self._requests > 0, max(0, self._requests - 1)
        return lost

    def loses_answer(self) -> bool:
        """Whether the answer to what was done is lost."""
        lost, self._answers = self._answers > 0, max(0, self._answers - 1)
        return lost

    def loses_push(self) -> bool:
        """Whether the next event is told nobody."""
        lost, self._pushes = self._pushes > 0, max(0, self._pushes - 1)
        return lost

    def wrong_by(self) -> float:
        """Return what the prices of the next instant of the tape are multiplied by."""
        wrong, self._ticks = self._ticks > 0, max(0, self._ticks - 1)
        return self._plan.wrong_by if wrong else 1.0

    def storm_per_s(self, now_s: float) -> float:
        """Return by how many quotes a second the tape repeats itself now."""
        return self._plan.storm_per_s if now_s < self._storm_until else 0.0
