"""Each type of order, on each side: when it comes to life and what it pays."""

from decimal import Decimal

import pytest

from tests.execution.paper.orders import NOW, SECOND, Desk, kinds, limit, order

# Everything begins at 99.90 / 100.10.


@pytest.fixture
def desk():
    return Desk()


@pytest.mark.parametrize(("side", "price"), [("BUY", "100.10"), ("SELL", "99.90")])
def test_a_market_order_takes_the_far_side_at_once(desk, side, price):
    desk.submit(order("o1", side))
    assert desk.fills("o1") == [(10, price)]
    assert desk.events[-1].fill.liquidity == "TAKER"


@pytest.mark.parametrize(
    ("side", "price", "not_yet", "reached"),
    [
        ("BUY", "99.00", ("98.81", "99.01"), ("98.50", "98.70")),
        ("SELL", "101.00", ("100.99", "101.19"), ("101.40", "101.60")),
    ],
)
def test_a_limit_order_rests_and_is_paid_its_own_limit(desk, side, price, not_yet, reached):
    desk.submit(limit("o1", side, price))
    assert desk.quote(*not_yet) == []
    (filled,) = desk.quote(*reached)
    assert str(filled.fill.price) == price
    assert filled.fill.liquidity == "MAKER"


@pytest.mark.parametrize(("side", "price"), [("BUY", "100.10"), ("SELL", "99.90")])
def test_a_limit_order_that_crosses_on_arrival_gets_the_better_price(desk, side, price):
    desk.submit(limit("o1", side, "103.00" if side == "BUY" else "97.00"))
    assert desk.fills("o1") == [(10, price)]
    assert desk.events[-1].fill.liquidity == "TAKER"


# type, side, trigger, a quote just short of it, one past it, what is paid there
TRIGGERED = [
    ("STOP_MARKET", "BUY", "101.00", ("100.79", "100.99"), ("101.20", "101.40"), "101.40"),
    ("STOP_MARKET", "SELL", "99.00", ("99.01", "99.21"), ("98.50", "98.70"), "98.50"),
    ("MARKET_IF_TOUCHED", "BUY", "99.00", ("98.81", "99.01"), ("98.50", "98.70"), "98.70"),
    ("MARKET_IF_TOUCHED", "SELL", "101.00", ("100.99", "101.19"), ("101.20", "101.40"), "101.20"),
]


@pytest.mark.parametrize(("kind", "side", "trigger", "short", "past", "paid"), TRIGGERED)
def test_a_triggered_market_order_waits_and_then_pays_the_market(
    desk, kind, side, trigger, short, past, paid
):
    desk.submit(order("o1", side, kind, trigger_price=trigger))
    assert desk.quote(*short) == []
    assert kinds(desk.quote(*past)) == [("o1", "TRIGGERED"), ("o1", "FILLED")]
    assert desk.fills("o1") == [(10, paid)]


@pytest.mark.parametrize(("kind", "side", "trigger", "short", "past", "paid"), TRIGGERED)
def test_a_trigger_is_reached_at_its_very_price(desk, kind, side, trigger, short, past, paid):
    desk.submit(order("o1", side, kind, trigger_price=trigger))
    wide = Decimal("0.20")
    bid = Decimal(trigger) - (wide if side == "BUY" else 0)
    desk.quote(bid, bid + wide)
    assert desk.fills("o1") == [(10, trigger)]


@pytest.mark.parametrize(
    ("kind", "side", "trigger"),
    [
        ("STOP_MARKET", "BUY", "100.00"),
        ("STOP_MARKET", "SELL", "100.00"),
        ("MARKET_IF_TOUCHED", "BUY", "100.20"),
        ("MARKET_IF_TOUCHED", "SELL", "99.80"),
    ],
)
def test_a_trigger_that_the_market_is_past_already_is_reached_at_once(desk, kind, side, trigger):
    events = desk.submit(order("o1", side, kind, trigger_price=trigger))
    assert [e.kind for e in events] == ["ACCEPTED", "TRIGGERED", "FILLED"]


