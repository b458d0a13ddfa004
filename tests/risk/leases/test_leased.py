"""A firm limit in a gate: within the limit, and within the node's lease."""

import math

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.leases import (
    MOST,
    Appetite,
    Budget,
    Grant,
    Lease,
    Leased,
    Moment,
    leased_amount,
    leased_limits,
)
from nautilus_lab.risk.limits import (
    DailyLoss,
    LimitBook,
    MaxConcentration,
    MaxGrossExposure,
    MaxLeverage,
    MaxNetExposure,
    limit_of,
)
from tests.execution.gate.stand import Stand

GROSS = MaxGrossExposure(max_notional=50_000, per="firm")


def grant(amount, *, firm=50_000.0, others=0.0, token=7):
    lease = Lease(
        limit=GROSS.name,
        node="A",
        token=token,
        amount=round(amount * 100),
        used=0,
        needed=0,
        declared=round(firm * 100),
        expires=Moment(wall_ns=0, boot_ns=0, boot=""),
    )
    return Grant(lease=lease, limit=round(firm * 100), room=0, others=round(others * 100), short=0)


class Bench:
    def __init__(self, limit=GROSS):
        self.now_ns = 1_000
        self.needs = []
        self.budget = Budget(limit.name, on_need=lambda: self.needs.append(self.budget.needed))
        self.leased = Leased(limit=limit, budget=self.budget, now_ns=lambda: self.now_ns)
        self.stand = Stand(self.leased)
        self.stand.quote("100.00", "100.00")

    def buy(self, units):
        return self.stand.status(self.stand.do(lambda s: s.market(units)))


@pytest.fixture
def bench():
    made = []

    def make(*limit):
        made.append(Bench(*limit))
        return made[-1]

    yield make
    for one in made:
        one.stand.__exit__(None, None, None)


def test_without_a_lease_nothing_increases(bench):
    bench = bench()
    assert bench.buy(1) == "DENIED"
    assert bench.stand.reason() == (
        "MAX_GROSS_EXPOSURE: there is no lease yet; only what reduces passes"
    )


def test_on_the_lease_an_order_passes_and_beyond_it_more_is_asked_for(bench):
    bench = bench()
    bench.budget.take_over(grant(10_000, others=30_000), 2_000)
    assert bench.buy(100) == "FILLED"
    assert bench.buy(1) == "DENIED"
    assert bench.stand.reason() == (
        "MAX_GROSS_EXPOSURE: 10100.00 is over the lease of 10000.00 (token 7) of the firm's "
        "50000.00, of which others use 30000.00; more was asked for"
    )
    assert bench.needs == [10_100.0]


def test_beyond_the_firms_own_limit_nothing_is_asked_for(bench):
    bench = bench()
    bench.budget.take_over(grant(10_000), 2_000)
    assert bench.buy(501) == "DENIED"
    assert "over the limit of 50000.00" in bench.stand.reason()
    assert bench.needs == []


def test_once_it_is_over_only_what_reduces_passes(bench):
    bench = bench()
    bench.budget.take_over(grant(10_000), 2_000)
    assert bench.buy(50) == "FILLED"
    bench.now_ns = 1_500_002_000
    assert bench.buy(1) == "DENIED"
    assert bench.stand.reason() == (
        "MAX_GROSS_EXPOSURE: the lease (token 7) expired 1.5 s ago; only what reduces passes"
    )
    assert bench.buy(-20) == "FILLED"
    assert bench.buy(-31) == "DENIED"  # it would open the other side
    assert bench.buy(-30) == "FILLED"
    bench.budget.take_over(grant(10_000), 3_000_000_000)
    assert bench.buy(1) == "FILLED"


def test_a_lease_that_is_lost_says_why(bench):
    bench = bench()
    bench.budget.take_over(grant(10_000), 2_000)
    bench.budget.end("another process has it")
    assert bench.buy(1) == "DENIED"
    assert "the lease is lost: another process has it; only what reduces" in bench.stand.reason()


def test_before_the_first_lease_that_is_why_no_look_found_anything():
    leased = Leased(limit=GROSS, budget=Budget(GROSS.name))
    assert leased.awaits == "there is no lease yet"
    leased.budget.take_over(grant(10_000), 2_000)
    assert leased.awaits == ""


