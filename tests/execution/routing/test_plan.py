"""The split is the cheapest there is; compared with other people's optimisers."""

import itertools
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.execution.routing import Offer, plan_route

SIDES = ("BUY", "SELL")


def d(number):
    return Decimal(str(number))


def quote(venue, bid=99.98, ask=100.02, size=100, **terms):
    return Offer.of_quote(venue, bid=bid, ask=ask, bid_size=size, ask_size=size, **terms)


def sent(route):
    return {leg.venue: int(leg.quantity) for leg in route.legs}


def book(venue, asks, *, sells=False, **terms):
    """An offer whose levels are all on the side that is traded."""
    levels = tuple((d(price), d(size)) for price, size in asks)
    other = ((levels[0][0], d(1)),)
    bids, offered = (levels, other) if sells else (other, levels)
    return Offer(venue=venue, bids=bids, asks=offered, **terms)


# --- against other optimisers --------------------------------------------------------------

levels = st.lists(st.tuples(st.integers(9_900, 10_100), st.integers(0, 40)), min_size=1, max_size=4)
fees = st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 30.0, -2.0])
venues = st.lists(st.tuples(levels, fees), min_size=1, max_size=4)


def offers_of(drawn, side, lot=1):
    found = []
    for number, (book_levels, fee) in enumerate(drawn):
        cents = sorted(dict(book_levels).items(), reverse=side == "SELL")
        asks = [(Decimal(price) / 100, size) for price, size in cents]
        found.append(book(f"V{number}", asks, sells=side == "SELL", fee_bps=fee, lot=d(lot)))
    return found


def flat(offers, side):
    """Every level of every venue: cost of one unit with fees, and units."""
    sign = 1 if side == "BUY" else -1
    return [
        (float(price) * (1 + sign * offer.fee_bps / 10_000), float(size))
        for offer in offers
        for price, size in (offer.asks if side == "BUY" else offer.bids)
    ]


@settings(max_examples=150, deadline=None)
@given(drawn=venues, side=st.sampled_from(SIDES), quantity=st.integers(1, 200))
def test_no_linear_programme_finds_a_cheaper_split(drawn, side, quantity):
    offers = offers_of(drawn, side)
    route = plan_route(side, d(quantity), offers)
    there = flat(offers, side)
    placed = min(float(quantity), sum(size for _, size in there))
    assert float(route.quantity - route.unplaced) == placed
    sign = 1 if side == "BUY" else -1
    best = linprog(
        c=[sign * cost for cost, _ in there],
        A_eq=[np.ones(len(there))],
        b_eq=[placed],
        bounds=[(0, size) for _, size in there],
    )
    assert best.status == 0
    assert sign * float(route.expected_cost) == pytest.approx(best.fun, rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    drawn=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(990, 1010), st.integers(0, 9)), min_size=1, max_size=3),
            fees,
        ),
        min_size=1,
        max_size=3,
    ),
    side=st.sampled_from(SIDES),
    quantity=st.integers(1, 18),
    lot=st.sampled_from([1, 2, 3]),
)
def test_in_whole_lots_no_other_split_is_cheaper_nor_places_more(drawn, side, quantity, lot):
    """Every split in lots is tried, each venue charged for its best units."""
    offers = offers_of(drawn, side, lot)
    route = plan_route(side, d(quantity), offers)
    sign = 1 if side == "BUY" else -1

    def cost(offer, units):
        total, fee = Decimal(0), 1 + sign * d(offer.fee_bps) / 10_000
        for price, size in offer.asks if side == "BUY" else offer.bids:
            take = min(size, units)
            total, units = total + take * price * fee, units - take
        return total if units == 0 else None

    best = None
    for split in itertools.product(range(0, quantity + 1, lot), repeat=len(offers)):
        if sum(split) > quantity:
            continue
        costs = [cost(offer, d(units)) for offer, units in zip(offers, split, strict=True)]
        if None in costs:
            continue
        found = (-sum(split), sign * sum(costs))
        best = found if best is None else min(best, found)
    assert int(route.quantity - route.unplaced) == -best[0]
    assert float(sign * route.expected_cost) == pytest.approx(float(best[1]), rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    drawn=venues,
    side=st.sampled_from(SIDES),
    quantity=st.integers(1, 300),
    limit=st.none() | st.integers(9_900, 10_100),
    lots=st.lists(st.sampled_from([1, 5, 10]), min_size=4, max_size=4),
    most=st.lists(st.none() | st.integers(0, 60), min_size=4, max_size=4),
)
def test_a_route_never_exceeds_what_was_asked_for_offered_or_allowed(
    drawn, side, quantity, limit, lots, most
):
    offers = [
        Offer(
            venue=offer.venue,
            bids=offer.bids,
            asks=offer.asks,
            fee_bps=offer.fee_bps,
            lot=d(lot),
            most=None if bound is None else d(bound),
        )
        for offer, lot, bound in zip(offers_of(drawn, side), lots, most, strict=False)
    ]
    limit = None if limit is None else Decimal(limit) / 100
    route = plan_route(side, d(quantity), offers, limit)
    assert sum((leg.quantity for leg in route.legs), Decimal(0)) + route.unplaced == quantity
    assert route.unplaced >= 0
    by_name = {offer.venue: offer for offer in offers}
    for leg in route.legs:
        offer = by_name[leg.venue]
        assert 0 < leg.quantity <= leg.available
        assert leg.quantity % offer.lot == 0
        assert offer.most is None or leg.quantity <= offer.most
        if limit is not None:
            assert leg.price <= limit if side == "BUY" else leg.price >= limit
    assert set(route.passed_over) | set(sent(route)) == set(by_name)
    assert not set(route.passed_over) & set(sent(route))


