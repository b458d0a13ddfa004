"""Loosening by two people: every path through its states, and what it does to a limit."""

import contextlib
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nautilus_lab.exceptions import AccessDenied, InputError, LifecycleError
from nautilus_lab.risk.adjustment import (
    AdjustmentBounds,
    AdjustmentState,
    DynamicLimit,
    LimitAdjuster,
    Loosening,
    Signals,
    VolatilityRule,
    approve,
    expire,
    reject,
    revoke,
    state_of,
)
from nautilus_lab.risk.limits import LimitBook, MaxGrossExposure, MaxLeverage

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
GROSS = MaxGrossExposure(max_notional=1000.0)


def limit(ceiling=1.5, **bounds):
    return DynamicLimit(
        limit=GROSS,
        rule=VolatilityRule(target=0.1),
        bounds=AdjustmentBounds(ceiling=ceiling, **bounds),
    )


def proposed(of=None, state=None, **changed):
    given_ = {
        "request_id": "r1",
        "to": 1.2,
        "requester": "ann",
        "reason": "index rebalance",
        "lasts_s": 3600,
        "now_ns": 0,
    } | changed
    return (of or limit()).propose(state or AdjustmentState(), **given_)


MOVES = {
    "approve": lambda request: approve(request, by="bob", now_ns=1),
    "reject": lambda request: reject(request, by="bob", now_ns=1),
    "revoke": lambda request: revoke(request, by="cat"),
    "expire": lambda request: expire(request, now_ns=request.expires_ns),
}
AFTER = {
    ("proposed", "approve"): "approved",
    ("proposed", "reject"): "rejected",
    ("proposed", "expire"): "expired",
    ("approved", "revoke"): "revoked",
    ("approved", "expire"): "expired",
}


@pytest.mark.parametrize("state", ["proposed", "approved", "rejected", "revoked", "expired"])
@pytest.mark.parametrize("move", MOVES)
def test_every_move_from_every_state(state, move):
    paths = {
        "proposed": [],
        "approved": ["approve"],
        "rejected": ["reject"],
        "revoked": ["approve", "revoke"],
        "expired": ["expire"],
    }
    request = proposed()
    for step in paths[state]:
        request = MOVES[step](request)
    assert request.state == state
    if (state, move) in AFTER:
        assert MOVES[move](request).state == AFTER[state, move]
    elif move == "expire":
        assert MOVES[move](request) is request
    else:
        with pytest.raises(LifecycleError):
            MOVES[move](request)


@pytest.mark.parametrize("by", ["ann", "Ann", " ANN ", "aNN\t"])
def test_who_asks_does_not_approve(by):
    with pytest.raises(AccessDenied):
        approve(proposed(), by=by, now_ns=1)
    # Nor by making the value, or reading it back from what was edited.
    with pytest.raises(AccessDenied):
        dataclasses.replace(proposed(), state="approved", decided_by=by)


def test_nobody_approves():
    for by in ("", "  "):
        with pytest.raises(InputError):
            approve(proposed(), by=by, now_ns=1)
    with pytest.raises(InputError):
        dataclasses.replace(proposed(), state="approved")


def test_a_loosening_is_approved_before_it_expires_and_not_before_it_was_asked_for():
    request = proposed(now_ns=HOUR)
    for now_ns in (HOUR - 1, 2 * HOUR):
        with pytest.raises(LifecycleError):
            approve(request, by="bob", now_ns=now_ns)
    assert approve(request, by="bob", now_ns=2 * HOUR - 1).holds(2 * HOUR - 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"to": 1.51},
        {"to": 1.0},
        {"to": 0.9},
        {"to": float("nan")},
        {"to": float("inf")},
        {"to": 1.255},
        {"lasts_s": 0},
        {"lasts_s": 28_801},
        {"lasts_s": float("nan")},
        {"requester": " "},
        {"reason": ""},
        {"request_id": ""},
    ],
)
def test_what_cannot_be_asked_for(changed):
    with pytest.raises((InputError, ValueError)):
        proposed(**changed)