def test_what_cannot_be_measured_is_denied(bench):
    bench = bench()
    bench.budget.take_over(grant(10_000), 2_000)
    bench.stand.quote("0.00", "100.00")
    assert bench.buy(1) == "DENIED"
    assert "cannot be measured" in bench.stand.reason()


def test_what_is_monitored_is_the_firms(bench):
    bench = bench()
    bench.budget.take_over(grant(10_000, others=30_000), 2_000)
    bench.buy(100)
    book = LimitBook([bench.leased])
    (row,) = book.look(bench.stand.book.holdings(bench.stand.now))
    assert (row.limit, row.scope, row.value, row.limit_value) == (
        "max_gross_exposure",
        "firm",
        40_000,
        50_000,
    )


def test_before_the_ledger_said_anything_it_was_never_looked_at(bench):
    (row,) = LimitBook([bench().leased]).look(bench().stand.book.holdings(0))
    assert row.level == "never"


def test_its_settings_are_those_of_the_limit(bench):
    assert limit_of(bench().leased.settings) == GROSS


@pytest.mark.parametrize(
    ("limit", "amount"),
    [
        (GROSS, 50_000),
        (MaxNetExposure(max_notional=7, max_fraction=0.5, per="firm"), 7),
        (DailyLoss(max_loss=9, per="firm"), 9),
        # Each node holds these of its own, and then the firm does.
        (MaxGrossExposure(max_fraction=1.5, per="firm"), None),
        (DailyLoss(max_fraction=0.02, per="firm"), None),
        (MaxLeverage(max_times=2, per="firm"), None),
        (MaxConcentration(max_fraction=0.2, per="firm"), None),
        # These are of one node anyway.
        (MaxGrossExposure(max_notional=50_000), None),
        (DailyLoss(max_loss=9), None),
    ],
)
def test_amounts_are_shared_out_and_fractions_are_not(limit, amount):
    assert leased_amount(limit) == amount


def test_what_cannot_be_shared_out_is_refused():
    with pytest.raises(InputError, match="blocks"):
        leased_limits([MaxGrossExposure(max_notional=1, per="firm", mode="monitor")])
    with pytest.raises(InputError, match="at most"):
        leased_limits([MaxGrossExposure(max_notional=MOST * 2, per="firm")])
    with pytest.raises(InputError, match="there is one"):
        leased_limits([GROSS, MaxGrossExposure(max_notional=60_000, per="firm")])


def test_net_exposure_and_loss_are_leased_as_they_are_measured(bench):
    bench = bench(MaxNetExposure(max_notional=50_000, per="firm"))
    bench.budget.take_over(grant(1_000), 2_000)
    assert bench.buy(10) == "FILLED"
    assert bench.buy(1) == "DENIED"


def test_a_loss_is_leased_and_a_gain_is_none(bench):
    bench = bench(DailyLoss(max_loss=5_000, per="firm"))
    bench.stand.book.day_start_equity = bench.stand.book.equity
    bench.budget.take_over(grant(1_000, firm=5_000), 2_000)
    assert bench.buy(100) == "FILLED"
    bench.stand.quote("90.00", "90.00")
    assert bench.buy(1) == "FILLED"  # a thousand is lost: on the lease
    bench.stand.quote("89.98", "89.98")
    assert bench.buy(1) == "DENIED"
    assert "over the lease of 1000.00" in bench.stand.reason()
    assert bench.buy(-50) == "FILLED"


# --- how much is asked for ----------------------------------------------------------------


def test_what_is_needed_is_asked_for_and_never_more_than_the_firm_has():
    appetite = Appetite(step=0.2)
    wanted = appetite.wanted(used=10, amount=100, needed=700, firm=1_000)
    assert wanted == 700
    assert appetite.wanted(used=950, amount=950, needed=0, firm=1_000) == 1_000
    # Who uses more than the firm may, since it was lowered, still says so.
    assert appetite.wanted(used=1_200, amount=950, needed=0, firm=1_000) == 1_200


@pytest.mark.parametrize("step", [0, -1, 1.1, math.nan])
def test_a_room_that_is_none_is_refused(step):
    with pytest.raises(InputError):
        Appetite(step=step)