@settings(max_examples=100, deadline=None)
@given(drawn=venues, side=st.sampled_from(SIDES), quantity=st.integers(1, 100))
def test_a_route_costs_no_more_than_the_best_single_venue(drawn, side, quantity):
    offers = offers_of(drawn, side)
    alone = []
    for offer in offers:
        route = plan_route(side, d(quantity), [offer])
        if not route.unplaced:
            alone.append(route.expected_cost)
    assume(alone)
    together = plan_route(side, d(quantity), offers).expected_cost
    if side == "BUY":
        assert together <= min(alone) + Decimal("1e-20")
    else:
        assert together >= max(alone) - Decimal("1e-20")


# --- by hand -------------------------------------------------------------------------------


def test_a_venue_with_a_worse_price_and_a_lower_fee_is_taken_when_that_is_cheaper():
    dear = quote("DEAR", ask=100.00, fee_bps=10.0)  # 100.10 after fees
    cheap = quote("CHEAP", ask=100.05, fee_bps=1.0)  # 100.060005 after fees
    route = plan_route("BUY", d(100), [dear, cheap])
    assert sent(route) == {"CHEAP": 100}
    assert route.expected_cost == d("10006.0005")
    assert route.legs[0].reason == "100.060005 a unit after fees, the best of 2"
    assert route.passed_over == {"DEAR": "100.1 a unit after fees is worse"}


def test_the_best_price_alone_can_be_asked_for_and_its_fees_are_told_all_the_same():
    dear = quote("DEAR", ask=100.00, fee_bps=10.0)
    cheap = quote("CHEAP", ask=100.05, fee_bps=1.0)
    route = plan_route("BUY", d(100), [dear, cheap], policy="best price")
    assert sent(route) == {"DEAR": 100}
    assert route.expected_cost == d("10010.0")


def test_a_sale_goes_where_it_brings_most_after_fees():
    high = quote("HIGH", bid=100.00, ask=100.10, fee_bps=10.0)  # 99.90 after fees
    low = quote("LOW", bid=99.95, ask=100.10, fee_bps=1.0)  # 99.940005 after fees
    route = plan_route("SELL", d(150), [high, low])
    assert sent(route) == {"LOW": 100, "HIGH": 50}
    assert route.expected_cost == d("9994.0005") + d("4995.00")


def test_of_equal_offers_the_first_given_is_taken_whatever_its_name():
    offers = [quote(name) for name in ("B", "A", "C")]
    assert sent(plan_route("BUY", d(150), offers)) == {"B": 100, "A": 50}
    assert sent(plan_route("BUY", d(150), offers[::-1])) == {"C": 100, "A": 50}


def test_deeper_prices_of_a_venue_are_one_leg_at_the_worst_of_them():
    deep = book("DEEP", [(10, 100), (11, 100), (12, 100)])
    flat_ = book("FLAT", [(11.5, 1000)])
    route = plan_route("BUY", d(300), [deep, flat_])
    (first, second) = route.legs
    assert (first.venue, first.quantity, first.price, first.available) == ("DEEP", 200, 11, 200)
    assert (second.venue, second.quantity, second.price) == ("FLAT", 100, d(11.5))
    assert second.available == 1000
    assert route.expected_cost == 1000 + 1100 + 1150