# type, side, trigger, limit, a quote that triggers it past its limit, one that comes back to it
LIMITED = [
    ("STOP_LIMIT", "BUY", "101.00", "101.10", ("101.20", "101.40"), ("100.80", "101.00")),
    ("STOP_LIMIT", "SELL", "99.00", "98.90", ("98.50", "98.70"), ("99.00", "99.20")),
    ("LIMIT_IF_TOUCHED", "BUY", "99.00", "98.80", ("98.75", "98.95"), ("98.50", "98.70")),
    ("LIMIT_IF_TOUCHED", "SELL", "101.00", "101.20", ("101.05", "101.25"), ("101.30", "101.50")),
]


@pytest.mark.parametrize(("kind", "side", "trigger", "price", "past", "back"), LIMITED)
def test_a_triggered_limit_order_rests_at_its_limit(desk, kind, side, trigger, price, past, back):
    desk.submit(order("o1", side, kind, trigger_price=trigger, limit_price=price))
    assert kinds(desk.quote(*past)) == [("o1", "TRIGGERED")]
    assert desk.status("o1") == "TRIGGERED"
    (filled,) = desk.quote(*back)
    assert (str(filled.fill.price), filled.fill.liquidity) == (price, "MAKER")


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "price", "past", "paid"),
    [
        ("STOP_LIMIT", "BUY", "101.00", "101.60", ("101.20", "101.40"), "101.40"),
        ("STOP_LIMIT", "SELL", "99.00", "98.40", ("98.50", "98.70"), "98.50"),
        ("LIMIT_IF_TOUCHED", "BUY", "99.00", "98.80", ("98.50", "98.70"), "98.70"),
        ("LIMIT_IF_TOUCHED", "SELL", "101.00", "101.20", ("101.30", "101.50"), "101.30"),
    ],
)
def test_a_limit_order_triggered_within_its_limit_takes_the_market(
    desk, kind, side, trigger, price, past, paid
):
    desk.submit(order("o1", side, kind, trigger_price=trigger, limit_price=price))
    desk.quote(*past)
    assert desk.fills("o1") == [(10, paid)]
    assert desk.events[-1].fill.liquidity == "TAKER"


def test_a_triggered_order_stays_triggered_when_the_market_comes_back(desk):
    desk.submit(order("o1", "BUY", "STOP_LIMIT", trigger_price="101.00", limit_price="101.00"))
    desk.quote("101.20", "101.40")
    desk.quote("99.90", "100.10")
    assert desk.fills("o1") == [(10, "101.00")]


# --- stops that trail ---------------------------------------------------------------------


def prices(desk, name="o1"):
    asked = desk.book.order(client_order_id=name)
    return str(asked.trigger_price), str(asked.limit_price)


def test_a_sell_stop_trails_a_rising_bid_and_never_falls(desk):
    desk.submit(order("o1", "SELL", "TRAILING_STOP_MARKET", trailing_offset="1.00"))
    assert prices(desk)[0] == "98.90"
    desk.quote("101.00", "101.20")
    assert prices(desk)[0] == "100.00"
    assert desk.quote("100.01", "100.21") == []
    desk.quote("99.95", "100.15")
    assert desk.fills("o1") == [(10, "99.95")]


def test_a_buy_stop_trails_a_falling_ask_and_never_rises(desk):
    desk.submit(order("o1", "BUY", "TRAILING_STOP_MARKET", trailing_offset="1.00"))
    assert prices(desk)[0] == "101.10"
    desk.quote("98.80", "99.00")
    assert prices(desk)[0] == "100.00"
    assert desk.quote("99.79", "99.99") == []
    desk.quote("100.00", "100.20")
    assert desk.fills("o1") == [(10, "100.20")]


def test_an_offset_in_basis_points_is_one_of_the_market_price(desk):
    desk.submit(
        order(
            "o1",
            "SELL",
            "TRAILING_STOP_MARKET",
            trailing_offset="100",
            trailing_offset_type="BASIS_POINTS",
        )
    )
    assert prices(desk)[0] == "98.90"  # 99.90 less 0.999, to whole cents
    desk.quote("200.00", "200.20")
    assert prices(desk)[0] == "198.00"


