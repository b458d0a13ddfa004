"""The leases of a node: kept, grown, given back, lost, and told of."""

import asyncio
import threading

import pytest

from nautilus_lab.exceptions import StoreError, StoreUnwritable
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.risk.leases import Appetite, Ask, LocalLedger, Moment
from nautilus_lab.risk.limits import (
    DailyLoss,
    Holdings,
    LimitBook,
    MaxGrossExposure,
    MaxOrderNotional,
    Position,
    scaled,
)
from nautilus_lab.trading.node._controls import day_of_the_firm
from nautilus_lab.trading.node._leases import LeaseKeeper

GROSS = MaxGrossExposure(max_notional=1_000, per="firm")
ORDER = MaxOrderNotional(max_notional=5)
S = 1_000_000_000


def holding(value):
    return Holdings(
        positions=(Position(instrument="A.X", symbol="A", venue="X", units=value, price=1.0),)
    )


class Firm:
    """A ledger that may be away, a clock, and the keepers of some nodes."""

    def __init__(self):
        self.now_ns = 10 * S
        self.away = False
        self.full = False
        self.ledger = LocalLedger(
            lambda: Moment(wall_ns=self.now_ns, boot_ns=self.now_ns, boot="b")
        )
        self.threads = set()
        self.begun, self.latest = "f00d", 7
        self.told, self.rows = [], []

    def keeper(self, node, *limits, **more):
        return LeaseKeeper(
            LimitBook(limits or (ORDER, GROSS)),
            node=node,
            open_ledger=lambda: self,
            tell=self._tell,
            trail=self,
            span_s=10.0,
            appetite=Appetite(step=0.2),
            now_ns=lambda: self.now_ns,
            **more,
        )

    def _tell(self, body, topic):
        if self.full:
            raise StoreUnwritable("the disk is full")
        self.told.append((topic, body))

    def append(self, kind, body, *, actor):
        if self.full:
            raise StoreUnwritable("the disk is full")
        assert all(isinstance(value, str | int) for value in body.values())  # canonical JSON
        assert (body["ledger"], body["change"]) == ("f00d", "7")
        self.rows.append((kind, body["limit"], actor))

    def alerts(self):
        return [(b.severity, b.detail) for _, b in self.told if isinstance(b, AlertRaised)]

    # --- the ledger, as a keeper sees it

    def _reached(self):
        self.threads.add(threading.get_ident())
        if self.away:
            raise StoreError("the ledger is away")
        return self.ledger

    def take(self, asks, *, span_ns):
        return self._reached().take(asks, span_ns=span_ns)

    def renew(self, token, asks, *, span_ns):
        return self._reached().renew(token, asks, span_ns=span_ns)

    def rest(self, token, asks):
        self._reached().rest(token, asks)

    def close(self):
        pass

    def amounts(self):
        return {one.node: one.amount / 100 for one in self.ledger.leases() if one.state != "fenced"}


@pytest.fixture
def firm():
    return Firm()


def budget(keeper):
    (one,) = keeper.leased
    return one.budget


def test_what_is_shared_out_is_leased_in_its_place_and_the_rest_is_left(firm):
    keeper = firm.keeper("A", ORDER, GROSS, MaxGrossExposure(max_notional=9))
    assert [limit is kept for limit, kept in zip(keeper.limits, (ORDER, GROSS), strict=False)] == [
        True,
        False,
    ]
    assert [one.limit for one in keeper.leased] == [GROSS]


def test_a_loss_of_the_firm_alone_keeps_the_day_of_the_account_too(firm):
    keeper = firm.keeper("A", DailyLoss(max_loss=5_000, per="firm", action="halt"))
    assert day_of_the_firm(keeper.leased) == DailyLoss(max_loss=5_000, action="halt")
    assert day_of_the_firm(firm.keeper("A").leased) is None


async def test_without_a_firm_limit_no_ledger_is_opened(firm):
    keeper = firm.keeper("A", ORDER)
    assert not await keeper.renew(lambda: holding(0))
    await keeper.rest(lambda: holding(0))
    assert firm.threads == set()


