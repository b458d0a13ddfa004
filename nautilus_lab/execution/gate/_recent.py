"""What passed the gate lately: for limits on how often, and on the same again."""

from __future__ import annotations

from bisect import bisect_right

_REMEMBERED = 10_000
_NS = 1_000_000_000


class Recent:
    """Orders and changes that passed, the last ten thousand at least.

    A time after now does not count: a clock that was set back would stop trading until it is
    then again.
    """

    def __init__(self) -> None:
        self._sent: list[int] = []  # when, ns of the kernel's clock, ascending
        self._alike: dict[tuple[object, ...], int] = {}  # what -> when it passed last

    def __repr__(self) -> str:
        return f"Recent({len(self._sent)})"

    def add(self, likeness: tuple[object, ...] | None, now_ns: int) -> int | None:
        """Note what passes now; returns when one alike passed before, for `take_back`.

        `likeness` is None for what may be asked again at once: a change.
        """
        sent = self._sent
        if sent and sent[-1] > now_ns:
            del sent[bisect_right(sent, now_ns) :]
        elif len(sent) >= 2 * _REMEMBERED:
            del sent[:_REMEMBERED]
        sent.append(now_ns)
        if likeness is None:
            return None
        # Taken out first, so that the dict is in the order of time.
        before = self._alike.pop(likeness, None)
        self._alike[likeness] = now_ns
        if len(self._alike) > _REMEMBERED:
            del self._alike[next(iter(self._alike))]
        return before

    def take_back(self, likeness: tuple[object, ...] | None, before: int | None) -> None:
        """Forget the last `add`: it did not pass after all."""
        self._sent.pop()
        if likeness is not None:
            del self._alike[likeness]
            if before is not None:
                self._alike[likeness] = before

    def within_second(self, now_ns: int) -> int:
        """Return how many passed within the second before now."""
        sent = self._sent
        return bisect_right(sent, now_ns) - bisect_right(sent, now_ns - _NS)

    def alike_within(self, likeness: tuple[object, ...], window_ns: float, now_ns: int) -> bool:
        """Whether one alike passed within the window before now."""
        last = self._alike.get(likeness)
        return last is not None and 0 <= now_ns - last < window_ns