@pytest.mark.parametrize(
    ("side", "at_first", "moved", "later"),
    [
        ("SELL", ("98.90", "98.40"), ("101.00", "101.20"), ("100.00", "99.50")),
        ("BUY", ("101.10", "101.60"), ("98.80", "99.00"), ("100.00", "100.50")),
    ],
)
def test_the_limit_of_a_trailing_stop_trails_with_it(desk, side, at_first, moved, later):
    desk.submit(
        order("o1", side, "TRAILING_STOP_LIMIT", trailing_offset="1.00", limit_offset="1.50")
    )
    assert prices(desk) == at_first
    desk.quote(*moved)
    assert prices(desk) == later


def test_a_triggered_trailing_stop_limit_rests_where_its_limit_stood_then(desk):
    desk.submit(
        order("o1", "SELL", "TRAILING_STOP_LIMIT", trailing_offset="1.00", limit_offset="0.50")
    )
    assert kinds(desk.quote("98.80", "99.00")) == [("o1", "TRIGGERED")]
    assert desk.quote("99.39", "99.59") == []
    desk.quote("99.45", "99.65")
    assert desk.fills("o1") == [(10, "99.40")]


@pytest.mark.parametrize(
    ("side", "activation", "before", "at", "trigger"),
    [
        ("SELL", "101.00", ("98.00", "98.20"), ("101.00", "101.20"), "100.00"),
        ("BUY", "99.00", ("101.00", "101.20"), ("98.80", "99.00"), "100.00"),
    ],
)
def test_a_stop_with_an_activation_price_does_nothing_before_it(
    desk, side, activation, before, at, trigger
):
    desk.submit(
        order(
            "o1",
            side,
            "TRAILING_STOP_MARKET",
            trailing_offset="1.00",
            activation_price=activation,
        )
    )
    assert desk.quote(*before) == []
    desk.quote(*at)
    assert prices(desk)[0] == trigger


def test_a_trigger_given_to_a_stop_that_does_not_trail_yet_is_not_reached(desk):
    desk.submit(
        order(
            "o1",
            "SELL",
            "TRAILING_STOP_MARKET",
            trailing_offset="1.00",
            activation_price="102.00",
            trigger_price="99.00",
        )
    )
    assert desk.quote("98.00", "98.20") == []
    desk.quote("102.00", "102.20")
    assert prices(desk)[0] == "101.00"


def test_a_trigger_given_to_a_trailing_stop_holds_until_the_market_brings_a_nearer_one(desk):
    desk.submit(
        order("o1", "SELL", "TRAILING_STOP_MARKET", trailing_offset="1.00", trigger_price="99.50")
    )
    assert prices(desk)[0] == "99.50"
    desk.quote("100.70", "100.90")
    assert prices(desk)[0] == "99.70"


# --- how long an order is good --------------------------------------------------------------


def test_immediate_or_cancel_leaves_nothing_behind(desk):
    events = desk.submit(limit("o1", price="99.00", time_in_force="IOC"))
    assert [e.kind for e in events] == ["ACCEPTED", "CANCELED"]
    assert desk.quote("98.00", "98.20") == []


def test_an_immediate_stop_waits_for_its_trigger_and_only_then_is_immediate(desk):
    desk.submit(
        order(
            "o1",
            "BUY",
            "STOP_LIMIT",
            trigger_price="101.00",
            limit_price="101.10",
            time_in_force="IOC",
        )
    )
    assert desk.status("o1") == "ACCEPTED"
    assert kinds(desk.quote("101.20", "101.40")) == [("o1", "TRIGGERED"), ("o1", "CANCELED")]


def test_an_order_good_till_a_date_ends_there_and_not_before(desk):
    desk.submit(limit("o1", time_in_force="GTD", expire_ns=desk.now + 10 * SECOND))
    assert desk.book.next_due_ns == desk.now - SECOND + 10 * SECOND
    assert desk.pass_time(5) == []
    (ended,) = desk.pass_time(10)
    assert (ended.kind, ended.order.status) == ("EXPIRED", "EXPIRED")
    assert desk.book.next_due_ns is None


