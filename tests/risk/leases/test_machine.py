"""Nodes that share a limit: whatever comes in whatever order, they never have more than it.

Each process of a node is modelled as the gate goes by it: what it may use in memory, until when by
its own clock, and what it has heard of the ledger. Requests and their answers are steps of their
own, so that everything else may come between; answers are lost, processes die, the clock that
people set jumps, and second processes claim to be a node that runs.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nautilus_lab.exceptions import InputError, LeaseRefused
from nautilus_lab.risk.leases import Ask, Budget, LocalLedger, Moment

LIMIT = "max_gross_exposure"
SPAN = 1_000
MARGIN = 100
NODES = ("A", "B", "C")
PICK = st.integers(0, 5)
MONEY = st.sampled_from([1, 100, 300, 500, 999, 1_000, 1_500])


@dataclass
class Account:
    """What a node has at its venue, over all lives of it."""

    used: int = 0


@dataclass
class Process:
    """One life of a node."""

    node: str
    account: Account
    seen: int  # of the account's use, what this process knows: its own orders, and what it found
    budget: Budget = field(default_factory=lambda: Budget(LIMIT))
    token: int = 0
    asked: tuple[int, Ask] | None = None  # when, what: a request that was not answered yet
    alive: bool = True


class Firm(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.boot_ns = 10**6
        self.wall_ns = 10**9
        self.ledger = LocalLedger(
            lambda: Moment(wall_ns=self.wall_ns, boot_ns=self.boot_ns, boot="b")
        )
        self.declared = 1_000
        self.lowest = 1_000
        self.accounts = {name: Account() for name in NODES}
        self.processes: list[Process] = []
        self.largest_token = 0

    def living(self, pick):
        alive = [p for p in self.processes if p.alive]
        return alive[pick % len(alive)] if alive else None

    # --- what nodes do

    @initialize(nodes=st.lists(st.sampled_from(NODES), min_size=2, max_size=4))
    def begin(self, nodes):
        for node in nodes:
            self.start(node)

    @precondition(lambda self: sum(p.alive for p in self.processes) < 4)
    @rule(node=st.sampled_from(NODES))
    def start(self, node):
        """A process of a node begins; one that runs does not hear of it."""
        account = self.accounts[node]
        self.processes.append(Process(node, account, seen=account.used))

    @rule(pick=PICK, wanted=MONEY, needed=st.sampled_from([0, 0, 500]))
    def ask(self, pick, wanted, needed):
        process = self.living(pick)
        if process is None or process.asked is not None:
            return
        if not process.token:
            process.seen = process.account.used
        wanted = max(wanted, process.seen)
        process.budget.lower(wanted / 100)
        ask = Ask(
            limit=LIMIT,
            node=process.node,
            declared=self.declared,
            used=process.seen,
            wanted=wanted,
            needed=needed,
        )
        process.asked = self.boot_ns, ask

    @rule(pick=PICK, lost=st.sampled_from([False, False, False, True]))
    def answer(self, pick, lost):
        """The ledger answers what was asked a while ago; the answer may be lost on its way."""
        process = self.living(pick)
        if process is None or process.asked is None:
            return
        (began, ask), process.asked = process.asked, None
        try:
            if process.token:
                (grant,) = self.ledger.renew(process.token, [ask], span_ns=SPAN)
            else:
                if process.account.used != ask.used:
                    return  # it reads its book within the request, in `LeaseKeeper`
                (grant,) = self.ledger.take([ask], span_ns=SPAN)
                assert grant.lease.token > self.largest_token
                self.largest_token = grant.lease.token
        except LeaseRefused:
            process.budget.end("refused")
            return
        if lost:
            if not process.token:
                process.alive = False  # it never learns its token, and begins anew
            return
        process.token = grant.lease.token
        if not process.budget.refused:
            process.budget.take_over(grant, began + SPAN - MARGIN)

    @rule(pick=PICK, wanted=MONEY, fills=st.booleans())
    def renew(self, pick, wanted, fills):
        """Nothing comes between a request and its answer; all it gives may be used at once."""
        self.ask(pick, wanted, 0)
        self.answer(pick, False)
        if fills:
            self.fill(pick)

    @rule(pick=PICK)
    def fill(self, pick):
        """Orders come until the lease of a process is used up."""
        process = self.living(pick)
        if process is not None:
            self.increase(pick, max(0, round(process.budget.amount * 100) - process.seen))

    @rule(pick=PICK, units=MONEY)
    def increase(self, pick, units):
        """An order comes to the gate of a process."""
        process = self.living(pick)
        if process is None:
            return
        budget = process.budget
        fits = process.seen + units <= round(budget.amount * 100)
        if fits and self.boot_ns < budget.until_ns:
            process.seen += units
            process.account.used += units

    @rule(pick=PICK, units=MONEY)
    def reduce(self, pick, units):
        """What reduces passes always."""
        process = self.living(pick)
        if process is not None:
            less = min(units, process.seen, process.account.used)
            process.seen -= less
            process.account.used -= less

    @rule(pick=PICK)
    def die(self, pick):
        process = self.living(pick)
        if process is not None:
            process.alive = False

    @rule(pick=PICK)
    def stop(self, pick):
        process = self.living(pick)
        if process is None or not process.token or process.asked is not None:
            return
        process.budget.end("stops")
        process.alive = False
        if any(p.alive and p.node == process.node for p in self.processes):
            return
        ask = Ask(
            limit=LIMIT,
            node=process.node,
            declared=self.declared,
            used=process.account.used,
            wanted=process.account.used,
        )
        with contextlib.suppress(LeaseRefused):
            self.ledger.rest(process.token, [ask])

    # --- what happens to all of them

    @rule(ns=st.sampled_from([1, 50, 400, 899, 1_001]))
    def pass_time(self, ns):
        self.boot_ns += ns
        self.wall_ns += ns

    @rule(ns=st.sampled_from([-(10**8), -2_000, 2_000, 10**8]))
    def set_the_clock(self, ns):
        self.wall_ns += ns

    @rule(to=st.sampled_from([200, 600, 900]))
    def lower_the_limit(self, to):
        self.declared = min(self.declared, to)

    @precondition(lambda self: self.ledger.leases())
    @rule(pick=PICK)
    def release(self, pick):
        """A person gives up a dead node, having closed what it had."""
        names = sorted({one.node for one in self.ledger.leases()})
        node = names[pick % len(names)]
        if any(p.alive and p.node == node for p in self.processes):
            return
        try:
            self.ledger.release(node, by="ana", reason="closed by phone")
        except InputError:
            return
        self.accounts[node].used = 0

    # --- what must hold

    @invariant()
    def leases_never_add_up_to_more_than_the_limit(self):
        """What is in doubt, and what a process that was taken over could still fill, included."""
        now = Moment(wall_ns=self.wall_ns, boot_ns=self.boot_ns, boot="b")
        counting = [
            one.amount
            for one in self.ledger.leases()
            if one.state != "fenced" or not one.expires.reached(now)
        ]
        assert sum(counting) <= 1_000

    @invariant()
    def what_is_used_never_is_more_than_the_limit(self):
        assert sum(account.used for account in self.accounts.values()) <= 1_000

    @invariant()
    def nobody_believes_in_more_than_the_ledger_says(self):
        leases = {one.token: one for one in self.ledger.leases()}
        for process in self.processes:
            running = self.boot_ns < process.budget.until_ns
            if process.token and process.alive and running and not process.budget.refused:
                lease = leases.get(process.token)
                now = Moment(wall_ns=self.wall_ns, boot_ns=self.boot_ns, boot="b")
                # Of one that was taken over, what it may still use is what the others miss.
                if lease is not None and lease.state != "fenced":
                    assert not lease.expires.reached(now)
                    assert round(process.budget.amount * 100) <= lease.amount


TestFirm = Firm.TestCase
TestFirm.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)


def test_a_machine_that_forgets_what_a_dead_node_holds_would_be_caught(monkeypatch):
    """The model finds the mistake it is there for."""
    from nautilus_lab.risk.leases import _decisions

    def forgetful(self, now):
        return 0 if self.expires.reached(now) else max(self.amount, self.used)

    monkeypatch.setattr(_decisions.Lease, "claim", forgetful)
    firm = Firm()
    firm.start("A")
    firm.ask(0, 1_000, 0)
    firm.answer(0, False)
    firm.increase(0, 1_000)
    firm.die(0)
    firm.pass_time(5_000)
    firm.start("B")
    firm.ask(0, 1_000, 0)
    firm.answer(0, False)
    with pytest.raises(AssertionError):
        firm.leases_never_add_up_to_more_than_the_limit()
