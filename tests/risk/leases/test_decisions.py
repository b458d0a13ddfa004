"""What a request makes of the leases there are."""

import math

import pytest

from nautilus_lab.exceptions import InputError, LeaseRefused
from nautilus_lab.risk.leases import Ask, LocalLedger, Moment, hundredths

LIMIT = "max_gross_exposure"


class Clock:
    def __init__(self):
        self.wall_ns, self.boot_ns, self.boot = 10**18, 10**9, "first"

    def __call__(self):
        return Moment(wall_ns=self.wall_ns, boot_ns=self.boot_ns, boot=self.boot)

    def go(self, ns):
        self.wall_ns += ns
        self.boot_ns += ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(clock):
    return LocalLedger(clock)


def ask(node, wanted, *, used=0, needed=0, declared=1_000):
    return Ask(limit=LIMIT, node=node, declared=declared, used=used, wanted=wanted, needed=needed)


def take(ledger, node, wanted, **more):
    (grant,) = ledger.take([ask(node, wanted, **more)], span_ns=100)
    return grant


def renew(ledger, token, node, wanted, **more):
    (grant,) = ledger.renew(token, [ask(node, wanted, **more)], span_ns=100)
    return grant


def states(ledger):
    return {(one.node, one.token): (one.state, one.amount) for one in ledger.leases()}


def test_the_second_gets_what_the_first_left(ledger):
    assert take(ledger, "A", 700).lease.amount == 700
    grant = take(ledger, "B", 700)
    assert (grant.lease.amount, grant.room, grant.limit) == (300, 300, 1_000)


def test_what_is_given_back_another_gets(ledger):
    first = take(ledger, "A", 1_000, used=1_000)
    second = take(ledger, "B", 400, needed=400)
    assert second.lease.amount == 0
    assert renew(ledger, first.lease.token, "A", 1_000, used=1_000).short == 400
    assert renew(ledger, first.lease.token, "A", 700, used=600).lease.amount == 700
    assert renew(ledger, second.lease.token, "B", 400).lease.amount == 300


def test_a_lease_that_expired_takes_as_much_as_before(ledger, clock):
    first = take(ledger, "A", 800, used=100)
    second = take(ledger, "B", 200)
    clock.go(100)
    grant = renew(ledger, second.lease.token, "B", 900)
    assert grant.lease.amount == 200
    assert states(ledger)["A", first.lease.token] == ("doubt", 800)
    assert [(e.happening, e.lease.node) for e in ledger.events][-1] == ("expired", "A")
    # It is told once, and over as soon as its node is heard again.
    events = len(ledger.events)
    renew(ledger, second.lease.token, "B", 900)
    assert len(ledger.events) == events
    renew(ledger, first.lease.token, "A", 800, used=100)
    assert states(ledger)["A", first.lease.token] == ("held", 800)


def test_a_second_process_of_a_node_fences_the_first(ledger, clock):
    first = take(ledger, "A", 1_000, used=200)
    second = take(ledger, "A", 1_000, used=200)
    assert second.lease.token > first.lease.token
    # The first may not know yet: what it could still fill nobody else has.
    assert second.lease.amount == 200
    assert states(ledger)["A", first.lease.token] == ("fenced", 800)
    with pytest.raises(LeaseRefused, match="took it last"):
        renew(ledger, first.lease.token, "A", 1_000)
    clock.go(99)
    assert renew(ledger, second.lease.token, "A", 1_000, used=200).lease.amount == 200
    clock.go(1)
    assert renew(ledger, second.lease.token, "A", 1_000, used=200).lease.amount == 1_000
    assert list(states(ledger)) == [("A", second.lease.token)]


def test_a_node_that_comes_back_after_its_time_waits_for_nobody(ledger, clock):
    take(ledger, "A", 1_000, used=200)
    clock.go(100)
    assert take(ledger, "A", 900, used=200).lease.amount == 900


@pytest.mark.parametrize("step", [-(10**12), 10**12])
def test_the_clock_that_people_set_moves_no_lease_of_this_boot(ledger, clock, step):
    first = take(ledger, "A", 1_000)
    clock.wall_ns += step
    assert take(ledger, "A", 1_000).lease.amount == 0  # the first still runs
    assert states(ledger)["A", first.lease.token][0] == "fenced"
    clock.go(100)
    clock.wall_ns -= step
    assert take(ledger, "B", 1_000).lease.amount == 1_000


