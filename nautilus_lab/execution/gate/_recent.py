"""What passed the gate lately, and what became of it: for limits on how often."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from nautilus_lab.risk.limits import Counts

_REMEMBERED = 10_000
_MOST = 2 * _REMEMBERED
_NS = 1_000_000_000
_MINUTE = 60 * _NS


class Times:
    """When something happened, the last ten thousand times at least.

    A time after now does not count: a clock that was set back would stop trading until it is
    then again.
    """

    __slots__ = ("_at", "_minute", "_second")

    def __init__(self) -> None:
        self._at: list[int] = []  # ns of the kernel's clock, ascending
        # where the last second and the last minute began when they were asked for last: time goes
        # on by little, so that the next beginning is near, and no search through memory is needed
        self._second = self._minute = 0

    def __len__(self) -> int:
        return len(self._at)

    def add(self, now_ns: int) -> None:
        """Note that it happens now."""
        at = self._at
        if at and at[-1] > now_ns:
            del at[bisect_right(at, now_ns) :]
            self._second = self._minute = 0
        elif len(at) >= _MOST:
            del at[:_REMEMBERED]
            self._second = self._minute = 0
        at.append(now_ns)

    def take_back(self) -> None:
        """Forget the last one."""
        self._at.pop()
        # What was taken back may have been old already: no beginning lies past the end.
        left = len(self._at)
        self._second, self._minute = min(self._second, left), min(self._minute, left)

    def remove(self, then_ns: int) -> None:
        """Forget one that happened then, if it is remembered."""
        place = bisect_left(self._at, then_ns)
        if place < len(self._at) and self._at[place] == then_ns:
            del self._at[place]
            self._second = self._minute = 0

    def within(self, window_ns: int, now_ns: int) -> int:
        """Return how often it happened within the window before now."""
        at = self._at
        if not at:
            return 0
        upto = len(at) if at[-1] <= now_ns else bisect_right(at, now_ns)
        return upto - bisect_right(at, now_ns - window_ns)

    def rates(self, now_ns: int) -> tuple[int, int]:
        """Return how often it happened within a second, and within a minute."""
        at = self._at
        if not at:
            return 0, 0
        if at[-1] > now_ns:
            upto = bisect_right(at, now_ns)
            second = bisect_right(at, now_ns - _NS)
            return upto - second, upto - bisect_right(at, now_ns - _MINUTE)
        upto = len(at)
        # No more than a step mostly: a search would touch memory all over the list.
        then, near = now_ns - _NS, self._second
        if at[near - 1] > then if near else at[0] <= then:  # a clock was set, or it is not known
            near = bisect_right(at, then)
        while near < upto and at[near] <= then:
            near += 1
        self._second = second = near
        then, near = now_ns - _MINUTE, self._minute
        if at[near - 1] > then if near else at[0] <= then:
            near = bisect_right(at, then)
        while near < upto and at[near] <= then:
            near += 1
        self._minute = near
        return upto - second, upto - near


class Doings:
    """What one strategy, or the whole account, did."""

    __slots__ = ("cancels", "denials", "fills", "rejects", "sent")

    def __init__(self) -> None:
        self.sent = Times()  # orders and changes that passed
        self.cancels = Times()
        self.denials = Times()
        self.rejects = Times()
        self.fills = Times()


class Recent:
    """What passed the gate lately, of the account and of each strategy."""

    def __init__(self) -> None:
        self._all = Doings()
        self._of: dict[str, Doings] = {}  # strategy -> what it did
        self._alike: dict[tuple[object, ...], int] = {}  # what -> when it passed last
        # strategy, instrument, side -> when orders passed that were filled or may still be
        self._applied: dict[tuple[object, ...], Times] = {}

    def __repr__(self) -> str:
        return f"Recent({len(self._all.sent)})"

    @property
    def strategies(self) -> Iterable[str]:
        """Who did anything."""
        return self._of

    def of(self, strategy: str) -> Doings:
        """Return what a strategy did; of all of them for an empty name."""
        if not strategy:
            return self._all
        found = self._of.get(strategy)
        if found is None:
            found = self._of[strategy] = Doings()
        return found

    # --- what happens ---------------------------------------------------------------------

    def add(self, likeness: tuple[object, ...] | None, strategy: str, now_ns: int) -> int | None:
        """Note what passes now; returns when one alike passed before, for `take_back`.

        `likeness` is None for what may be asked again at once: a change.
        """
        self._all.sent.add(now_ns)
        self.of(strategy).sent.add(now_ns)
        if likeness is None:
            return None
        # Taken out first, so that the dict is in the order of time.
        before = self._alike.pop(likeness, None)
        self._alike[likeness] = now_ns
        if len(self._alike) > _REMEMBERED:
            del self._alike[next(iter(self._alike))]
        return before

    def take_back(
        self, likeness: tuple[object, ...] | None, strategy: str, before: int | None
    ) -> None:
        """Forget the last `add`: it did not pass after all."""
        self._all.sent.take_back()
        self.of(strategy).sent.take_back()
        if likeness is not None:
            del self._alike[likeness]
            if before is not None:
                self._alike[likeness] = before

    def cancel(self, strategy: str, now_ns: int) -> None:
        """Note a cancel."""
        self._all.cancels.add(now_ns)
        self.of(strategy).cancels.add(now_ns)

    def deny(self, strategy: str, now_ns: int) -> None:
        """Note that the gate let something through no further."""
        self.of(strategy).denials.add(now_ns)

    def forget_denials(self) -> None:
        """Take it that nothing was let through no further so far: it was nobody's fault."""
        for did in self._of.values():
            did.denials = Times()

    def reject(self, strategy: str, now_ns: int) -> None:
        """Note that a venue rejected something."""
        self.of(strategy).rejects.add(now_ns)

    def fill(self, strategy: str, now_ns: int) -> None:
        """Note an execution."""
        self.of(strategy).fills.add(now_ns)

    def apply(self, key: tuple[object, ...], now_ns: int) -> None:
        """Note an order of one kind."""
        found = self._applied.get(key)
        if found is None:
            found = self._applied[key] = Times()
        found.add(now_ns)

    def unapply(self, key: tuple[object, ...], then_ns: int) -> None:
        """Forget an order of one kind that ended without a fill."""
        found = self._applied.get(key)
        if found is not None:
            found.remove(then_ns)

    # --- what limits ask ------------------------------------------------------------------

    def rates(self, strategy: str, now_ns: int, *, cancels: bool) -> tuple[int, int]:
        """Return how many orders and changes passed within a second, and within a minute."""
        did = self._all if not strategy else self._of.get(strategy)
        if did is None:
            return 0, 0
        second, minute = did.sent.rates(now_ns)
        if cancels:
            more, most = did.cancels.rates(now_ns)
            return second + more, minute + most
        return second, minute

    def applied_within(self, key: tuple[object, ...], window_ns: int, now_ns: int) -> int:
        """Return how many orders of one kind passed that were filled or may still be."""
        found = self._applied.get(key)
        return 0 if found is None else found.within(window_ns, now_ns)

    def alike_within(self, likeness: tuple[object, ...], window_ns: float, now_ns: int) -> bool:
        """Whether one alike passed within the window before now."""
        last = self._alike.get(likeness)
        return last is not None and 0 <= now_ns - last < window_ns

    def counts(self, strategy: str, window_s: float, now_ns: int) -> Counts:
        """Return what a strategy did within a window."""
        did, window_ns = self.of(strategy), int(window_s * _NS)
        sent = did.sent.within(window_ns, now_ns)
        denied = did.denials.within(window_ns, now_ns)
        return Counts(
            messages=sent + did.cancels.within(window_ns, now_ns),
            orders=sent + denied,
            rejects=did.rejects.within(window_ns, now_ns) + denied,
            fills=did.fills.within(window_ns, now_ns),
        )