async def test_a_node_begins_with_some_room_asked_for_on_another_thread(firm):
    keeper = firm.keeper("A")
    assert await keeper.renew(lambda: holding(50))
    assert (budget(keeper).amount, budget(keeper).firm) == (250.0, 1_000.0)
    # It is over for the node before it is over in the ledger.
    (lease,) = firm.ledger.leases()
    assert budget(keeper).until_ns == lease.expires.boot_ns - S
    assert threading.get_ident() not in firm.threads
    keeper.watch()
    assert firm.rows == [("lease.granted", "max_gross_exposure", "leases")]


async def test_what_a_denied_order_needed_is_asked_for_and_kept_for_a_while(firm):
    keeper = firm.keeper("A")
    await keeper.renew(lambda: holding(0))
    budget(keeper).need(700.0)
    await keeper.renew(lambda: holding(0))
    assert budget(keeper).amount == 700.0
    firm.now_ns += 5 * S
    await keeper.renew(lambda: holding(0))
    assert budget(keeper).amount == 700.0  # its strategy may send it again
    for _ in range(4):
        firm.now_ns += 8 * S
        await keeper.renew(lambda: holding(0))
    assert budget(keeper).amount == 200.0


async def test_what_is_spare_is_given_to_who_needs_it(firm):
    one, two = firm.keeper("A"), firm.keeper("B")
    await one.renew(lambda: holding(0))
    budget(one).need(1_000.0)
    await one.renew(lambda: holding(100))
    assert firm.amounts() == {"A": 1_000.0}
    await two.renew(lambda: holding(0))
    budget(two).need(600.0)
    await two.renew(lambda: holding(0))
    assert firm.amounts() == {"A": 1_000.0, "B": 0.0}
    budget(one).needed = 0.0
    await one.renew(lambda: holding(100))  # hears of it
    await one.renew(lambda: holding(100))
    assert firm.amounts() == {"A": 100.0, "B": 0.0}
    one.watch()
    kinds = [kind for kind, *_ in firm.rows]
    assert kinds.count("lease.shrunk") >= 1
    await two.renew(lambda: holding(0))
    assert firm.amounts() == {"A": 100.0, "B": 600.0}


async def test_the_budget_is_lowered_before_the_ledger_hears_of_it(firm):
    keeper = firm.keeper("A")
    await keeper.renew(lambda: holding(0))
    budget(keeper).need(900.0)
    await keeper.renew(lambda: holding(0))
    budget(keeper).needed = 0.0
    firm.away = True
    assert not await keeper.renew(lambda: holding(0))
    # Whether the ledger did it or not, the node uses no more than it asked for.
    assert (budget(keeper).amount, firm.amounts()) == (200.0, {"A": 900.0})


async def test_while_the_ledger_is_away_the_lease_runs_out_and_that_is_told_once(firm):
    keeper = firm.keeper("A")
    await keeper.renew(lambda: holding(0))
    until = budget(keeper).until_ns
    firm.away = True
    firm.now_ns += 8 * S
    assert not await keeper.renew(lambda: holding(0))
    keeper.watch()
    assert (budget(keeper).until_ns, firm.alerts()) == (until, [])
    firm.now_ns = until
    for _ in range(3):
        keeper.watch()
    (alert,) = firm.alerts()
    assert alert == (
        "critical",
        "A does no more than reduce: the ledger of leases could not be reached in time",
    )
    assert firm.rows[-1] == ("lease.expired", "max_gross_exposure", "leases")
    firm.away = False
    assert await keeper.renew(lambda: holding(0))
    keeper.watch()
    assert firm.alerts()[1:] == [("info", "A has one again, of 200.00")]


async def test_a_node_that_never_got_a_lease_says_why(firm):
    keeper = firm.keeper("A")
    keeper.watch()
    assert firm.alerts() == []  # nobody asked yet
    firm.away = True
    assert not await keeper.renew(lambda: holding(0))
    for _ in range(2):
        keeper.watch()
    assert firm.alerts() == [("critical", "A does no more than reduce: the ledger is away")]
    assert firm.rows == []
    firm.away = False
    assert await keeper.renew(lambda: holding(0))
    keeper.watch()
    assert firm.alerts()[1:] == [("info", "A has one again, of 200.00")]


