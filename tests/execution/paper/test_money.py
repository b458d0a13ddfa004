"""Cash, fees, margin: each figure worked out by hand."""

from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import VenueTerms
from tests.execution.paper.orders import Desk, kinds, limit, order

D = Decimal


def account(desk):
    return desk.book.account


# --- fees -----------------------------------------------------------------------------------

FEES = VenueTerms(maker_fee_bps=1, taker_fee_bps=10, leverage=10)


def test_who_takes_pays_the_takers_fee():
    desk = Desk(terms=FEES)
    desk.submit(order("o1", quantity=100))
    # 100 x 100.10 = 10 010.00, and 0.1 % of it is 10.01.
    assert desk.events[-1].fill.commission == D("10.01")
    assert desk.book.cash == 1_000_000 - D("10010.00") - D("10.01")


def test_who_makes_pays_the_makers_fee():
    desk = Desk(terms=FEES)
    desk.submit(limit("o1", price="99.00", quantity=100))
    desk.quote("98.50", "98.70")
    assert desk.events[-1].fill.commission == D("0.99")  # 0.01 % of 9 900.00


@pytest.mark.parametrize(
    ("quantity", "price", "commission"),
    [("5", "10.00", "0.05"), ("45", "1.00", "0.05"), ("44", "1.00", "0.04")],
)
def test_a_commission_is_rounded_to_cents_half_up(quantity, price, commission):
    fees = VenueTerms(taker_fee_bps=10)
    assert fees.commission(D(quantity), D(price), maker=False) == D(commission)


def test_a_tiny_fee_of_a_tiny_fill_is_nothing():
    assert FEES.commission(D(1), D("1.00"), maker=False) == 0


# --- a cash account -------------------------------------------------------------------------


@pytest.fixture
def cash():
    return Desk(cash=10_000, terms=VenueTerms(taker_fee_bps=10))


def test_the_commission_must_be_affordable_too(cash):
    # 99 x 100.10 = 9 909.90 and 9.91 commission fit into 10 000; a hundredth unit does not.
    cash.submit(order("o1", quantity=100))
    assert "not enough cash: 10020.01 needed, 10000.00 free" in cash.reason("o1")
    cash.submit(order("o2", quantity=99))
    assert (cash.status("o2"), cash.book.cash) == ("FILLED", D("80.19"))


def test_what_a_bracket_would_sell_later_needs_no_units_yet(cash):
    cash.submit(
        order("entry", quantity=50, contingency="OTO"),
        limit("target", "SELL", "102.00", 50, parent="entry"),
    )
    assert cash.status("target") == "ACCEPTED"


def test_of_two_linked_buys_one_needs_cash(cash):
    pair = {"contingency": "OCO", "list_id": "L"}
    cash.submit(
        limit("a", price="99.00", quantity=100, linked=("b",), **pair),
        order("b", "BUY", "STOP_MARKET", 98, trigger_price="101.00", linked=("a",), **pair),
    )
    assert cash.status("a") == "ACCEPTED"


def test_of_two_linked_sells_one_needs_units(cash):
    cash.submit(order("o1", quantity=50))
    pair = {"contingency": "OCO", "list_id": "L"}
    cash.submit(
        limit("a", "SELL", "102.00", 50, linked=("b",), **pair),
        order("b", "SELL", "STOP_MARKET", 50, trigger_price="98.00", linked=("a",), **pair),
    )
    assert (cash.status("a"), cash.status("b")) == ("ACCEPTED", "ACCEPTED")


def test_a_stop_that_gaps_beyond_the_cash_ends_with_what_is_affordable(cash):
    cash.submit(order("o1", "BUY", "STOP_MARKET", 98, trigger_price="101.00"))
    cash.quote("119.90", "120.10")
    # 83 x 120.10 = 9 968.30 and 9.97 commission; 84 would be 10 088.40.
    assert cash.fills("o1") == [(83, "120.10")]
    assert cash.status("o1") == "CANCELED"
    assert cash.reason("o1") == "the account cannot bear the rest of it"
    assert cash.book.cash == D("10000") - D("9968.30") - D("9.97")