def test_by_default_nobody_loosens_beyond_the_base():
    with pytest.raises(InputError, match="ceiling"):
        proposed(limit(ceiling=1.0), to=1.01)


def test_the_ceiling_holds_for_what_was_granted_under_another_one():
    request = proposed(limit(ceiling=2.0), to=1.9)
    with pytest.raises(InputError):
        limit().approve(AdjustmentState(), request, by="bob", now_ns=1)
    kept = limit(ceiling=2.0).approve(AdjustmentState(), request, by="bob", now_ns=1).state
    assert limit().part(kept, 2) == 1.5
    assert limit(ceiling=1.0).part(kept, 2) == 1.0


def test_a_loosening_holds_until_it_expires_and_ends_at_once():
    granted = limit().approve(AdjustmentState(), proposed(), by="bob", now_ns=60 * SECOND)
    (record,) = granted.records
    assert (record.change, record.before, record.after) == ("approved", 1.0, 1.2)
    assert (record.requester, record.by, record.request_id) == ("ann", "bob", "r1")
    assert limit().effective(granted.state, HOUR - 1).max_notional == 1200
    assert limit().effective(granted.state, HOUR).max_notional == 1000
    calm = Signals.at(HOUR, volatility=0.1)
    found = limit().adjust(granted.state, calm, HOUR)
    assert [(r.change, r.before, r.after) for r in found.records] == [("expired", 1.2, 1.0)]
    assert found.state.loosening is None


def test_anybody_ends_a_loosening():
    granted = limit().approve(AdjustmentState(), proposed(), by="bob", now_ns=1).state
    ended = limit().revoke(granted, by="cat", now_ns=2)
    assert [(r.change, r.before, r.after, r.by) for r in ended.records] == [
        ("revoked", 1.2, 1.0, "cat")
    ]
    with pytest.raises(InputError):
        limit().revoke(ended.state, by="cat", now_ns=3)
    with pytest.raises(LifecycleError):
        limit().revoke(granted, by="cat", now_ns=HOUR)


def test_what_was_granted_tightens_in_proportion_with_the_rule():
    tight = limit().adjust(AdjustmentState(), Signals.at(0, volatility=0.2), 0).state
    request = proposed(state=tight, to=0.8)
    assert request.standing == 0.5
    state = limit().approve(tight, request, by="bob", now_ns=0).state
    assert limit().part(state, 1) == 0.8
    tighter = limit().adjust(state, Signals.at(1, volatility=0.4), 1).state
    assert (tighter.percent, limit().part(tighter, 1)) == (25, 0.4)
    # And what cannot be read tightens it as well.
    failed = limit().adjust(state, Signals.at(1, volatility=float("nan")), 1).state
    assert limit().part(failed, 1) == 0.4
    looser = dataclasses.replace(state, percent=90)
    assert limit().part(looser, 1) == 0.9


def test_two_people_lift_a_limit_whose_inputs_fail():
    failed = limit().adjust(AdjustmentState(), Signals(), 0).state
    state = limit().approve(failed, proposed(state=failed, to=1.0), by="bob", now_ns=0).state
    again = limit().adjust(state, Signals(), 5 * SECOND).state
    assert (again.percent, limit().part(again, 5 * SECOND)) == (25, 1.0)


def test_a_clock_that_goes_back_does_not_revive_what_expired():
    seen = AdjustmentState(looked_ns=HOUR)
    request = proposed()
    with pytest.raises(LifecycleError):
        limit().approve(seen, request, by="bob", now_ns=1)
    granted = limit().approve(AdjustmentState(), request, by="bob", now_ns=1).state
    assert limit().part(dataclasses.replace(granted, looked_ns=HOUR), 1) == 1.0


def test_what_was_asked_for_under_longer_sessions_is_not_granted_under_shorter_ones():
    request = proposed(limit(max_loosening_s=86_400), lasts_s=86_400)
    with pytest.raises(InputError):
        limit().approve(AdjustmentState(), request, by="bob", now_ns=1)


def test_what_was_granted_to_one_limit_does_not_loosen_another():
    granted = limit().approve(AdjustmentState(), proposed(), by="bob", now_ns=1).state
    assert dataclasses.replace(limit(), key="second").part(granted, 2) == 1.0


