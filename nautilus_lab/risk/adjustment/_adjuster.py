"""A limit book some of whose limits adjust themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.adjustment._dynamic import DynamicLimit
from nautilus_lab.risk.adjustment._request import Loosening
from nautilus_lab.risk.adjustment._signals import Signals
from nautilus_lab.risk.adjustment._state import Adjusted, AdjustmentRecord, AdjustmentState
from nautilus_lab.risk.limits import LimitBook

_NONE: Mapping[str, AdjustmentState] = MappingProxyType({})


class LimitAdjuster:
    """Keeps where the dynamic limits of a book stand, and the book as it holds.

    Parameters
    ----------
    book : LimitBook
        With base bounds.
    dynamic : iterable of DynamicLimit, optional
        Each of a limit that is in the book, with a key of its own; beside those that the book
        has itself.
    states : mapping of str to AdjustmentState, optional
        By key: where they stood. Without them a restart would begin at the base, and so loosen;
        who knows that they were lost passes ``AdjustmentState(percent=1)``, which is the floor.

    Examples
    --------
    >>> from nautilus_lab.risk.adjustment import VolatilityRule
    >>> from nautilus_lab.risk.limits import MaxGrossExposure, MaxLeverage
    >>> gross = MaxGrossExposure(max_fraction=2.0)
    >>> adjuster = LimitAdjuster(
    ...     LimitBook([gross, MaxLeverage(max_times=3.0)]),
    ...     [DynamicLimit(limit=gross, rule=VolatilityRule(target=0.15))],
    ... )
    >>> records = adjuster.look(Signals.at(0, volatility=0.30), now_ns=0)
    >>> adjuster.book.limits
    (MaxGrossExposure(max_fraction=1.0), MaxLeverage(max_times=3.0))
    """

    def __init__(
        self,
        book: LimitBook,
        dynamic: Iterable[DynamicLimit] = (),
        *,
        states: Mapping[str, AdjustmentState] = _NONE,
    ) -> None:
        self.base = dataclasses.replace(book, dynamic=(*book.dynamic, *dynamic))
        self._dynamic: dict[str, DynamicLimit] = {}
        for one in self.base.dynamic:
            if not isinstance(one, DynamicLimit):
                raise InputError("a dynamic limit must be a DynamicLimit", value=one)
            self._dynamic[one.key] = one
        unknown = states.keys() - self._dynamic.keys()
        if unknown:
            raise InputError("a state is of no dynamic limit", value=", ".join(sorted(unknown)))
        self._states = {key: states.get(key, AdjustmentState()) for key in self._dynamic}
        self._now_ns = max((state.looked_ns for state in self._states.values()), default=0)
        self._held: dict[str, float] = {}
        self._rebuild()

    def __repr__(self) -> str:
        parts = ", ".join(f"{key}={part:.0%}" for key, part in self.parts.items())
        return f"LimitAdjuster({parts})"

    @property
    def book(self) -> LimitBook:
        """The book as it held at the last look or decision; another one after a change."""
        return self._book

    @property
    def parts(self) -> Mapping[str, float]:
        """By key: the part of the base that held at the last look or decision."""
        return MappingProxyType(dict(self._held))

    @property
    def dynamic(self) -> Mapping[str, DynamicLimit]:
        """The dynamic limits by key."""
        return MappingProxyType(self._dynamic)

    @property
    def states(self) -> Mapping[str, AdjustmentState]:
        """By key: where they stand, to be kept over a restart."""
        return MappingProxyType(dict(self._states))

    def look(
        self, signals: Signals, now_ns: int, *, but: Collection[str] = ()
    ) -> tuple[AdjustmentRecord, ...]:
        """Ask every rule, move what is to be moved, and return what changed.

        Parameters
        ----------
        signals : Signals
            What is known now.
        now_ns : int
            UNIX nanoseconds.
        but : collection of str, optional
            The keys of those that are not asked: they stay where they stand.
        """
        self._now_ns = max(self._now_ns, now_ns)
        records: list[AdjustmentRecord] = []
        for key, one in self._dynamic.items():
            if key in but:
                continue
            found = one.adjust(self._states[key], signals, now_ns)
            self._states[key] = found.state
            records += found.records
        self._rebuild()
        return tuple(records)

    def take_back(self, states: Mapping[str, AdjustmentState]) -> None:
        """Put limits back where they stood; what could not be kept must not hold."""
        self._states |= states
        self._rebuild()

    def propose(
        self,
        key: str,
        *,
        request_id: str,
        to: float,
        requester: str,
        reason: str,
        lasts_s: float,
        now_ns: int,
    ) -> Loosening:
        """Ask for a loosening of one limit; see `DynamicLimit.propose`."""
        return self._of(key).propose(
            self._states[key],
            request_id=request_id,
            to=to,
            requester=requester,
            reason=reason,
            lasts_s=lasts_s,
            now_ns=now_ns,
        )

    def approve(self, request: Loosening, *, by: str, now_ns: int) -> tuple[AdjustmentRecord, ...]:
        """Grant a loosening; see `DynamicLimit.approve`."""
        one = self._of(request.limit)
        found = one.approve(self._states[one.key], request, by=by, now_ns=now_ns)
        return self._take(one.key, found, now_ns)

    def revoke(self, key: str, *, by: str, now_ns: int) -> tuple[AdjustmentRecord, ...]:
        """End what was granted; see `DynamicLimit.revoke`."""
        return self._take(
            key, self._of(key).revoke(self._states[key], by=by, now_ns=now_ns), now_ns
        )

    def _of(self, key: str) -> DynamicLimit:
        if key not in self._dynamic:
            raise InputError(
                "what is asked to be looser must be a limit that adjusts itself",
                value=key,
                remedy=", ".join(self._dynamic) or "none of this book does",
            )
        return self._dynamic[key]

    def _take(self, key: str, found: Adjusted, now_ns: int) -> tuple[AdjustmentRecord, ...]:
        self._now_ns = max(self._now_ns, now_ns)
        self._states[key] = found.state
        self._rebuild()
        return found.records

    def _rebuild(self) -> None:
        held = {
            key: one.part(self._states[key], self._now_ns) for key, one in self._dynamic.items()
        }
        if held != self._held or not held:
            self._held, self._book = held, self.base.at(held)