def test_a_cash_account_has_no_margin(cash):
    cash.submit(order("o1", quantity=50))
    statement = account(cash)
    assert (statement.margins, statement.leverage) == ([], 1)
    assert cash.close_out() == []


# --- what was earned ------------------------------------------------------------------------


def test_the_balance_has_what_closed_positions_earned_and_the_equity_what_open_ones_would():
    desk = Desk(cash=100_000, terms=FEES)
    desk.submit(order("o1", quantity=100))  # 10 010.00, commission 10.01
    desk.quote("109.90", "110.10")
    statement = account(desk)
    assert statement.balance == D("99989.99")
    assert statement.equity == D("100000") - D("10010.00") - D("10.01") + 100 * D("109.90")
    desk.submit(order("o2", "SELL", quantity=40))  # 4 396.00, commission 4.40
    # 40 units earned 9.80 each.
    assert account(desk).balance == D("99989.99") + D("392.00") - D("4.40")
    assert desk.book.positions[0].average_price == D("100.1000")
    desk.submit(order("o3", "SELL", quantity=60))  # 6 594.00, commission 6.59
    assert account(desk).balance == account(desk).equity == account(desk).cash
    assert account(desk).cash == 100_000 + 100 * D("9.80") - D("10.01") - D("4.40") - D("6.59")


def test_a_position_that_turns_begins_anew_at_the_price_it_turned_at():
    desk = Desk(terms=VenueTerms(leverage=10))
    desk.submit(order("o1", "BUY", quantity=10))
    desk.submit(order("o2", "SELL", quantity=25))
    (position,) = desk.book.positions
    assert (position.quantity, position.average_price) == (-15, D("99.9000"))
    assert account(desk).balance == 1_000_000 - 10 * D("0.20")


def test_a_short_position_is_worth_what_it_costs_to_close():
    desk = Desk(cash=10_000, terms=VenueTerms(leverage=10))
    desk.submit(order("o1", "SELL", quantity=100))
    desk.quote("94.80", "95.00")
    assert account(desk).equity == 10_000 + 100 * (D("99.90") - D("95.00"))


# --- margin ---------------------------------------------------------------------------------


@pytest.fixture
def lent():
    """10 000 USD at a leverage of 4: initial margin 25 %, maintenance 12.5 %."""
    return Desk(cash=10_000, terms=VenueTerms(leverage=4))


def test_margins_are_fractions_of_what_a_position_is_worth(lent):
    lent.submit(order("o1", quantity=200))
    statement = account(lent)
    assert statement.cash == 10_000 - 200 * D("100.10")
    assert statement.equity == 10_000 - 200 * D("0.20")
    (margin,) = statement.margins  # 200 x 99.90 = 19 980.00
    assert (margin.initial, margin.maintenance) == (D("4995.00"), D("2497.50"))
    assert (statement.initial_margin, statement.maintenance_margin) == (
        D("4995.00"),
        D("2497.50"),
    )


@pytest.mark.parametrize(("side", "most"), [("BUY", 399), ("SELL", 399)])
def test_the_most_that_can_be_opened_is_the_equity_times_the_leverage(lent, side, most):
    # 399 x 100.10 / 4 = 9 984.98 fits into 10 000; 400 x 100.10 / 4 = 10 010.00 does not.
    lent.submit(order("o1", side, quantity=401))
    assert "not enough margin" in lent.reason("o1")
    lent.submit(order("o2", side, quantity=most))
    assert lent.status("o2") == "FILLED"


def test_working_orders_of_the_same_side_count_together(lent):
    lent.submit(limit("o1", price="99.00", quantity=300))
    lent.submit(limit("o2", price="99.00", quantity=300))
    assert lent.status("o2") == "REJECTED"
    lent.submit(limit("o3", price="99.00", quantity=90))
    assert lent.status("o3") == "ACCEPTED"