def test_after_another_boot_the_clock_that_people_set_decides(ledger, clock):
    take(ledger, "A", 1_000, used=10)
    clock.boot, clock.boot_ns = "second", 5
    assert take(ledger, "A", 1_000, used=10).lease.amount == 10
    clock.wall_ns += 100
    assert take(ledger, "A", 1_000, used=10).lease.amount == 1_000


# --- the limit is lowered -----------------------------------------------------------------


def test_a_lower_limit_gives_nobody_more_and_says_what_is_to_be_given_back(ledger):
    first = take(ledger, "A", 500)
    second = take(ledger, "B", 500)
    grant = renew(ledger, first.lease.token, "A", 500, declared=600)
    # It may be used already: the node gives it back with its next renewal.
    assert (grant.lease.amount, grant.room, grant.limit) == (500, 100, 600)
    assert renew(ledger, first.lease.token, "A", 100, declared=600).lease.amount == 100
    # The other was told the higher one and gets no more than the lower allows.
    grant = renew(ledger, second.lease.token, "B", 900)
    assert (grant.lease.amount, grant.limit) == (500, 600)


def test_the_lower_limit_holds_until_who_declared_it_is_gone(ledger, clock):
    first = take(ledger, "A", 100, declared=300)
    assert take(ledger, "B", 900).lease.amount == 200
    ledger.rest(first.lease.token, [ask("A", 0, declared=300)])
    clock.go(100)
    assert take(ledger, "B", 900).lease.amount == 900


# --- rest and release ---------------------------------------------------------------------


def test_a_node_that_stops_keeps_what_it_uses(ledger):
    first = take(ledger, "A", 800)
    ledger.rest(first.lease.token, [ask("A", 0, used=300)])
    assert states(ledger) == {("A", first.lease.token): ("rested", 300)}
    assert take(ledger, "B", 1_000).lease.amount == 700
    with pytest.raises(LeaseRefused):
        ledger.rest(first.lease.token + 5, [ask("A", 0)])


def test_more_is_used_than_was_leased_when_prices_rise_and_counts(ledger):
    first = take(ledger, "A", 500, used=500)
    renew(ledger, first.lease.token, "A", 800, used=800, declared=1_000)
    take(ledger, "B", 200)
    renew(ledger, first.lease.token, "A", 950, used=950)
    assert take(ledger, "C", 100).lease.amount == 0


def test_only_what_is_over_is_released_and_its_token_is_refused_then(ledger, clock):
    first = take(ledger, "A", 800, used=700)
    with pytest.raises(InputError, match="once it has expired"):
        ledger.release("A", by="ana", reason="it is dead")
    clock.go(100)
    (event,) = ledger.release("A", by="ana", reason="it is dead")
    assert (event.happening, event.by, event.reason) == ("released", "ana", "it is dead")
    assert (event.lease.amount, event.lease.used) == (800, 700)
    assert take(ledger, "B", 1_000).lease.amount == 1_000
    with pytest.raises(LeaseRefused):
        renew(ledger, first.lease.token, "A", 800)
    with pytest.raises(InputError, match="must hold a lease"):
        ledger.release("A", by="ana", reason="again")
    # Back again, it counts what it uses, and gets nothing while there is no room.
    grant = take(ledger, "A", 800, used=700)
    assert (grant.lease.amount, grant.lease.used) == (0, 700)


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("x", "")])
def test_nobody_releases_without_a_name_and_a_reason(ledger, by, reason):
    with pytest.raises(InputError, match="with a reason"):
        ledger.release("A", by=by, reason=reason)


# --- what cannot be asked -----------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.01, 1e15])
def test_an_amount_that_is_none_is_no_hundredths(value):
    with pytest.raises(InputError, match="must lie in"):
        hundredths(value, up=True)


@pytest.mark.parametrize("value", [-1, 0.5, True, math.nan, 10**17])
def test_an_ask_of_what_is_no_amount_is_refused(value):
    for name in ("declared", "used", "wanted", "needed"):
        values = dict.fromkeys(("declared", "used", "wanted", "needed"), 1) | {name: value}
        with pytest.raises(InputError, match=name):
            Ask(limit=LIMIT, node="A", **values)


def test_what_a_float_adds_is_no_hundredth_of_its_own():
    assert hundredths(0.1 + 0.2, up=True) == 30
    assert hundredths(1_000_000.29, up=False) == 100_000_029
