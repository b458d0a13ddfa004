"""No order of a trader trades with another one of it, whoever sent either."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits import MaxOrderQuantity, NoSelfTrade, limit_of
from tests.execution.gate.stand import AAPL, Stand, equity

MSFT = equity("MSFT")
OLDEST = NoSelfTrade(policy="cancel_oldest")


@pytest.fixture
def stand():
    made = []

    def make(limit=None, **more):
        # Two strategies around 99.98 / 100.00.
        made.append(Stand(limit or NoSelfTrade(), hands=2, **more))
        return made[-1]

    yield make
    for one in made:
        one.__exit__(None, None, None)


def rest(stand, units, price, hand=0):
    order = stand.do(lambda s: s.limit(units, price), hand=hand)
    assert stand.status(order) == "ACCEPTED"
    return order


def test_a_limit_that_crosses_another_strategys_is_denied_and_names_it(stand):
    stand = stand()
    theirs = rest(stand, -10, "101.00")
    mine = stand.do(lambda s: s.limit(5, "101.00"), hand=1)
    assert stand.status(mine) == "DENIED"
    assert stand.reason() == (
        f"SELF_TRADE: it would trade with {theirs.client_order_id} of Hand-001"
    )
    assert stand.status(theirs) == "ACCEPTED"


def test_one_that_stays_on_its_side_passes(stand):
    stand = stand()
    rest(stand, -10, "101.00")
    assert stand.status(stand.do(lambda s: s.limit(5, "99.00"), hand=1)) == "ACCEPTED"
    assert stand.status(stand.do(lambda s: s.limit(-5, "100.50"), hand=1)) == "ACCEPTED"
    assert stand.denials == []


def test_a_market_order_is_taken_to_reach_ten_basis_points_beyond_the_quote(stand):
    stand = stand()
    far = rest(stand, -10, "100.11")
    assert stand.status(stand.do(lambda s: s.market(5), hand=1)) == "FILLED"
    near = stand.do(lambda s: s.limit(-10, "100.10"))
    denied = stand.do(lambda s: s.market(5), hand=1)
    assert stand.status(denied) == "DENIED"
    assert str(near.client_order_id) in stand.reason()
    assert stand.status(far) == "ACCEPTED"


def test_a_market_order_without_a_quote_crosses_whatever_rests(stand):
    limit = NoSelfTrade()

    class Asked:
        id, parent, buy, limit, trigger, reduces = "M", None, True, None, None, False

        class instrument:  # noqa: N801
            name, bid, ask = "AAPL.PAPER", None, None

    class Works:
        id, strategy, parent, linked, terms = "O", "S", None, False, [(10**18, None)]

    class Held:
        def against(self, instrument, buy):
            return [Works()], None

    assert not limit.judge(Asked(), Held()).passed
    assert limit._terms(Asked())[0] != limit._terms(Asked())[0]  # NaN


def test_an_order_in_flight_counts_like_one_that_works(stand):
    stand = stand(latency_ns=60 * 10**9)
    stand.do(lambda s: s.limit(-10, "101.00"))
    assert stand.status(stand.do(lambda s: s.limit(5, "101.50"), hand=1)) == "DENIED"


def test_a_market_order_in_flight_and_a_limit_do_not_meet(stand):
    stand = stand(latency_ns=60 * 10**9)
    stand.do(lambda s: s.market(10))
    assert stand.status(stand.do(lambda s: s.limit(-5, "110.00"), hand=1)) == "DENIED"
    # Neither of two market orders rests for the other.
    assert stand.status(stand.do(lambda s: s.market(-5), hand=1)) == "SUBMITTED"


def test_what_is_over_crosses_nothing(stand):
    stand = stand()
    order = rest(stand, -10, "101.00")
    stand.do(lambda s: s.cancel_order(order))
    assert stand.status(stand.do(lambda s: s.limit(5, "101.50"), hand=1)) == "FILLED"


def test_another_instrument_is_another_market(stand):
    stand = stand(instruments=(AAPL, MSFT))
    rest(stand, -10, "101.00")
    mine = stand.do(lambda s: s.limit(5, "101.00", on=MSFT), hand=1)
    assert stand.status(mine) == "FILLED"


# --- changes ------------------------------------------------------------------------------


def test_a_change_to_a_crossing_price_is_denied_and_the_order_stays(stand):
    stand = stand()
    rest(stand, -10, "101.00")
    mine = rest(stand, 5, "99.00", hand=1)
    stand.do(lambda s: s.change(mine, price="101.00"), hand=1)
    assert "SELF_TRADE" in stand.reason()
    assert (stand.status(mine), float(mine.price)) == ("ACCEPTED", 99.0)
    stand.do(lambda s: s.change(mine, price="99.50"), hand=1)
    assert float(mine.price) == 99.5


def test_while_a_change_is_on_its_way_old_and_new_price_count(stand):
    stand = stand(latency_ns=10**9)
    theirs = stand.do(lambda s: s.limit(-10, "101.00"))
    for _ in range(3):
        stand.quote()
    stand.do(lambda s: s.change(theirs, price="100.50"), every_s=0.1)
    at_new = stand.do(lambda s: s.limit(5, "100.60"), hand=1, every_s=0.1)
    assert stand.status(at_new) == "DENIED"
    for _ in range(3):
        stand.quote()
    assert float(theirs.price) == 100.5
    stand.do(lambda s: s.change(theirs, price="105.00"), every_s=0.1)
    assert stand.status(stand.do(lambda s: s.limit(5, "100.70"), hand=1, every_s=0.1)) == "DENIED"
    for _ in range(3):
        stand.quote()
    # Once it is answered only the new price does.
    passed = stand.do(lambda s: s.limit(5, "100.80"), hand=1, every_s=0.1)
    assert stand.status(passed) != "DENIED"


# --- stops --------------------------------------------------------------------------------


def test_a_stop_is_held_against_what_rests_where_it_would_trade(stand):
    stand = stand(NoSelfTrade(reducing="cancel_newest"))
    rest(stand, 10, "95.00", hand=1)
    rest(stand, 10, "99.00", hand=1)
    stand.do(lambda s: s.market(20))
    at = stand.do(lambda s: s.stop_at(-10, "95.05"))
    assert stand.status(at) == "DENIED"
    # What rests above the trigger has traded by the time it is reached.
    above = stand.do(lambda s: s.stop_at(-10, "98.00"))
    assert stand.status(above) == "ACCEPTED"


def test_a_limit_at_a_waiting_stop_is_denied_and_the_stop_stays_under_any_policy(stand):
    stand = stand(NoSelfTrade(policy="cancel_oldest"))
    stand.do(lambda s: s.market(20))
    stop = stand.do(lambda s: s.stop_at(-10, "95.00"))
    mine = stand.do(lambda s: s.limit(5, "94.95"), hand=1)
    assert (stand.status(mine), stand.status(stop)) == ("DENIED", "ACCEPTED")
    assert stand.status(stand.do(lambda s: s.limit(5, "97.00"), hand=1)) == "ACCEPTED"


def test_a_market_order_does_not_meet_a_stop_that_waits(stand):
    stand = stand()
    stand.do(lambda s: s.market(20))
    stand.do(lambda s: s.stop_at(-10, "99.95"))
    assert stand.status(stand.do(lambda s: s.market(5), hand=1)) == "FILLED"


# --- lists --------------------------------------------------------------------------------


def test_an_entry_and_its_own_exits_are_no_self_trade(stand):
    stand = stand()
    orders = stand.do(lambda s: s.bracket(10, stop="99.97", profit="100.01"))
    assert [stand.status(order) for order in orders.orders] == ["FILLED", "ACCEPTED", "ACCEPTED"]
    assert stand.denials == []


def test_another_order_and_those_exits_are(stand):
    stand = stand()
    stand.do(lambda s: s.bracket(10, stop="95.00", profit="101.00"))
    assert stand.status(stand.do(lambda s: s.limit(5, "101.00"), hand=1)) == "DENIED"


def test_a_list_with_both_sides_of_a_trade_goes_nowhere(stand):
    stand = stand()

    def both(bid, offer):
        def send(s):
            orders = [s.limit(10, bid, send=False), s.limit(-10, offer, send=False)]
            s.submit_order_list(s.order_factory.create_list(orders))
            return orders

        return send

    crossing = stand.do(both("99.50", "99.50"))
    assert [stand.status(order) for order in crossing] == ["DENIED", "DENIED"]
    apart = stand.do(both("99.00", "101.00"))
    assert [stand.status(order) for order in apart] == ["ACCEPTED", "ACCEPTED"]


# --- which of the two goes ----------------------------------------------------------------


def test_cancel_oldest_cancels_what_rests_before_the_new_order_leaves(stand):
    stand = stand(OLDEST)
    one, two = rest(stand, -10, "101.00"), rest(stand, -10, "101.50")
    away = rest(stand, -10, "103.00")
    mine = stand.do(lambda s: s.limit(5, "102.00"), hand=1)
    assert [stand.status(o) for o in (one, two, away)] == ["CANCELED", "CANCELED", "ACCEPTED"]
    assert stand.status(mine) == "FILLED"
    intent = stand.journal.intents[-1]
    assert intent.verdict == "forwarded"
    names = {str(o.client_order_id) for o in (one, two)}
    assert all(name in intent.reason for name in names)


def test_the_cancel_reaches_a_slow_venue_before_the_new_order(stand):
    stand = stand(OLDEST, latency_ns=10**9)
    theirs = stand.do(lambda s: s.limit(-10, "101.00"))
    for _ in range(3):
        stand.quote()
    mine = stand.do(lambda s: s.limit(5, "101.00"), hand=1, every_s=0.1)
    for _ in range(4):
        stand.quote()
    events = [*stand.hands[0].heard, *stand.hands[1].heard]
    ends = {
        type(e).__name__: e.ts_event
        for e in events
        if type(e).__name__ in ("OrderCanceled", "OrderFilled")
    }
    assert (stand.status(theirs), stand.status(mine)) == ("CANCELED", "FILLED")
    assert ends["OrderCanceled"] <= ends["OrderFilled"]


def test_nothing_is_cancelled_for_an_order_that_another_limit_denies(stand):
    stand = stand(OLDEST)
    stand.gate.checks = (*stand.gate.checks, MaxOrderQuantity(max_units=3))
    theirs = rest(stand, -3, "101.00")
    assert stand.status(stand.do(lambda s: s.limit(5, "101.00"), hand=1)) == "DENIED"
    assert stand.status(theirs) == "ACCEPTED"


def test_an_exit_is_not_blocked_by_an_entry_it_would_trade_with(stand):
    stand = stand()
    stand.do(lambda s: s.market(20))
    entry = rest(stand, 5, "99.95", hand=1)
    exit_ = stand.do(lambda s: s.market(-20))
    assert (stand.status(entry), stand.status(exit_)) == ("CANCELED", "FILLED")
    assert stand.held() == 0


def test_the_exits_of_a_bracket_are_not_cancelled_for_another_order(stand):
    # With the take-profit its stop would go, and a position would stand without any.
    stand = stand(OLDEST)
    orders = stand.do(lambda s: s.bracket(10, stop="95.00", profit="101.00"))
    assert stand.status(stand.do(lambda s: s.limit(5, "102.00"), hand=1)) == "DENIED"
    assert [stand.status(order) for order in orders.orders] == ["FILLED", "ACCEPTED", "ACCEPTED"]


def test_a_cancel_that_cannot_be_sent_keeps_the_order_from_leaving(stand, monkeypatch):
    stand = stand(OLDEST)
    theirs = rest(stand, -10, "101.00")

    def fail(kernel, order):
        raise RuntimeError("no way there")

    monkeypatch.setattr("nautilus_lab.execution.gate._gate.send_cancel", fail)
    mine = stand.do(lambda s: s.limit(5, "101.00"), hand=1)
    assert (stand.status(mine), stand.status(theirs)) == ("DENIED", "ACCEPTED")
    assert "could not be cancelled: no way there" in stand.reason()
    assert stand.queued() == (0.0, 10.0)


# --- other nodes --------------------------------------------------------------------------


def test_what_rests_on_another_node_denies_and_cannot_be_cancelled(stand):
    stand = stand(OLDEST)
    raw = int(101 * stand.book.UNIT)
    stand.book.elsewhere = {"AAPL.PAPER": (None, raw)}
    denied = stand.do(lambda s: s.limit(5, "101.00"), hand=1)
    assert stand.status(denied) == "DENIED"
    assert stand.reason().endswith("an order of another node of this home")
    assert stand.status(stand.do(lambda s: s.limit(5, "99.00"), hand=1)) == "ACCEPTED"
    # What closes a position goes all the same.
    stand.do(lambda s: s.market(-15))
    assert stand.status(stand.do(lambda s: s.limit(5, "101.00"))) == "FILLED"


# --- the settings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"policy": "decrement"},
        {"reducing": "no"},
        {"reach_bps": -1},
        {"reach_bps": math.nan},
        {"reach_bps": math.inf},
        {"mode": "monitor"},
    ],
)
def test_a_policy_that_is_none_is_refused(values):
    with pytest.raises(InputError):
        NoSelfTrade(**values)


def test_it_can_be_written_in_settings_and_for_some_strategies_only():
    made = limit_of({"limit": "self_trade", "policy": "cancel_oldest", "strategies": ["A"]})
    assert made == NoSelfTrade(policy="cancel_oldest", strategies={"A"})


PRICES = st.integers(9_000, 11_000).map(lambda cents: f"{cents / 100:.2f}")
ORDERS = st.lists(st.tuples(st.sampled_from([-1, 1]), PRICES), min_size=2, max_size=12)


@settings(max_examples=15, deadline=None)
@given(orders=ORDERS, policy=st.sampled_from(["cancel_newest", "cancel_oldest"]))
def test_no_bid_of_ours_ever_rests_at_or_above_an_offer_of_ours(orders, policy):
    limit = NoSelfTrade(policy=policy, reducing=policy)
    with Stand(limit, hands=2) as stand:
        for number, (side, price) in enumerate(orders):
            stand.do(
                lambda s, side=side, price=price: s.limit(side, price),
                hand=number % 2,
                every_s=0.01,
            )
            working = stand.cache.orders_open()
            bids = [float(o.price) for o in working if o.is_buy]
            offers = [float(o.price) for o in working if o.is_sell]
            assert max(bids, default=0.0) < min(offers, default=math.inf)
            best = stand.book.best_resting().get("AAPL.PAPER", (None, None))
            told = [None if p is None else p / stand.book.UNIT for p in best]
            assert told == [max(bids, default=None), min(offers, default=None)]