def test_working_orders_of_both_sides_count_once(lent):
    lent.submit(limit("o1", "BUY", "99.00", 300))
    lent.submit(limit("o2", "SELL", "101.00", 300))
    assert lent.status("o2") == "ACCEPTED"


def test_what_closes_a_position_needs_no_margin(lent):
    lent.submit(order("o1", quantity=390))
    lent.submit(order("o2", "SELL", quantity=390))
    assert (lent.status("o2"), lent.held()) == ("FILLED", 0)


@pytest.mark.parametrize(
    ("side", "back", "far"), [("BUY", "SELL", "500.00"), ("SELL", "BUY", "90.00")]
)
def test_a_profit_is_taken_however_far_away_it_lies(lent, side, back, far):
    lent.submit(order("o1", side, quantity=390))
    lent.submit(limit("o2", back, far, 100))
    lent.submit(limit("o3", back, far, 290))
    assert (lent.status("o2"), lent.status("o3")) == ("ACCEPTED", "ACCEPTED")
    # Beyond what is held it opens the other side, at its own price.
    lent.submit(limit("o4", back, "500.00", 300))
    assert "not enough margin" in lent.reason("o4")


def test_a_position_can_be_closed_that_could_not_be_opened_any_more(lent):
    lent.submit(order("o1", quantity=390))
    lent.quote("90.90", "91.10")
    lent.submit(order("o2", "BUY", quantity=50))
    assert lent.status("o2") == "REJECTED"
    lent.submit(order("o3", "SELL", quantity=390))
    assert lent.held() == 0


def test_a_call_comes_when_the_equity_is_below_the_maintenance_margin(lent):
    lent.submit(order("o1", quantity=390))
    # equity = 10 000 + 390 x (bid - 100.10); maintenance = 390 x bid / 8: equal at 85.10.
    lent.quote("85.11", "85.31")
    assert lent.close_out() == []
    lent.quote("85.09", "85.29")
    events = lent.close_out()
    assert [e.kind for e in events] == ["ACCEPTED", "FILLED"]
    (call,) = {e.order.client_order_id for e in events}
    assert call.startswith("MARGIN-CALL-")
    assert (lent.held(), lent.book.positions) == (0, [])
    assert account(lent).equity == 10_000 + 390 * (D("85.09") - D("100.10"))


def test_a_short_position_is_called_as_the_market_rises(lent):
    lent.submit(order("o1", "SELL", quantity=390))
    # 10 000 + 390 x (99.90 - ask) = 390 x ask / 8 at 111.59.
    lent.quote("111.38", "111.58")
    assert lent.close_out() == []
    lent.quote("111.40", "111.60")
    lent.close_out()
    assert lent.held() == 0


def test_a_call_cancels_every_order_first(lent):
    lent.submit(order("o1", quantity=300))
    lent.submit(limit("o2", "SELL", "120.00", 300))
    lent.quote("70.00", "70.20")
    names = kinds(lent.close_out())
    assert names[0] == ("o2", "CANCELED")
    assert lent.reason("o2") == "margin call"


def test_a_call_that_the_market_cannot_fill_at_once_goes_on_and_is_one_order():
    desk = Desk(cash=10_000, terms=VenueTerms(leverage=4, depth=100, levels=1))
    desk.submit(limit("o1", price="100.10", quantity=390))
    for _ in range(3):
        desk.quote("99.90", "100.10")
    assert desk.held() == 390
    desk.quote("80.00", "80.20")
    assert [e.kind for e in desk.close_out()] == ["ACCEPTED", "FILLED"]
    assert desk.close_out() == []
    for _ in range(3):
        desk.quote("80.00", "80.20")
        desk.close_out()
    calls = [o for o in desk.book.orders() if o.client_order_id.startswith("MARGIN-CALL-")]
    assert (desk.held(), len(calls), calls[0].status) == (0, 1, "FILLED")


