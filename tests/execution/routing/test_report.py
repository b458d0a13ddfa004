"""What an execution was worth, computed by hand."""

from decimal import Decimal

import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.execution.routing import Offer, execution_report, plan_route
from nautilus_lab.platform.messages import OrderFilled, OrderUpdated

D = Decimal


def parent(side="BUY", **changed):
    facts = {
        "client_order_id": "O-1",
        "strategy": "Tilt-001",
        "instrument": "AAPL.NEAR",
        "side": side,
        "order_type": "MARKET",
        "quantity": D(300),
        "status": "CANCELED",
        "arrival_price": D("100.00"),
    }
    return OrderUpdated(**facts | changed)


def fill(
    number, quantity, price, *, venue="NEAR", side="BUY", fee="0", symbol="AAPL", multiplier=1
):
    return OrderFilled(
        trade_id=f"T-{number}",
        client_order_id=f"O-1-E{number}",
        strategy="Tilt-001",
        instrument=f"{symbol}.{venue}",
        side=side,
        quantity=D(quantity),
        price=D(price),
        commission=D(fee),
        multiplier=D(multiplier),
    )


def test_money_of_a_contract_counts_its_multiplier_and_prices_stay_as_quoted():
    report = execution_report(parent(), [fill(1, 300, "100.10", fee="15", multiplier=50)])
    assert (report.average_price, report.slippage_bps) == (D("100.10"), pytest.approx(10.0))
    assert report.shortfall == D("1515.00")  # 0.10 x 300 x 50 + 15
    assert report.fees_bps == pytest.approx(15 / (300 * 100.10 * 50) * 10_000)
    assert report.venues[0].average_price == D("100.10")


def test_slippage_fees_and_shortfall_of_a_purchase_are_costs():
    fills = [fill(1, 100, "100.10", fee="1.00"), fill(2, 200, "100.25", venue="FAR", fee="2.00")]
    report = execution_report(parent(), fills)
    # (100 x 100.10 + 200 x 100.25) / 300 = 100.20
    assert report.average_price == D("100.20")
    assert report.slippage_bps == pytest.approx(20.0)
    assert report.fees == D("3.00")
    assert report.fees_bps == pytest.approx(3 / 30_060 * 10_000)
    assert report.shortfall == D("63.00")  # 0.20 x 300 + 3
    assert (report.quantity, report.filled) == (300, 300)
    far, near = report.venues
    assert (far.venue, far.filled, far.average_price, far.fees) == ("FAR", 200, D("100.25"), 2)
    assert far.slippage_bps == pytest.approx(25.0)
    assert near.slippage_bps == pytest.approx(10.0)


def test_a_sale_below_its_arrival_costs_and_one_above_it_gains():
    low = execution_report(parent("SELL"), [fill(1, 300, "99.90", side="SELL", fee="3")])
    assert low.slippage_bps == pytest.approx(10.0)
    assert low.shortfall == D("33.00")
    high = execution_report(parent("SELL"), [fill(1, 300, "100.10", side="SELL", fee="3")])
    assert high.slippage_bps == pytest.approx(-10.0)
    assert high.shortfall == D("-27.00")


def test_it_is_compared_with_the_average_price_of_the_market():
    market = [(D("100.00"), D(900)), (D("101.00"), D(100))]  # 100.10
    report = execution_report(parent(), [fill(1, 300, "100.20")], market=market)
    assert report.interval_vwap == D("100.10")
    assert report.vwap_slippage_bps == pytest.approx((100.20 / 100.10 - 1) * 10_000)


def test_it_is_compared_with_what_the_router_expected_of_the_units_that_filled():
    offers = [
        Offer.of_quote(venue, bid=99, ask=ask, bid_size=900, ask_size=size, fee_bps=10.0)
        for venue, ask, size in (("NEAR", 100, 100), ("FAR", 101, 900))
    ]
    route = plan_route("BUY", D(300), offers)
    told = route.message("O-1", "AAPL.NEAR", {"NEAR": "O-1-E1", "FAR": "O-1-E2"})
    as_planned = [fill(1, 100, "100", fee="10"), fill(2, 200, "101", venue="FAR", fee="20.2")]
    report = execution_report(parent(), as_planned, [told])
    assert report.plan_slippage_bps == pytest.approx(0.0, abs=1e-9)
    assert [(v.venue, v.planned, v.filled) for v in report.venues] == [
        ("FAR", 200, 200),
        ("NEAR", 100, 100),
    ]
    worse = [fill(1, 100, "101", fee="10.1"), fill(2, 200, "101", venue="FAR", fee="20.2")]
    plan = 100 * 100 * 1.001 + 200 * 101 * 1.001
    paid = 100 * 101 * 1.001 + 200 * 101 * 1.001
    report = execution_report(parent(), worse, [told])
    assert report.plan_slippage_bps == pytest.approx((paid / plan - 1) * 10_000)


def test_a_venue_that_was_sent_some_and_filled_none_is_listed():
    offer = Offer.of_quote("NEAR", bid=99, ask=100, bid_size=900, ask_size=900)
    told = plan_route("BUY", D(300), [offer]).message("O-1", "AAPL.NEAR", {"NEAR": "O-1-E1"})
    report = execution_report(parent(), [], [told])
    (near,) = report.venues
    assert (near.planned, near.filled, near.average_price) == (300, 0, None)
    assert report.average_price is None
    assert report.slippage_bps is None
    assert report.plan_slippage_bps is None


def test_a_fill_that_is_told_twice_counts_once():
    twice = [fill(1, 100, "100.10", fee="1")] * 2
    assert execution_report(parent(), twice).filled == 100


def test_without_an_arrival_price_nothing_is_compared_with_it():
    report = execution_report(parent(arrival_price=None), [fill(1, 300, "100.20")])
    assert report.slippage_bps is None
    assert report.shortfall is None


def test_a_fill_of_another_side_or_symbol_or_a_route_of_another_order_is_refused():
    for other in (fill(1, 1, "100", side="SELL"), fill(1, 1, "100", symbol="MSFT")):
        with pytest.raises(InputError, match="must belong to BUY AAPL"):
            execution_report(parent(), [other])
    offer = Offer.of_quote("NEAR", bid=99, ask=100, bid_size=900, ask_size=900)
    told = plan_route("BUY", D(300), [offer]).message("O-2", "AAPL.NEAR", {"NEAR": "O-2-E1"})
    with pytest.raises(InputError, match="a route must be of the order"):
        execution_report(parent(), [], [told])


@pytest.mark.parametrize(
    "trade", [(D("NaN"), D(1)), (D(100), D("NaN")), (D(0), D(1)), (D(1), D(-1))]
)
def test_a_market_with_numbers_that_are_none_is_refused(trade):
    with pytest.raises(BadData, match="must have a positive price"):
        execution_report(parent(), [fill(1, 300, "100.20")], market=[trade])