def test_a_second_loosening_takes_the_place_of_the_first():
    state = limit().approve(AdjustmentState(), proposed(), by="bob", now_ns=1).state
    with pytest.raises(InputError, match="looser than what holds"):
        proposed(state=state, to=1.1)
    more = proposed(state=state, to=1.4, request_id="r2", now_ns=2)
    assert limit().part(limit().approve(state, more, by="bob", now_ns=3).state, 4) == 1.4


def test_what_expired_unseen_is_recorded_before_the_next():
    state = limit().approve(AdjustmentState(), proposed(), by="bob", now_ns=1).state
    later = proposed(state=state, now_ns=2 * HOUR, to=1.1, request_id="r2")
    found = limit().approve(state, later, by="bob", now_ns=2 * HOUR)
    assert [(r.change, r.request_id, r.before, r.after) for r in found.records] == [
        ("expired", "r1", 1.2, 1.0),
        ("approved", "r2", 1.0, 1.1),
    ]


def test_a_request_is_of_one_limit():
    other = dataclasses.replace(proposed(), limit="max_leverage")
    with pytest.raises(InputError):
        limit().approve(AdjustmentState(), other, by="bob", now_ns=1)


@given(st.integers(25, 100), st.integers(26, 150), st.integers(25, 100), st.integers(0, 2 * 3600))
def test_what_holds_is_between_the_rule_and_what_was_granted(stood, to, now_percent, second):
    if to <= stood:
        return
    state = AdjustmentState(percent=stood)
    granted = limit().approve(state, proposed(state=state, to=to / 100), by="bob", now_ns=0).state
    moved = dataclasses.replace(granted, percent=now_percent)
    part = round(100 * limit().part(moved, second * SECOND))
    assert 25 <= now_percent <= part <= max(now_percent, to) <= 150
    if second >= 3600:
        assert part == now_percent
    tighter = dataclasses.replace(moved, percent=max(25, now_percent - 1))
    assert limit().part(tighter, second * SECOND) <= limit().part(moved, second * SECOND)
    kept = state_of(moved.plain)
    assert kept == moved


class Desk(RuleBasedStateMachine):
    """People ask, grant and end as they like while markets and clocks do what they do."""

    def __init__(self):
        super().__init__()
        self.limit, self.state, self.now, self.open = limit(), AdjustmentState(), 0, []

    @rule(seconds=st.integers(-600, 20_000))
    def wait(self, seconds):
        self.now += seconds * SECOND

    @rule(volatility=st.one_of(st.floats(0, 1), st.just(float("nan"))))
    def look(self, volatility):
        signals = Signals.at(self.now, volatility=volatility)
        self.state = self.limit.adjust(self.state, signals, self.now).state

    @rule(to=st.integers(1, 300), lasts_s=st.integers(1, 40_000), who=st.sampled_from("ABa"))
    def propose(self, to, lasts_s, who):
        with contextlib.suppress(InputError):
            self.open.append(
                proposed(
                    self.limit,
                    self.state,
                    to=to / 100,
                    lasts_s=lasts_s,
                    requester=who,
                    now_ns=self.now,
                )
            )

    @rule(which=st.integers(0, 9), who=st.sampled_from("AbC"))
    def approve(self, which, who):
        if not self.open:
            return
        request = self.open[which % len(self.open)]
        try:
            found = self.limit.approve(self.state, request, by=who, now_ns=self.now)
        except (InputError, AccessDenied, LifecycleError):
            return
        assert request.requester.casefold() != who.casefold()
        self.state = found.state

    @rule()
    def revoke(self):
        with contextlib.suppress(InputError, LifecycleError):
            self.state = self.limit.revoke(self.state, by="C", now_ns=self.now).state

    @rule()
    def restart(self):
        self.state = state_of(self.state.plain)

    @invariant()
    def bounds_hold(self):
        part = self.limit.part(self.state, self.now)
        assert 0.25 <= self.state.percent / 100 <= 1.0
        assert 0.25 <= part <= 1.5
        granted = self.state.loosening
        if part > 1.0:
            assert granted is not None
            assert granted.holds(max(self.now, self.state.looked_ns))


