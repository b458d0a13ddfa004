"""A firm limit of which a node may use what it has leased."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from nautilus_lab.risk.leases._budget import Budget
from nautilus_lab.risk.leases._use import use_held
from nautilus_lab.risk.limits import (
    Asked,
    Finding,
    Held,
    Holdings,
    Limit,
    Mode,
    Prepares,
    shown,
)


class OffLease(Finding, frozen=True, gc=False):
    """What a limit found that has no room on its lease; `reason` says why."""

    def __str__(self) -> str:
        return f"{self.limit.upper()}: {self.reason}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Leased(Limit):
    """A firm limit in a node: an order must be within the limit, and within the node's lease.

    Once the lease is over, only what reduces passes. What is monitored is the firm's: what this
    node uses, and what the others told last.

    Parameters
    ----------
    limit : Limit
        One whose `leased_amount` is not None.
    budget : Budget
        What of it may be used.
    now_ns : callable, optional
        The clock that `Budget.until_ns` is of.
    """

    scopes: ClassVar[str] = "firm"
    formula: ClassVar[str] = "as its limit, <= the node's lease"
    modes: ClassVar[tuple[Mode, ...]] = ("both", "block", "monitor")

    limit: Limit
    budget: Budget
    now_ns: Callable[[], int] = field(default=time.monotonic_ns)

    def __post_init__(self) -> None:
        # It goes by the name of what it stands for.
        for name in ("name", "number", "mode", "action", "instruments", "strategies"):
            object.__setattr__(self, name, getattr(self.limit, name))
        super().__post_init__()

    @property
    def exposure(self) -> bool:
        """As the limit: orders that open nothing are not asked."""
        return self.limit.exposure

    @property
    def particular(self) -> bool:
        """As the limit."""
        return self.limit.particular

    @property
    def awaits(self) -> str:
        """The first lease, before there is one."""
        return "" if self.budget.token else "there is no lease yet"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the limit: where they are read again, it is leased again."""
        return self.limit.settings

    @property
    def max_notional(self) -> float | None:
        """The bound of the limit, where it has one."""
        return getattr(self.limit, "max_notional", None)

    @property
    def max_fraction(self) -> float | None:
        """The bound of the limit, where it has one."""
        return getattr(self.limit, "max_fraction", None)

    def with_bounds(self, bounds: Mapping[str, Any]) -> Leased:
        """Return the limit with other bounds, of the same lease."""
        return replace(self, limit=self.limit.with_bounds(bounds))

    def prepare(self, book: Prepares) -> None:
        """Have a book add up what the limit needs."""
        self.limit.prepare(book)

    def judge(self, asked: Asked, held: Held) -> Finding:
        """Measure as the limit does, and compare with the lease too."""
        found, budget = self.limit.judge(asked, held), self.budget
        if found.passed and found.value <= budget.amount and self.now_ns() < budget.until_ns:
            return found
        return self._denied(found) if found.passed else found

    def _denied(self, found: Finding) -> Finding:
        budget, now_ns = self.budget, self.now_ns()
        if not now_ns < budget.until_ns:
            if budget.refused:
                why = f"the lease is lost: {budget.refused}"
            elif not budget.token:
                why = "there is no lease yet"
            else:
                over_s = (now_ns - budget.until_ns) / 1e9
                why = f"the lease (token {budget.token}) expired {over_s:.1f} s ago"
            return self._off(found, f"{why}; only what reduces passes")
        budget.need(found.value)
        return self._off(
            found,
            f"{shown(found.value)} is over the lease of {shown(budget.amount)} (token "
            f"{budget.token}) of the firm's {shown(budget.firm)}, of which others use "
            f"{shown(budget.others)}; more was asked for",
        )

    def _off(self, found: Finding, why: str) -> Finding:
        return OffLease(
            found.limit, found.scope, found.value, self.budget.amount, False, found.unit, why
        )

    def look(self, holdings: Holdings) -> Iterator[Finding]:
        """Add what others use to what this node does; nothing before the ledger said what."""
        budget = self.budget
        if budget.token:
            value = use_held(self.limit, holdings) + budget.others
            yield self._found("firm", value, budget.firm, holdings.currency)

    def __repr__(self) -> str:
        return f"Leased({self.limit!r}, {self.budget!r})"
