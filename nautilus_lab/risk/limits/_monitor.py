"""The limits of a book looked at again and again: levels that are believed, held and cleared."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.risk.limits._finding import Finding, Level, shown
from nautilus_lab.risk.limits._holdings import Holdings
from nautilus_lab.risk.limits._limit import Limit
from nautilus_lab.risk.limits._report import LimitReport, LimitUtilisation, Standing

if TYPE_CHECKING:
    from nautilus_lab.risk.limits._book import LimitBook

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_RANK: Mapping[Level, int] = {"ok": 0, "warn": 1, "critical": 2, "breach": 3}
_LEVELS: tuple[Level, ...] = ("ok", "warn", "critical", "breach")


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelChange:
    """A limit is believed to be at another level than before.

    Attributes
    ----------
    limit : Limit
        Whose.
    scope : str
        Of what.
    before, level : {"ok", "warn", "critical", "breach"}
        What it was, and is.
    finding : Finding
        What was found last.
    reason : str
        Why it could not be measured; empty when it could.
    """

    limit: Limit
    scope: str
    before: Level
    level: Level
    finding: Finding
    reason: str = ""

    @property
    def text(self) -> str:
        """What to tell a person."""
        found = self.finding
        if self.reason:
            return f"{found.limit} of {self.scope}: {self.reason}"
        if found.value != found.value or found.bound != found.bound:
            return f"{found.limit} of {self.scope} cannot be measured"
        return (
            f"{found.limit} of {self.scope} is {shown(found.value)}, "
            f"{found.utilisation:.1%} of {shown(found.bound)} {found.unit}"
        )


class _Seen:
    """What is known of one limit and scope."""

    __slots__ = ("below_ns", "finding", "lately", "level", "reason")

    def __init__(self) -> None:
        self.level: Level = "ok"
        self.lately: list[int] = []  # the ranks of the last looks, as many as must agree
        self.below_ns: int | None = None  # since when it has been clear
        self.finding: Finding | None = None
        self.reason = ""


class LimitMonitor:
    """Looks at the monitored limits of a book, and says when one is at another level for good.

    A level is believed once `Levels.confirmations` looks in a row found it, or a higher one: a bad
    tick moves nothing. From then on it holds until utilisation was below `Levels.clear` for
    `Levels.clear_s`; meanwhile it only gets higher, so that each (limit, scope, level) is told of
    once. What is gone, a position that was closed, is as good as a utilisation of zero. What cannot
    be measured is a breach, and so is a limit whose `look` raises.

    Parameters
    ----------
    book : LimitBook
        What is looked at.
    on_change : callable, optional
        Called with each `LevelChange`, in the order of the book.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import Levels, LimitBook, MaxPositionUnits, Position
    >>> book = LimitBook([MaxPositionUnits(max_units=100)], levels=Levels(confirmations=2))
    >>> told = []
    >>> monitor = LimitMonitor(book, lambda change: told.append((change.scope, change.level)))
    >>> held = Position(
    ...     instrument="A.X", symbol="A", venue="X", units=90.0, price=1.0
    ... )
    >>> for second in range(3):
    ...     monitor.look(Holdings(positions=(held,), now_ns=second * 1_000_000_000))
    >>> told
    [('A.X', 'warn')]
    """

    def __init__(
        self, book: LimitBook, on_change: Callable[[LevelChange], None] = lambda change: None
    ) -> None:
        self.book = book
        # place in the book -> what a limit with a rule goes by, and the part of its base it is
        self.adjusted: Mapping[int, tuple[str, float]] = {}
        self._on_change = on_change
        self._seen: dict[tuple[int, str], _Seen] = {}  # place in the book, scope -> what is known
        self._looked: set[int] = set()  # places of the limits that found something
        self._pending = False

    def __repr__(self) -> str:
        return f"LimitMonitor({len(self.book)} limits, {len(self._seen)} scopes)"

    def adjust(self, book: LimitBook, adjusted: Mapping[int, tuple[str, float]]) -> None:
        """Look at the same limits with other bounds from now on; what was found stays known."""
        self.book, self.adjusted = book, adjusted

    @property
    def pending(self) -> bool:
        """Whether the last look found something that more looks must confirm."""
        return self._pending

    def look(self, holdings: Holdings) -> None:
        """Look at everything that is monitored, and tell of what changed."""
        self._pending = False
        for place, limit in enumerate(self.book):
            if limit.monitors:
                self._look_at(place, limit, holdings)

    def _look_at(self, place: int, limit: Limit, holdings: Holdings) -> None:
        try:
            found = list(limit.look(holdings))
            reason = ""
        except Exception as error:
            log.exception("%s could not be looked at", limit.name)
            reason = f"it could not be looked at: {error}"
            found = [Finding(limit.name, "all", math.nan, math.nan, False)]
        if found:
            self._looked.add(place)
        scopes = set()
        for finding in found:
            scopes.add(finding.scope)
            self._follow(place, limit, finding.scope, finding, holdings.now_ns, reason)
        for at, scope in [key for key in self._seen if key[0] == place and key[1] not in scopes]:
            gone = self._seen[at, scope]
            last = gone.finding
            assert last is not None
            empty = Finding(last.limit, scope, 0.0, last.bound, True, last.unit)
            self._follow(place, limit, scope, empty, holdings.now_ns, "")
            if gone.level == "ok":
                del self._seen[at, scope]

    def _follow(
        self, place: int, limit: Limit, scope: str, finding: Finding, now_ns: int, reason: str
    ) -> None:
        levels = self.book.levels
        seen = self._seen.get((place, scope))
        if seen is None:
            seen = self._seen[place, scope] = _Seen()
        seen.finding, seen.reason = finding, reason or finding.reason
        rank = _RANK[levels.of_finding(finding)]
        seen.lately = [*seen.lately, rank][-levels.confirmations :]
        agreed = min(seen.lately) if len(seen.lately) == levels.confirmations else 0
        if agreed > _RANK[seen.level]:
            self._move(seen, limit, scope, _LEVELS[agreed])
        self._pending = self._pending or rank > _RANK[seen.level]
        if seen.level == "ok" or not finding.utilisation < levels.clear:
            seen.below_ns = None
        elif seen.below_ns is None or now_ns < seen.below_ns:
            seen.below_ns = now_ns
        if seen.below_ns is not None and now_ns - seen.below_ns >= levels.clear_s * _NS:
            seen.below_ns = None
            self._move(seen, limit, scope, "ok")

    def _move(self, seen: _Seen, limit: Limit, scope: str, to: Level) -> None:
        before, seen.level = seen.level, to
        assert seen.finding is not None
        self._on_change(
            LevelChange(
                limit=limit,
                scope=scope,
                before=before,
                level=to,
                finding=seen.finding,
                reason=seen.reason,
            )
        )

    def accept(self, limit: str, scope: str) -> None:
        """Take for clear what a person accepted: what is found from now on is told of again."""
        for (place, at), seen in self._seen.items():
            one = self.book.limits[place]
            if one.name == limit and at == scope:
                seen.lately, seen.below_ns = [], None
                if seen.level != "ok":
                    self._move(seen, one, scope, "ok")

    def holding_back(self) -> tuple[tuple[int, Limit, Finding], ...]:
        """Return what keeps orders from increasing anything: place in the book, limit, finding.

        Limits of the action ``"no_increase"`` that are believed to be exceeded, and those that
        could not be measured when they were looked at last.
        """
        limits, held = tuple(self.book), []
        for (place, _), seen in self._seen.items():
            found = seen.finding
            if found is None or limits[place].action != "no_increase":
                continue
            unknown = found.value != found.value or found.bound != found.bound
            if seen.level == "breach" or unknown:
                held.append((place, limits[place], found))
        return tuple(held)

    @property
    def unseen(self) -> tuple[Limit, ...]:
        """The monitored limits that never found anything: nobody knows whether they hold."""
        return tuple(
            limit
            for place, limit in enumerate(self.book)
            if limit.monitors and place not in self._looked
        )

    def report(self) -> LimitReport:
        """Return what is believed of each limit and scope now."""
        rows, limits = [], tuple(self.book)
        for (place, scope), seen in self._seen.items():
            found = seen.finding
            assert found is not None
            adjusted = self.adjusted.get(place, ("", 1.0))
            rows.append(row_of(limits[place], found, seen.level, seen.reason, adjusted))
            assert scope == found.scope
        rows += [never(limit, "it was never looked at") for limit in self.unseen]
        return LimitReport(rows=tuple(rows))


def row_of(
    limit: Limit,
    found: Finding,
    level: Standing,
    reason: str = "",
    adjusted: tuple[str, float] = ("", 1.0),
) -> LimitUtilisation:
    """Return the row of a report that says what was found."""
    if not reason and (found.value != found.value or found.bound != found.bound):
        reason = found.reason or "it cannot be measured"
    return LimitUtilisation(
        limit=limit.name,
        scope=found.scope,
        value=float(found.value),
        limit_value=float(found.bound),
        utilisation=float(found.utilisation) if not math.isnan(found.bound) else math.nan,
        level=level,
        unit=found.unit,
        reason=reason,
        key=adjusted[0],
        part=adjusted[1],
    )


def never(limit: Limit, reason: str) -> LimitUtilisation:
    """Return the row of a limit that was not evaluated."""
    return LimitUtilisation(
        limit=limit.name,
        scope="",
        value=math.nan,
        limit_value=math.nan,
        utilisation=math.nan,
        level="never",
        reason=reason,
    )