async def test_what_is_used_that_is_not_known_lets_the_lease_run_out(firm):
    keeper = firm.keeper("A")
    assert not await keeper.renew(lambda: holding(float("nan")))
    assert firm.amounts() == {}
    await keeper.renew(lambda: holding(0))
    until = budget(keeper).until_ns
    firm.now_ns += S
    await keeper.renew(lambda: holding(float("nan")))
    assert budget(keeper).until_ns == until


async def test_a_later_process_of_the_node_ends_this_one(firm):
    old, new = firm.keeper("A"), firm.keeper("A")
    await old.renew(lambda: holding(0))
    await new.renew(lambda: holding(0))
    assert not await old.renew(lambda: holding(0))
    assert budget(old).until_ns == 0
    assert "took it last" in budget(old).refused
    old.watch()
    assert [severity for severity, _ in firm.alerts()] == ["critical"]
    assert not await old.renew(lambda: holding(0))  # it never asks again
    assert await new.renew(lambda: holding(0))


async def test_a_lower_limit_is_given_back_with_the_next_renewal(firm):
    keeper = firm.keeper("A")
    await keeper.renew(lambda: holding(0))
    budget(keeper).need(900.0)
    await keeper.renew(lambda: holding(0))
    low = Ask(limit=GROSS.name, node="B", declared=30_000, used=0, wanted=0)
    firm.ledger.take([low], span_ns=100 * S)
    await keeper.renew(lambda: holding(120))
    assert (budget(keeper).amount, budget(keeper).firm) == (300.0, 300.0)
    await keeper.renew(lambda: holding(120))
    assert firm.amounts()["A"] <= 300.0


async def test_a_limit_that_tightened_itself_is_told_to_the_firm(firm):
    keeper = firm.keeper("A")
    await keeper.renew(lambda: holding(0))
    keeper.standing = lambda: [ORDER, scaled(keeper.leased[0], 0.1)]
    await keeper.renew(lambda: holding(0))
    await keeper.renew(lambda: holding(0))
    (lease,) = firm.ledger.leases()
    assert (lease.declared, lease.amount) == (10_000, 2_000)
    assert (budget(keeper).firm, budget(keeper).amount) == (100.0, 20.0)


async def test_a_node_that_stops_keeps_what_it_uses_and_nothing_increases(firm):
    keeper = firm.keeper("A")
    await keeper.renew(lambda: holding(100))
    await keeper.rest(lambda: holding(80))
    (lease,) = firm.ledger.leases()
    assert (lease.state, lease.amount, lease.used) == ("rested", 8_000, 8_000)
    assert budget(keeper).until_ns == 0
    assert firm.rows[-1][0] == "lease.rested"
    keeper.watch()
    assert firm.alerts() == []


async def test_what_cannot_be_told_is_told_later(firm):
    keeper = firm.keeper("A")
    firm.full = True
    await keeper.renew(lambda: holding(0))
    keeper.watch()
    assert firm.rows == []
    firm.full = False
    keeper.watch()
    assert firm.rows == []  # a store that is locked holds up the node with each try
    firm.now_ns += 11 * S
    keeper.watch()
    assert ("lease.granted", "max_gross_exposure", "leases") in firm.rows


async def test_it_renews_by_itself_and_at_once_when_an_order_needs_more(firm):
    keeper = firm.keeper("A")
    work = asyncio.ensure_future(keeper.keep(lambda: holding(0)))
    try:
        async with asyncio.timeout(10):
            while not budget(keeper).token:
                await asyncio.sleep(0.005)
            began = asyncio.get_running_loop().time()
            budget(keeper).need(800.0)
            while budget(keeper).amount < 800.0:
                await asyncio.sleep(0.005)
        # Long before the quarter of ten seconds after which it renews anyway.
        assert asyncio.get_running_loop().time() - began < 2.0
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
