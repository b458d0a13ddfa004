"""Checks of the order itself: at the bound they pass, over it and unmeasured they do not."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from nautilus_trader.model.currencies import EUR
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate import Book
from nautilus_lab.risk.limits import (
    FreshQuote,
    MaxMessageRate,
    MaxOrderNotional,
    NoDuplicate,
    PriceCollar,
)
from tests.execution.gate.stand import AAPL, SECOND, Stand, equity


def notional(most):
    return MaxOrderNotional(max_notional=most)


def passed(check, *acts, **quote):
    """Whether the last of some orders got through a gate with this one check, at 99.98/100.00."""
    with Stand(check) as stand:
        for act in acts[:-1]:
            stand.do(act)
        before = len(stand.denials)
        stand.do(acts[-1], **quote)
        assert [f.limit for f in stand.over[before:]] in ([], [check.name])
        return len(stand.denials) == before


# --- size and price -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "worth"),
    [
        (lambda s: s.market(100), 10_000),  # at the ask
        (lambda s: s.market(-100), 9_998),  # at the bid
        (lambda s: s.limit(100, "90.00"), 9_000),  # it pays no more
        (lambda s: s.limit(100, "150.00"), 15_000),  # it may pay as much
        (lambda s: s.limit(-100, "120.00"), 12_000),  # it brings as much
        (lambda s: s.limit(-100, "0.01"), 9_998),  # it trades at the market
        (lambda s: s.stop_at(100, "130.00"), 13_000),
        (lambda s: s.stop_at(-100, "80.00"), 9_998),
    ],
)
def test_an_order_is_valued_at_what_it_may_cost_or_bring_at_most(order, worth):
    assert passed(notional(worth), order)
    assert not passed(notional(worth - 0.01), order)


def test_an_order_that_reduces_is_valued_all_the_same():
    with Stand(notional(10_000)) as stand:
        stand.do(lambda s: s.market(100), lambda s: s.market(100))
        stand.do(lambda s: s.market(-101))
        assert stand.reason().startswith("MAX_ORDER_NOTIONAL")


def test_a_limit_of_zero_lets_nothing_through():
    assert not passed(notional(0), lambda s: s.market(1))


@pytest.mark.parametrize(("bid", "ask"), [("0.00", "100.00"), ("0.00", "0.00"), ("99.98", "0.00")])
def test_a_quote_that_cannot_be_values_nothing(bid, ask):
    with Stand(notional(1e12)) as stand:
        stand.do(lambda s: s.market(1), bid=bid, ask=ask)
        assert stand.reason().endswith("no quote values AAPL.PAPER")


def test_what_settles_in_another_currency_than_the_account_is_not_valued():
    sap = equity("SAP", currency=EUR)
    with Stand(notional(1e12)) as stand:
        stand.cache.add_instrument(sap)
        size, price = Quantity.from_int(1_000), Price.from_str("150.00")
        stand.cache.add_quote_tick(QuoteTick(sap.id, price, price, size, size, 0, 0))
        stand.do(lambda s: s.market(1, on=sap))
        assert stand.reason().startswith("MAX_ORDER_NOTIONAL")
        assert "SAP.PAPER is not known, or is not paid for in the account's currency" in (
            stand.reason()
        )


@pytest.mark.parametrize(
    ("price", "within"),
    [("104.98", True), ("104.99", False), ("95.00", True), ("94.99", False)],
)
def test_a_limit_may_be_so_far_from_the_market(price, within):
    # 500 bp of 99.99: from 94.9905 to 104.9895
    assert passed(PriceCollar(bps=500), lambda s: s.limit(1, price)) is within


def test_the_band_is_measured_exactly():
    # At 100.00/100.00 a limit of 101.00 is 100 bp off.
    order = lambda s: s.limit(1, "101.00")  # noqa: E731
    assert passed(PriceCollar(bps=100), order, bid="100.00", ask="100.00")
    assert not passed(PriceCollar(bps=99.999), order, bid="100.00", ask="100.00")


def test_a_stop_limit_is_compared_with_its_trigger():
    def order(limit):
        return lambda s: s.send(
            s.order_factory.stop_limit(
                AAPL.id,
                OrderSide.BUY,
                Quantity.from_int(1),
                Price.from_str(limit),
                Price.from_str("120.00"),
            )
        )

    assert passed(PriceCollar(bps=100), order("121.20"))
    assert not passed(PriceCollar(bps=100), order("121.21"))


def test_an_order_without_a_limit_is_in_any_band():
    assert passed(PriceCollar(bps=0), lambda s: s.market(1))


def test_without_a_quote_nothing_is_within_a_band():
    assert not passed(PriceCollar(bps=1e9), lambda s: s.limit(1, "90"), bid="0.00", ask="0.00")


def test_a_reducing_order_keeps_to_the_band():
    buy = lambda s: s.market(10)  # noqa: E731
    assert not passed(PriceCollar(bps=10), buy, lambda s: s.limit(-10, "120.00"))


# --- time ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_s", "fresh"), [(0, True), (5, True), (5.000001, False)])
def test_a_quote_may_be_so_old(age_s, fresh):
    with Stand(FreshQuote(max_age_s=5)) as stand:
        stand.now += int(age_s * SECOND)
        stand.engine.kernel.clock.set_time(stand.now)
        stand.hands[0].market(1)
        assert (stand.denials == []) is fresh


def test_a_quote_from_the_future_is_as_old_as_it_is_early():
    with Stand(FreshQuote(max_age_s=5)) as stand:
        size, price = Quantity.from_int(1), Price.from_str("100.00")
        for early, denied in ((5, 0), (6, 1)):
            stamp = stand.now + early * SECOND
            stand.cache.add_quote_tick(QuoteTick(AAPL.id, price, price, size, size, stamp, stamp))
            stand.hands[0].market(1)
            assert len(stand.denials) == denied


def test_without_a_quote_nothing_is_fresh():
    with Stand(FreshQuote(max_age_s=1e9), quotes=False) as stand:
        stand.engine.kernel.clock.set_time(SECOND)
        stand.hands[0].on_start = lambda: None
        stand.engine.trader.start()
        stand.hands[0].market(1)
        assert stand.reason() == "STALE_QUOTE: what it would be cannot be measured: " + (
            "no quote values AAPL.PAPER"
        )


def test_a_reducing_order_needs_a_fresh_quote_too():
    with Stand(FreshQuote(max_age_s=5)) as stand:
        stand.do(lambda s: s.market(10))
        stand.engine.kernel.clock.set_time(stand.now + 6 * SECOND)
        stand.hands[0].market(-10)
        assert stand.reason().startswith("STALE_QUOTE")


def test_so_many_orders_and_changes_pass_within_a_second_and_no_more():
    with Stand(MaxMessageRate(per_second=3)) as stand:
        order = stand.do(lambda s: s.limit(10, "90"))
        stand.quote(every_s=1)
        at = stand.now
        stand.do(
            lambda s: s.change(order, units=11),
            lambda s: s.market(1),
            lambda s: s.market(-1),
            lambda s: s.market(1),
            every_s=1,
        )
        assert stand.denials == ["MAX_MESSAGE_RATE: 4.00 is over the limit of 3.00"]
        stand.do(lambda s: s.market(1), every_s=0.999_999)
        assert len(stand.denials) == 2
        stand.do(lambda s: s.market(1), every_s=0.000_001)  # the first is a second old
        assert len(stand.denials) == 2
        assert stand.now == at + 2 * SECOND


def test_the_rate_is_told_as_it_is_measured():
    book = Book()
    for tenths in (0, 5, 6, 7):
        book.recent.add(None, "Hand-001", tenths * SECOND // 10)
    told = [
        MaxMessageRate(per_second=4).judge(SimpleNamespace(now_ns=tenths * SECOND // 10), book)
        for tenths in (8, 10, 15, 17)
    ]
    assert [(found.value, found.passed) for found in told] == [
        (5, False),
        (4, True),
        (3, True),
        (1, True),
    ]


def test_a_denied_order_does_not_count_in_the_rate():
    with Stand(MaxMessageRate(per_second=2), notional(10_000)) as stand:
        stand.do(lambda s: [s.market(n) for n in (500, 500, 500, 1, 1)])
        assert (len(stand.denials), stand.held()) == (3, 2)


def test_of_a_denied_list_nothing_counts_in_the_rate_or_as_a_duplicate():
    with Stand(MaxMessageRate(per_second=2), NoDuplicate(window_s=60), notional(10_000)) as stand:

        def lists(strategy):
            orders = [strategy.limit(n, "90", send=False) for n in (1, 500)]
            strategy.submit_order_list(strategy.order_factory.create_list(orders))

        stand.do(lists)
        stand.do(lambda s: [s.limit(n, "90") for n in (1, 2)])
        assert len(stand.denials) == 2
        assert stand.queued() == (3, 0)


def test_a_clock_that_is_set_back_does_not_stop_trading_for_an_hour():
    with Stand(MaxMessageRate(per_second=1), NoDuplicate(window_s=2)) as stand:
        stand.quote(every_s=7_200)
        stand.do(lambda s: s.market(1))
        stand.engine.kernel.clock.set_time(stand.now - 3_600 * SECOND)
        stand.hands[0].market(1)
        assert stand.denials == []
        stand.hands[0].market(2)
        assert stand.denials == ["MAX_MESSAGE_RATE: 2.00 is over the limit of 1.00"]


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (lambda s: s.limit(10, "90.00"), True),
        (lambda s: s.limit(11, "90.00"), False),
        (lambda s: s.limit(10, "90.01"), False),
        (lambda s: s.limit(-10, "90.00"), False),
        (lambda s: s.market(10), False),
    ],
)
def test_the_same_order_again_is_a_duplicate(other, alike):
    first = lambda s: s.limit(10, "90.00")  # noqa: E731
    assert passed(NoDuplicate(window_s=1.0), first, other, every_s=0.999) is not alike
    assert passed(NoDuplicate(window_s=1.0), first, other, every_s=1.0)


def test_the_same_order_of_another_strategy_is_none():
    with Stand(NoDuplicate(window_s=60), hands=2) as stand:
        stand.do(lambda s: s.market(10), hand=0)
        stand.do(lambda s: s.market(10), hand=1)
        assert stand.denials == []
        stand.do(lambda s: s.market(10), hand=1)
        assert len(stand.denials) == 1


def test_a_reducing_order_is_a_duplicate_like_any():
    sell = lambda s: s.market(-10)  # noqa: E731
    assert not passed(NoDuplicate(window_s=60), lambda s: s.market(50), sell, sell)


# --- soundness ----------------------------------------------------------------------------


def test_a_price_below_zero_is_no_price_of_a_stock():
    with Stand(bypass=True) as stand:
        stand.do(lambda s: s.limit(1, Decimal("-1.00")))
        assert stand.reason() == "SOUND_ORDER: 1.00 is over the limit of 0.00"


def test_a_size_in_money_is_refused():
    with Stand(bypass=True) as stand:
        stand.do(
            lambda s: s.send(
                s.order_factory.market(
                    AAPL.id, OrderSide.BUY, Quantity.from_int(1_000), quote_quantity=True
                )
            )
        )
        assert stand.reason().startswith("SOUND_ORDER")


# --- settings -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "make",
    [
        lambda v: PriceCollar(bps=v),
        lambda v: FreshQuote(max_age_s=v),
        lambda v: NoDuplicate(window_s=v),
        lambda v: MaxMessageRate(per_second=v),
    ],
)
def test_a_bound_that_is_none_is_refused(make, value):
    with pytest.raises(InputError) as caught:
        make(value)
    assert caught.value.value is value