TestDesk = Desk.TestCase


# --- a book ---------------------------------------------------------------------------------


def adjuster(**more):
    leverage = MaxLeverage(max_times=3.0)
    book = LimitBook([leverage, GROSS, GROSS])
    second = dataclasses.replace(limit(), key="second")
    return LimitAdjuster(book, [limit(), second], **more)


def test_a_book_has_its_limits_as_they_hold_in_their_places():
    kept = adjuster()
    assert kept.book.limits == kept.base.limits
    kept.look(Signals.at(0, volatility=0.2), 0)
    bounds = [kept.book.limits[0].max_times, *(one.max_notional for one in kept.book.limits[1:])]
    assert bounds == [3.0, 500.0, 500.0]
    same = kept.book
    assert kept.look(Signals.at(1, volatility=0.2), 1) == ()
    assert kept.book is same
    request = kept.propose(
        "second",
        request_id="r1",
        to=1.2,
        requester="ann",
        reason="roll",
        lasts_s=60,
        now_ns=2,
    )
    kept.approve(request, by="bob", now_ns=3)
    assert [one.max_notional for one in kept.book.limits[1:]] == [500.0, 1200.0]
    assert dict(kept.parts) == {"max_gross_exposure": 0.5, "second": 1.2}
    kept.revoke("second", by="ann", now_ns=4)
    assert [one.max_notional for one in kept.book.limits[1:]] == [500.0, 500.0]


def test_a_restart_loosens_nothing():
    before = adjuster()
    before.look(Signals.at(0, volatility=0.2), 0)
    after = adjuster(states={key: state_of(one.plain) for key, one in before.states.items()})
    assert after.book == before.book
    after.look(Signals.at(SECOND, volatility=0.01), SECOND)
    assert after.book.limits[1].max_notional == 600.0
    lost = adjuster(states={"second": AdjustmentState(percent=1)})
    assert lost.book.limits[2].max_notional == 250.0


def test_dynamic_limits_are_of_the_book_and_have_keys_of_their_own():
    book = LimitBook([GROSS])
    for dynamic in ([limit(), limit()], [limit(), dataclasses.replace(limit(), key="second")]):
        with pytest.raises(InputError):
            LimitAdjuster(book, dynamic)
    with pytest.raises(InputError):
        LimitAdjuster(book, [limit()], states={"other": AdjustmentState()})
    with pytest.raises(InputError):
        LimitAdjuster(book, [limit()]).revoke("other", by="ann", now_ns=0)


def test_loosenings_are_values():
    assert proposed() == proposed()
    assert isinstance(hash(proposed()), int)
    with pytest.raises(dataclasses.FrozenInstanceError):
        proposed().to = 9.0
    with pytest.raises(InputError):
        Loosening(
            request_id="r",
            limit="l",
            to=0.5,
            standing=0.5,
            requester="a",
            reason="r",
            proposed_ns=0,
            expires_ns=1,
        )


def test_a_clock_that_was_set_back_makes_nothing_that_was_granted_last_longer():
    one = limit()
    calm = Signals.at(HOUR, volatility=0.1)
    state = one.approve(
        AdjustmentState(looked_ns=HOUR), proposed(one, now_ns=HOUR), by="bob", now_ns=HOUR
    ).state
    kept = one.adjust(state, calm, HOUR - SECOND)  # what a clock is corrected by
    assert (one.part(kept.state, HOUR), kept.records) == (1.2, ())
    ended = one.adjust(kept.state, calm, HOUR - 2 * SECOND)
    assert [(r.change, r.reason, r.after) for r in ended.records] == [
        ("expired", "the clock was set back", 1.0)
    ]
    assert one.part(ended.state, HOUR) == 1.0


def test_who_asked_in_letters_of_another_width_does_not_approve():
    request = proposed(requester="ann")
    with pytest.raises(AccessDenied):
        approve(request, by="\N{FULLWIDTH LATIN SMALL LETTER A}nn", now_ns=1)