def test_what_is_beyond_the_limit_is_left_and_would_rest_where_it_trades_first():
    near, far = quote("NEAR", ask=100.02), quote("FAR", ask=100.05, fee_bps=1.0)
    route = plan_route("BUY", d(150), [far, near], d("100.03"))
    assert sent(route) == {"NEAR": 100}
    assert (route.unplaced, route.rest_at) == (50, "NEAR")
    nothing = plan_route("BUY", d(150), [far, near], d("99.00"))
    assert nothing.legs == ()
    assert (nothing.unplaced, nothing.rest_at) == (150, "NEAR")
    assert nothing.expected_cost == 0
    assert nothing.passed_over["NEAR"] == "100.02 is beyond the limit"


def test_a_limit_is_compared_with_the_price_without_fees():
    route = plan_route("BUY", d(100), [quote("A", ask=100.00, fee_bps=30.0)], d("100.00"))
    assert sent(route) == {"A": 100}


def test_an_account_sells_where_it_holds_and_nowhere_else():
    rich = quote("RICH", bid=99.90, ask=101.0, most=d(30))
    poor = quote("POOR", bid=100.0, ask=101.0, most=d(0))
    route = plan_route("SELL", d(100), [poor, rich])
    assert sent(route) == {"RICH": 30}
    assert (route.unplaced, route.rest_at) == (70, None)
    assert route.passed_over == {"POOR": "the account may sell none there"}


def test_a_bad_quote_is_passed_over_with_the_reason_and_the_others_are_used():
    offers = [
        quote("STALE", ask=99.0, bid=98.0, age_s=7.0),
        quote("CROSSED", bid=102.0, ask=99.0),
        quote("NAN", ask=math.nan),
        quote("GOOD"),
    ]
    route = plan_route("BUY", d(100), offers, max_age_s=5.0)
    assert sent(route) == {"GOOD": 100}
    assert route.passed_over == {
        "STALE": "stale: 7 s old",
        "CROSSED": "crossed: bid 102.0 over ask 99.0",
        "NAN": "ask NaN for 100 is no number",
    }


def test_nothing_but_bad_quotes_is_an_error_that_names_each():
    with pytest.raises(BadData, match="A: one-sided") as caught:
        plan_route("BUY", d(1), [Offer(venue="A", bids=(), asks=((d(1), d(1)),))])
    assert caught.value.value == "A: one-sided: no bid"
    with pytest.raises(BadData, match="no venue"):
        plan_route("BUY", d(1), [])


@pytest.mark.parametrize("quantity", [d(0), d(-1), d("NaN"), d("Infinity"), 100, 100.0])
def test_a_quantity_that_is_no_positive_decimal_is_refused(quantity):
    with pytest.raises(InputError, match="quantity must be a positive Decimal"):
        plan_route("BUY", quantity, [quote("A")])


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": "HOLD"},
        {"limit_price": d("NaN")},
        {"limit_price": d(0)},
        {"policy": "cheapest"},
        {"offers": [quote("A"), quote("A")]},
    ],
)
def test_what_is_no_side_no_limit_no_policy_or_a_venue_twice_is_refused(wrong):
    asked = {"side": "BUY", "quantity": d(1), "offers": [quote("A")]} | wrong
    with pytest.raises(InputError):
        plan_route(**asked)


def test_a_lot_over_two_prices_is_charged_for_both():
    route = plan_route("BUY", d(10), [book("A", [(10, 4), (11, 100)], lot=d(10))])
    assert route.expected_cost == 4 * 10 + 6 * 11
    assert route.legs[0].price == 11


def test_the_record_of_a_route_names_its_legs_and_who_was_passed_over():
    route = plan_route("BUY", d(150), [quote("A"), quote("B", age_s=9.0)], max_age_s=1.0)
    told = route.message("O-1", "AAPL.A", {"A": "O-1-E1"})
    assert (told.client_order_id, told.instrument, told.side) == ("O-1", "AAPL.A", "BUY")
    assert [(leg.client_order_id, leg.quantity) for leg in told.legs] == [("O-1-E1", 100)]
    assert (told.unplaced, told.passed_over) == (50, ("B: stale: 9 s old",))
    assert told.expected_cost == d("10002.00")