def test_each_symbol_is_closed_of_an_account_that_is_called(lent):
    lent.quote("49.90", "50.10", "MSFT")
    lent.submit(order("o1", quantity=200))
    lent.submit(order("o2", "SELL", quantity=200, symbol="MSFT"))
    lent.quote("60.00", "60.20")
    lent.close_out()
    assert (lent.held(), lent.held("MSFT")) == (0, 0)


# --- what a venue charges and shows ---------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "mid", "bid", "ask"),
    [
        ({"half_spread_bps": 10}, 100.0, "99.90", "100.10"),
        ({"half_spread_bps": 0}, 100.0, "99.99", "100.01"),
        ({"half_spread_bps": 0}, 100.004, "99.99", "100.01"),
        ({"half_spread_bps": 10, "price_offset_bps": 100}, 100.0, "100.89", "101.11"),
        ({"half_spread_bps": 10, "price_offset_bps": -100}, 100.0, "98.90", "99.10"),
        ({"half_spread_bps": 2}, 0.004, "0.01", "0.02"),
    ],
)
def test_a_spread_is_whole_cents_around_the_mid(terms, mid, bid, ask):
    assert VenueTerms(**terms).spread(mid) == (D(bid), D(ask))


def test_a_margin_of_regulation_t_is_a_leverage_of_two():
    terms = VenueTerms(leverage=2)
    assert (terms.initial_margin, terms.maintenance_margin) == (D("0.5"), D("0.25"))


@pytest.mark.parametrize(
    "terms",
    [
        {"leverage": float("nan")},
        {"leverage": 0.5},
        {"leverage": float("inf")},
        {"maker_fee_bps": float("nan")},
        {"taker_fee_bps": -1.0},
        {"half_spread_bps": float("inf")},
        {"latency_ms": -1.0},
        {"price_offset_bps": -10_000.0},
        {"price_offset_bps": float("nan")},
        {"depth": 0},
        {"levels": 0},
    ],
)
def test_terms_on_which_nobody_could_trade_are_refused(terms):
    with pytest.raises(InputError):
        VenueTerms(**terms)


# --- contracts ------------------------------------------------------------------------------


ES_TERMS = VenueTerms(leverage=10.0, taker_fee_bps=1.0, multipliers={"AAPL": 50.0})


def test_money_of_a_contract_counts_its_multiplier():
    desk = Desk(cash=1_000_000, terms=ES_TERMS, market=("99.90", "100.10"))
    desk.submit(order("o1", quantity=200))
    desk.quote("109.90", "110.10")
    told = account(desk)
    # By hand: 200 x 100.10 x 50 = 1,001,000, a basis point of it as fee; 9.80 x 200 x 50 gained.
    assert told.balance == 1_000_000 - D("100.10")
    assert told.equity == told.balance + 98_000
    assert told.cash == told.balance - 1_001_000
    assert told.margins[0].initial == D("109.90") * 200 * 50 / 10
    (held,) = desk.book.positions
    assert (held.quantity, held.average_price) == (200, D("100.1000"))
    desk.submit(order("o2", "SELL", quantity=200))
    done = account(desk)
    fees = D("100.10") + D("109.90")
    assert done.balance == done.cash == done.equity == 1_098_000 - fees


def test_what_a_margin_account_bears_of_a_contract_counts_its_multiplier():
    desk = Desk(cash=100_000, terms=ES_TERMS, market=("99.90", "100.10"))
    desk.submit(order("o1", quantity=200))
    assert "not enough margin: 100100.00 needed" in desk.reason("o1")
    desk.submit(order("o2", quantity=199))
    assert desk.status("o2") == "FILLED"


def test_contracts_need_a_margin_account_and_a_positive_multiplier():
    with pytest.raises(InputError, match="need a margin account"):
        VenueTerms(multipliers={"ES": 50.0})
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="multiplier of ES must be above 0"):
            VenueTerms(leverage=2.0, multipliers={"ES": wrong})