def test_an_order_whose_date_is_over_is_rejected(desk):
    desk.submit(limit("o1", time_in_force="GTD", expire_ns=NOW))
    assert desk.reason("o1") == "its time of expiry is over"


def test_a_day_order_ends_when_the_next_day_is_replayed(desk):
    desk.book.open_session("2020-01-02", desk.now)
    desk.submit(limit("o1", time_in_force="DAY"), limit("o2"))
    assert desk.book.open_session("2020-01-02", desk.now) == []
    (ended,) = desk.book.open_session("2020-01-03", desk.now)
    assert kinds([ended]) == [("o1", "EXPIRED")]
    assert desk.status("o2") == "ACCEPTED"


@pytest.mark.parametrize("time_in_force", ["AT_THE_OPEN", "AT_THE_CLOSE"])
def test_there_are_no_auctions(desk, time_in_force):
    desk.submit(order("o1", time_in_force=time_in_force))
    assert "no auctions" in desk.reason("o1")


# --- only under a condition -----------------------------------------------------------------


@pytest.mark.parametrize(("side", "price"), [("BUY", "100.10"), ("SELL", "99.90")])
def test_a_post_only_order_that_would_take_is_rejected(desk, side, price):
    desk.submit(limit("o1", side, price, post_only=True))
    assert desk.reason("o1") == "post-only, but it would take"
    assert desk.book.fills == ()


def test_a_post_only_order_rests_and_makes(desk):
    desk.submit(limit("o1", "BUY", "100.09", post_only=True))
    desk.quote("99.80", "100.00")
    assert desk.fills("o1") == [(10, "100.09")]
    assert desk.events[-1].fill.liquidity == "MAKER"


def test_a_post_only_stop_that_would_take_once_triggered_is_cancelled(desk):
    desk.submit(
        order(
            "o1",
            "BUY",
            "STOP_LIMIT",
            trigger_price="101.00",
            limit_price="102.00",
            post_only=True,
        )
    )
    assert kinds(desk.quote("101.20", "101.40")) == [("o1", "TRIGGERED"), ("o1", "CANCELED")]


def test_a_reduce_only_order_without_a_position_is_rejected(desk):
    desk.submit(order("o1", "SELL", reduce_only=True))
    assert desk.reason("o1") == "reduce-only, but there is nothing to reduce"


def test_a_reduce_only_order_of_the_side_that_adds_is_rejected(desk):
    desk.submit(order("o1", "BUY", quantity=10))
    desk.submit(order("o2", "BUY", quantity=10, reduce_only=True))
    assert desk.status("o2") == "REJECTED"


@pytest.mark.parametrize(("side", "other"), [("BUY", "SELL"), ("SELL", "BUY")])
def test_a_reduce_only_order_never_turns_the_position(desk, side, other):
    desk.submit(order("o1", side, quantity=10))
    desk.submit(order("o2", other, quantity=25, reduce_only=True))
    assert desk.held() == 0
    assert [q for q, _ in desk.fills("o2")] == [10]
    desk.quote("99.80", "100.00")
    assert (desk.status("o2"), desk.held()) == ("CANCELED", 0)


def test_a_resting_reduce_only_order_ends_when_there_is_nothing_left_to_reduce(desk):
    desk.submit(order("o1", "BUY", quantity=10))
    desk.submit(limit("o2", "SELL", "101.00", reduce_only=True))
    desk.submit(order("o3", "SELL", quantity=10))
    desk.quote("101.50", "101.70")
    assert (desk.status("o2"), desk.held()) == ("CANCELED", 0)


def test_of_two_reduce_only_orders_the_second_gets_what_the_first_left(desk):
    desk.submit(order("o1", "BUY", quantity=10))
    desk.submit(limit("o2", "SELL", "101.00", 7, reduce_only=True))
    desk.submit(limit("o3", "SELL", "101.10", 7, reduce_only=True))
    desk.quote("101.50", "101.70")
    assert [q for q, _ in desk.fills("o2")] == [7]
    assert [q for q, _ in desk.fills("o3")] == [3]
    assert desk.held() == 0
