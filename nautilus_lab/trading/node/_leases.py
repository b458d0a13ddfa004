"""The leases of a node: kept running, made larger and smaller, and told of."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from nautilus_lab.exceptions import LabError, LeaseRefused, StoreError
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.messages import AlertRaised, Event
from nautilus_lab.risk.leases import (
    Appetite,
    Ask,
    Budget,
    Grant,
    Leased,
    Ledger,
    hundredths,
    leased_amount,
    leased_limits,
    use_held,
)
from nautilus_lab.risk.limits import Holdings, LimitBook
from nautilus_lab.trading._lease_trail import ledger_facts
from nautilus_lab.trading._leases import boot_ns

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_BY = "leases"
# Of the time a lease runs, what is left to orders on their way when it is taken to be over.
_MARGIN = 0.1
_RENEW_AFTER = 0.25
_AGAIN_S = 0.5
# How long what an order needed is kept, lengths of a lease: its strategy may send it again.
_NEEDED_FOR = 2
_TELL_AGAIN_S = 10.0
_MOST_UNTOLD = 1_000


class ClosableLedger(Ledger, Protocol):
    """A ledger with a file."""

    @property
    def begun(self) -> str:
        """Which ledger it is."""
        ...

    @property
    def latest(self) -> int:
        """The number of the last change in it."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class LeaseKeeper:
    """Leases what a node needs of its firm limits, from the ledger that all nodes of a home share.

    The gate reads a `Budget` in memory; the ledger is asked on another thread. A lease is renewed
    when a quarter of its time is over, and at once when an order was denied for want of it; what is
    spare is given back. In memory it is made smaller before the ledger hears of it, and larger
    after, and is over a tenth of its time sooner: whatever is lost on the way, the node believes it
    has less than it has.

    A ledger that cannot be reached is asked again and again; meanwhile the lease runs out. One that
    refuses the token knows a later process of this node: this one never increases anything again.

    Parameters
    ----------
    limits : LimitBook
        All limits of the node.
    node : str
        Its trader's id.
    open_ledger : callable
        Opens the ledger; called once it is needed, on the thread that asks it.
    tell : callable, optional
        Takes an event and its topic.
    trail : AuditTrail, optional
        Where it is written down.
    span_s : float, default=10
        How long a lease runs.
    appetite : Appetite, optional
        How much is asked for.
    now_ns : callable, optional
        The clock, nanoseconds that only go up, of all processes of the machine.

    Attributes
    ----------
    limits : LimitBook
        What was given, each limit that is shared out in its place as a `Leased` one.
    leased : tuple of Leased
        Those.
    standing : callable
        Returns the limits that hold now, among them one for each lease: a limit that adjusts itself
        is another object than it was, and the firm is told its bound.
    """

    def __init__(
        self,
        limits: LimitBook,
        *,
        node: str,
        open_ledger: Callable[[], ClosableLedger],
        tell: Callable[[Event, str], None] = lambda event, topic: None,
        trail: AuditTrail | None = None,
        span_s: float = 10.0,
        appetite: Appetite | None = None,
        now_ns: Callable[[], int] = boot_ns,
    ) -> None:
        shared = leased_limits(limits)
        self._wake = asyncio.Event()
        self.leased = tuple(
            Leased(limit=one, budget=Budget(one.name, on_need=self._wake.set), now_ns=now_ns)
            for one in shared
        )
        instead = dict(zip(map(id, shared), self.leased, strict=True))
        held = [instead.get(id(one), one) for one in limits]
        rules = {place: rule.of(held[place]) for place, rule in limits.adjusted.items()}
        self.limits = replace(limits, limits=held, dynamic=tuple(rules.values()))
        self.standing: Callable[[], Iterable[object]] = lambda: self.leased
        self._node = node
        self._open_ledger = open_ledger
        self._ledger: ClosableLedger | None = None
        self._tell = tell
        self._trail = trail
        self._span_ns = int(span_s * _NS)
        self._appetite = appetite if appetite is not None else Appetite()
        self._now_ns = now_ns
        self._token = 0
        self._short: dict[str, bool] = {}  # limit -> whether others need some of it
        self._told: dict[str, float] = {}  # limit -> the amount that was audited last
        self._most: dict[str, float] = {}  # limit -> what is left to this node, once it was lowered
        self._needed_until: dict[str, int] = {}  # limit -> when a need is forgotten
        self._over: set[str] = set()  # limits whose lease is over, and that was told
        self._trouble = ""  # why the ledger did not answer, once that was logged
        self._unknown: set[str] = set()  # limits of which nobody knows what is used, likewise
        self._asking = asyncio.Lock()
        self._untold: list[Callable[[], object]] = []
        self._tell_after_ns = 0

    def __repr__(self) -> str:
        return f"LeaseKeeper({self._node}, {len(self.leased)} leases, token {self._token})"

    async def keep(self, holdings: Callable[[], Holdings]) -> None:
        """Keep the leases until cancelled; without any, wait for that.

        Parameters
        ----------
        holdings : callable
            Returns what the node holds now.
        """
        renew_s = self._span_ns / _NS * _RENEW_AFTER
        while self.leased:
            content = await self.renew(holdings) and not self._unmet
            if not content:
                # What cannot be had now may be had soon, and is asked for again and again.
                await asyncio.sleep(min(_AGAIN_S, renew_s))
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), renew_s)
        await asyncio.Event().wait()

    async def renew(self, holdings: Callable[[], Holdings]) -> bool:
        """Ask the ledger once; return whether it answered. Never raises.

        Parameters
        ----------
        holdings : callable
            Returns what the node holds now.
        """
        async with self._asking:
            self._wake.clear()
            try:
                asks = self._asks(holdings())
                if not asks or self._refused:
                    return False
                began_ns = self._now_ns()
                grants = await asyncio.to_thread(self._request, asks)
            except LeaseRefused as error:
                self._lose(error)
                return False
            except LabError as error:
                if str(error) != self._trouble:
                    log.error("the leases could not be renewed: %s", error)
                self._trouble = str(error)
                return False
            except Exception:
                log.exception("the leases could not be renewed")
                return False
            self._trouble = ""
            until_ns = began_ns + int(self._span_ns * (1 - _MARGIN))
            for grant in grants:
                self._take_over(grant, until_ns)
            return True

    async def rest(self, holdings: Callable[[], Holdings]) -> None:
        """Give back what is not used; nothing increases any more. Call it as the node ends."""
        for one in self.leased:
            one.budget.end(one.budget.refused or "the node stops")
            self._over.add(one.budget.limit)  # nobody has to be told of that
        async with self._asking:
            asks = self._asks(holdings())
            if not self._token or len(asks) < len(self.leased):
                return  # what is not known stays counted in full
            ledger = self._ledger
            assert ledger is not None
            await asyncio.to_thread(ledger.rest, self._token, asks)
            for ask in asks:
                facts = {"limit": ask.limit, "used": _text(ask.used), "token": str(self._token)}
                self._audit("lease.rested", facts)
        self._tell_untold()

    def close(self) -> None:
        """Close the ledger, if it was opened."""
        if self._ledger is not None:
            self._ledger.close()

    def watch(self) -> None:
        """Tell of a lease that is over, and of one that runs again; never raises.

        Call it four times a second.
        """
        try:
            now_ns = self._now_ns()
            for one in self.leased:
                over, limit = not now_ns < one.budget.until_ns, one.budget.limit
                # A node that never had one is told of once the ledger refused or did not answer.
                if over and (self._token or self._trouble) and limit not in self._over:
                    self._over.add(limit)
                    self._tell_over(one.budget)
                elif not over and limit in self._over:
                    self._over.discard(limit)
                    self._tell_running(one.budget)
            if self._untold and now_ns > self._tell_after_ns:
                self._tell_untold()
        except Exception:
            log.exception("the leases could not be looked at")

    # --- asking ---------------------------------------------------------------------------

    @property
    def _unmet(self) -> bool:
        return any(one.budget.needed > one.budget.amount for one in self.leased)

    @property
    def _refused(self) -> bool:
        return any(one.budget.refused for one in self.leased)

    def _asks(self, holdings: Holdings) -> list[Ask]:
        """Return what to ask for, the budgets lowered to it; of all limits or of none at first."""
        asks = []
        for one in self.standing():
            if not isinstance(one, Leased):
                continue
            used = use_held(one.limit, holdings)
            if not math.isfinite(used):
                if one.name not in self._unknown:
                    log.warning("what is used of %s is not known; its lease runs out", one.name)
                self._unknown.add(one.name)
                continue
            self._unknown.discard(one.name)
            asks.append(self._ask(one, used))
        return asks if self._token or len(asks) == len(self.leased) else []

    def _ask(self, one: Leased, used: float) -> Ask:
        budget, limit = one.budget, one.budget.limit
        firm = leased_amount(one.limit)
        assert firm is not None
        now_ns = self._now_ns()
        if budget.needed and self._needed_until.get(limit, 0) < now_ns:
            if limit in self._needed_until:
                budget.needed = 0.0
                del self._needed_until[limit]
            else:
                self._needed_until[limit] = now_ns + _NEEDED_FOR * self._span_ns
        wanted = self._appetite.wanted(
            used=used,
            amount=budget.amount,
            needed=budget.needed,
            firm=min(firm, budget.firm) if budget.token else firm,
            short=self._short.get(limit, False) and not budget.needed,
        )
        wanted = max(used, min(wanted, self._most.get(limit, math.inf)))
        asked = hundredths(wanted, up=True)
        budget.lower(asked / 100)
        return Ask(
            limit=limit,
            node=self._node,
            declared=hundredths(firm, up=False),
            used=hundredths(used, up=True),
            wanted=asked,
            needed=hundredths(budget.needed, up=True) if budget.needed > budget.amount else 0,
        )

    def _request(self, asks: Sequence[Ask]) -> tuple[Grant, ...]:
        if self._ledger is None:
            self._ledger = self._open_ledger()
        if not self._token:
            grants = self._ledger.take(asks, span_ns=self._span_ns)
            self._token = grants[0].lease.token
            return grants
        return self._ledger.renew(self._token, asks, span_ns=self._span_ns)

    def _take_over(self, grant: Grant, until_ns: int) -> None:
        limit = grant.lease.limit
        budget = next(one.budget for one in self.leased if one.budget.limit == limit)
        # As it was told last: the budget itself was lowered before the ledger was asked.
        before = self._told.get(limit)
        budget.take_over(grant, until_ns)
        self._short[limit] = grant.short > 0
        self._most.pop(limit, None)
        if grant.lease.amount > grant.room:
            # The limit was lowered: from now on no more than is left, told with the next renewal.
            self._most[limit] = grant.room / 100
            budget.lower(max(grant.room, grant.lease.used) / 100)
        if before is None or budget.amount != before:
            grew = before is None or budget.amount > before
            kind = "lease.granted" if grew else "lease.shrunk"
            self._told[limit] = budget.amount
            self._audit(kind, _facts(budget))
            log.info("%s: %r", kind, budget)

    def _lose(self, error: LeaseRefused) -> None:
        for one in self.leased:
            one.budget.end(error.rule)
        log.critical("this node's leases are another process' now: %s", error)

    # --- telling --------------------------------------------------------------------------

    def _tell_over(self, budget: Budget) -> None:
        why = budget.refused or (self._trouble if not self._token else "")
        why = why or "the ledger of leases could not be reached in time"
        log.error("the lease of %s is over: %s", budget.limit, why)
        if self._token:
            self._audit("lease.expired", _facts(budget) | {"reason": why})
        self._alert(
            AlertRaised(
                severity="critical",
                component=_BY,
                rule=f"a node must hold a lease of {budget.limit} to increase anything",
                detail=f"{self._node} does no more than reduce: {why}",
                remedy="see nautilus-lab leases; it trades on by itself once the ledger answers",
            )
        )

    def _tell_running(self, budget: Budget) -> None:
        self._alert(
            AlertRaised(
                severity="info",
                component=_BY,
                rule=f"a node must hold a lease of {budget.limit} to increase anything",
                detail=f"{self._node} has one again, of {budget.amount:,.2f}",
            )
        )

    def _alert(self, alert: AlertRaised) -> None:
        self._later(lambda: self._tell(alert, f"system.alert.{self._node}"))

    def _audit(self, kind: str, facts: Mapping[str, object]) -> None:
        trail, ledger = self._trail, self._ledger
        if trail is not None:
            # By this an older copy that is put back is known to be one.
            known = {} if ledger is None else ledger_facts(ledger.begun, ledger.latest)
            self._later(lambda: trail.append(kind, {**facts, **known}, actor=_BY))

    def _later(self, act: Callable[[], object]) -> None:
        self._untold.append(act)
        if len(self._untold) > _MOST_UNTOLD:
            log.error("too much waits to be told of leases; the oldest is forgotten")
            del self._untold[0]

    def _tell_untold(self) -> None:
        """Tell what has not been told, oldest first, as far as the store takes it."""
        while self._untold:
            try:
                self._untold[0]()
            except StoreError as error:
                log.error("what became of a lease cannot be told yet: %s", error)
                self._tell_after_ns = self._now_ns() + int(_TELL_AGAIN_S * _NS)
                return
            except Exception:
                log.exception("what became of a lease could not be told")
            del self._untold[0]


def _facts(budget: Budget) -> dict[str, object]:
    return {
        "limit": budget.limit,
        "token": str(budget.token),
        "amount": f"{budget.amount:.2f}",
        "firm": f"{budget.firm:.2f}",
        "others": f"{budget.others:.2f}",
    }


def _text(cents: int) -> str:
    return f"{cents / 100:.2f}"
