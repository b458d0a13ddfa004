"""Checks of what is held: they count what works and is on its way, and let pass what reduces."""

import math

import pytest
from nautilus_trader.model.objects import Price

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.limits import (
    DailyLoss,
    EnoughMargin,
    MaxGrossExposure,
    MaxOrderNotional,
    MaxPositionNotional,
    MaxPositionUnits,
)
from tests.execution.gate.stand import AAPL, CASH, Stand, equity

MSFT = equity("MSFT")
ELSEWHERE = equity("AAPL", "OTHER")
FLAT = {"bid": "100.00", "ask": "100.00"}

# check -> one whose bound is a purchase of 100 at 100.00 with nothing held
AT_A_HUNDRED = {
    "units": MaxPositionUnits(max_units=100),
    "units of a symbol": MaxPositionUnits(max_units=100, per="symbol"),
    "units of a strategy": MaxPositionUnits(max_units=100, per="strategy"),
    "notional": MaxPositionNotional(max_notional=10_000),
    "notional of a symbol": MaxPositionNotional(max_notional=10_000, per="symbol"),
    "notional of a strategy": MaxPositionNotional(max_notional=10_000, per="strategy"),
    "gross": MaxGrossExposure(max_notional=10_000),
}


@pytest.fixture(params=AT_A_HUNDRED)
def stand(request):
    with Stand(AT_A_HUNDRED[request.param]) as stand:
        stand.quote(**FLAT)
        yield stand


def test_on_the_bound_it_passes_and_one_unit_over_it_does_not(stand):
    stand.do(lambda s: [s.market(101), s.market(100), s.market(1)])
    assert stand.held() == 100
    assert len(stand.denials) == 2
    assert "is over the limit of" in stand.reason()


def test_a_short_position_is_bound_alike(stand):
    stand.do(lambda s: [s.market(-101), s.market(-100), s.market(-1)])
    assert stand.held() == -100
    assert len(stand.denials) == 2


def test_what_works_counts_as_if_it_were_held(stand):
    stand.do(lambda s: [s.limit(60, "90.00"), s.limit(41, "90.00"), s.limit(40, "90.00")])
    assert stand.queued() == (100, 0)
    assert len(stand.denials) == 1
    # A sale that works is no room for purchases: it may never trade.
    stand.do(lambda s: s.limit(-50, "120.00"))
    assert stand.queued() == (100, 50)
    stand.do(lambda s: s.market(1))
    assert len(stand.denials) == 2


def test_what_reduces_is_not_asked(stand):
    stand.do(lambda s: s.market(100))
    stand.quote("500.00", "500.00")  # far over every bound in money now
    stand.do(lambda s: s.market(-60))
    assert (stand.held(), stand.denials) == (40, [])


@pytest.mark.parametrize("name", ["units", "units of a symbol", "units of a strategy"])
def test_what_reduces_more_than_is_left_to_reduce_is_asked_about_what_opens(name):
    with Stand(AT_A_HUNDRED[name]) as stand:
        stand.do(lambda s: s.market(100))
        stand.do(lambda s: s.limit(-80, "120.00"))
        # 20 are left to be sold: of 30 ten would open, and a short position of 10 may come of it.
        stand.do(lambda s: s.limit(-30, "120.00"))
        stand.do(lambda s: s.limit(-90, "120.00"))  # 100 short at most: on the bound
        assert stand.queued() == (0, 200)
        stand.do(lambda s: s.limit(-1, "120.00"))
        assert len(stand.denials) == 1


def test_of_what_flips_a_position_only_what_opens_counts_at_its_own_price():
    with Stand(MaxPositionNotional(max_notional=10_000)) as stand:
        stand.quote(**FLAT)
        stand.do(lambda s: s.market(100))
        # 83 short at 120.00 are 9 960, 84 are 10 080.
        stand.do(lambda s: s.limit(-184, "120.00"))
        assert stand.reason() == "MAX_POSITION_NOTIONAL: 10080.00 is over the limit of 10000.00"
        stand.do(lambda s: s.limit(-183, "120.00"))
        assert stand.queued() == (0, 183)


def test_a_flip_may_open_as_much_as_the_bound(stand):
    stand.do(lambda s: s.market(100))
    stand.do(lambda s: [s.market(-201), s.market(-200)])
    assert stand.held() == -100
    assert len(stand.denials) == 1


def test_it_asks_again_once_orders_are_over(stand):
    order = stand.do(lambda s: s.limit(100, "90.00"))
    stand.do(lambda s: s.cancel_order(order))
    stand.do(lambda s: s.market(100))
    assert stand.held() == 100


# --- money --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [
        MaxPositionNotional(max_notional=1e12),
        MaxPositionNotional(max_notional=1e12, per="symbol"),
        MaxPositionNotional(max_notional=1e12, per="strategy"),
        MaxGrossExposure(max_notional=1e12),
        EnoughMargin(),
    ],
)
def test_what_cannot_be_valued_is_denied_unless_it_reduces(check):
    with Stand(check) as stand:
        stand.do(lambda s: s.market(100))
        stand.quote("0.00", "100.00")
        stand.do(lambda s: s.market(1))
        assert stand.reason().endswith("no quote values AAPL.PAPER")
        stand.do(lambda s: s.limit(-60, "99.00"))
        assert len(stand.denials) == 1


@pytest.mark.parametrize("check", [MaxGrossExposure(max_notional=1e12), EnoughMargin()])
def test_nothing_opens_while_something_else_that_is_held_cannot_be_valued(check):
    with Stand(check, instruments=(AAPL, MSFT)) as stand:
        stand.do(lambda s: s.market(100, on=MSFT))
        stand.quote("0.00", "0.00", on=MSFT)
        stand.do(lambda s: s.market(1))
        assert stand.reason().endswith(
            "cannot be measured: no quote values MSFT.PAPER, held or worked"
        )
        stand.quote("50.00", on=MSFT)
        stand.do(lambda s: s.market(1))
        assert len(stand.denials) == 1


def test_a_purchase_above_the_market_counts_at_its_own_price():
    with Stand(MaxPositionNotional(max_notional=10_000)) as stand:
        stand.quote(**FLAT)
        stand.do(lambda s: s.limit(100, "100.01", post_only=False))
        assert stand.reason() == "MAX_POSITION_NOTIONAL: 10001.00 is over the limit of 10000.00"


def test_a_symbol_is_added_up_over_its_venues():
    checks = (
        MaxPositionUnits(max_units=80),
        MaxPositionUnits(max_units=100, per="symbol"),
        MaxPositionNotional(max_notional=10_000, per="symbol"),
    )
    with Stand(*checks, instruments=(AAPL, ELSEWHERE)) as stand:
        stand.quote(**FLAT)
        stand.quote(**FLAT, on=ELSEWHERE)
        stand.do(lambda s: s.market(80))
        stand.do(lambda s: [s.market(21, on=ELSEWHERE), s.market(20, on=ELSEWHERE)])
        assert stand.held(ELSEWHERE) == 20
        assert stand.over[-1].scope == "AAPL"


def test_gross_exposure_adds_longs_and_shorts():
    with Stand(MaxGrossExposure(max_notional=30_000), instruments=(AAPL, MSFT)) as stand:
        for instrument in (AAPL, MSFT):
            stand.quote(**FLAT, on=instrument)
        stand.do(lambda s: [s.market(100), s.market(-201, on=MSFT), s.market(-200, on=MSFT)])
        assert stand.denials == ["MAX_GROSS_EXPOSURE: 30100.00 is over the limit of 30000.00"]
        assert (stand.book.gross, stand.book.net) == (30_000, -10_000)


# --- a strategy's own ---------------------------------------------------------------------


def test_each_strategy_has_a_bound_of_its_own():
    with Stand(MaxPositionUnits(max_units=100, per="strategy"), hands=2) as stand:
        stand.do(lambda s: s.market(100), hand=0)
        stand.do(lambda s: [s.market(101), s.market(100)], hand=1)
        assert (stand.held(), stand.held(hand=0), stand.held(hand=1)) == (200, 100, 100)
        assert stand.over[0].scope == "Hand-002:AAPL.PAPER"


def test_what_reduces_the_account_but_opens_for_its_strategy_is_asked_about_that():
    with Stand(MaxPositionUnits(max_units=50, per="strategy"), hands=2) as stand:
        stand.do(lambda s: s.market(50), hand=0)
        stand.do(lambda s: s.market(-51), hand=1)
        assert stand.reason() == "MAX_POSITION_UNITS: 51.00 is over the limit of 50.00"
        stand.do(lambda s: s.market(-50), hand=1)
        assert stand.held() == 0


def test_a_strategy_over_its_bound_may_reduce_also_when_that_opens_for_the_account():
    with Stand(MaxPositionNotional(max_notional=10_000, per="strategy"), hands=2) as stand:
        stand.quote(**FLAT)
        stand.do(lambda s: s.market(100), hand=0)
        stand.do(lambda s: s.market(-100), hand=1)
        stand.quote("500.00", "500.00")
        stand.do(lambda s: s.market(-50), hand=0)
        assert (stand.held(), stand.held(hand=0)) == (-50, 50)


# --- margin -------------------------------------------------------------------------------


@pytest.mark.parametrize("leverage", [1.0, 2.0, 4.0])
def test_an_account_carries_so_many_times_its_equity(leverage):
    with Stand(EnoughMargin(leverage={"PAPER": leverage})) as stand:
        stand.book.set_cash("PAPER", 10_000)
        stand.quote(**FLAT)
        most = int(leverage * 100)
        stand.do(lambda s: [s.limit(most + 1, "100.00"), s.market(most), s.market(1)])
        assert stand.held() == most
        assert len(stand.denials) == 2
        assert stand.over[0].scope == "account:PAPER"
        assert stand.over[0].bound == leverage * 10_000


def test_margin_is_asked_of_the_venue_that_the_order_is_for():
    check = EnoughMargin(leverage={"OTHER": 3.0})
    with Stand(check, instruments=(AAPL, ELSEWHERE)) as stand:
        for instrument in (AAPL, ELSEWHERE):
            stand.quote(**FLAT, on=instrument)
            stand.book.set_cash(instrument.id.venue.value, 10_000)
        stand.do(lambda s: [s.market(101), s.market(300, on=ELSEWHERE), s.market(100)])
        assert (stand.held(), stand.held(ELSEWHERE)) == (100, 300)
        assert len(stand.denials) == 1


def test_losses_and_fees_take_from_what_an_account_carries():
    with Stand(EnoughMargin(), instruments=(equity("AAPL", fee="0.01"),)) as stand:
        stand.book.set_cash("PAPER", 10_000)
        stand.quote(**FLAT)
        stand.do(lambda s: s.market(50))  # 50 in fees
        assert stand.book.equity == pytest.approx(9_950)
        stand.quote("80.00", "80.00")  # 1 000 lost
        assert stand.book.equity == pytest.approx(8_950)
        stand.do(lambda s: [s.limit(62, "80.00"), s.limit(61, "80.00")])
        # 50 * 80 + 61 * 80 = 8 880
        assert stand.queued() == (0, 0)
        assert len(stand.denials) == 1


def test_an_account_that_lost_everything_may_reduce_and_nothing_else():
    with Stand(EnoughMargin(leverage={"PAPER": 5.0})) as stand:
        stand.book.set_cash("PAPER", 10_000)
        stand.quote(**FLAT)
        stand.do(lambda s: s.market(500))
        stand.quote("70.00", "70.00")
        assert stand.book.equity == pytest.approx(-5_000)
        stand.do(lambda s: [s.market(1), s.market(-500)])
        assert stand.denials == ["MARGIN: 35070.00 is over the limit of 0.00"]
        assert stand.held() == 0


def test_nothing_opens_at_a_venue_whose_cash_is_not_known():
    with Stand(EnoughMargin()) as stand:
        stand.book.set_cash("PAPER", math.nan)
        stand.do(lambda s: s.market(1))
        assert stand.denials == [
            "MARGIN: what it would be cannot be measured: the cash at PAPER is not known yet"
        ]


# --- the loss of the day ------------------------------------------------------------------


@pytest.mark.parametrize("limit", [DailyLoss(max_loss=1_000), DailyLoss(max_fraction=0.0001)])
def test_a_loss_on_its_limit_passes_and_more_does_not(limit):
    with Stand(limit) as stand:
        stand.book.day_start_equity = CASH
        stand.quote(**FLAT)
        stand.do(lambda s: s.market(100))
        stand.quote("90.00", "90.00")
        stand.do(lambda s: s.market(1))
        assert stand.denials == []
        stand.quote("89.99", "89.99")
        stand.do(lambda s: s.market(1))
        assert stand.reason().startswith("MAX_DAILY_LOSS: 1001.01 is over the limit of 1000.00")
        stand.do(lambda s: s.market(-101))
        assert stand.held() == 0


def test_the_smaller_of_two_limits_holds():
    both = DailyLoss(max_loss=500, max_fraction=0.5)
    assert both.bound(10_000) == 500
    assert both.bound(100) == 50
    assert math.isnan(both.bound(math.nan))


@pytest.mark.parametrize("limit", [DailyLoss(max_loss=1e12), DailyLoss(max_fraction=1.0)])
def test_nothing_opens_while_the_days_beginning_is_not_known(limit):
    with Stand(limit) as stand:
        stand.do(lambda s: s.market(1))
        assert stand.denials == [
            "MAX_DAILY_LOSS: what it would be cannot be measured: "
            "the equity that the day began with is not known yet"
        ]


# --- all of them --------------------------------------------------------------------------


def test_reducing_orders_skip_all_limits_of_exposure_and_no_other():
    checks = [
        MaxPositionUnits(max_units=0),
        MaxPositionNotional(max_notional=0),
        MaxGrossExposure(max_notional=0),
        EnoughMargin(leverage={"PAPER": 1.0}),
        DailyLoss(max_loss=0),
        MaxOrderNotional(max_notional=10_000),
    ]
    with Stand() as stand:
        stand.do(lambda s: s.market(300))
        stand.gate.checks = (*stand.gate.checks, *checks)
        stand.book.set_cash("PAPER", math.nan)
        stand.do(lambda s: [s.market(-100), s.market(-101), s.market(1)])
        assert [over.limit for over in stand.over] == ["max_order_notional", "max_position_units"]
        assert stand.held() == 200


def test_a_reducing_change_of_price_is_not_asked_about_exposure():
    with Stand(MaxPositionUnits(max_units=100)) as stand:
        stand.do(lambda s: s.market(100))
        order = stand.do(lambda s: s.limit(-100, "120.00"))
        stand.do(lambda s: s.change(order, price="110.00"))
        assert order.price == Price.from_str("110.00")


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize(
    "make",
    [
        lambda v: MaxPositionUnits(max_units=v),
        lambda v: MaxPositionNotional(max_notional=v),
        lambda v: MaxGrossExposure(max_notional=v),
        lambda v: EnoughMargin(leverage={"PAPER": v}),
        lambda v: DailyLoss(max_loss=v),
        lambda v: DailyLoss(max_fraction=v),
    ],
)
def test_a_bound_that_is_none_is_refused(make, value):
    with pytest.raises(InputError):
        make(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: EnoughMargin(leverage={"PAPER": 0.99}),
        lambda: DailyLoss(),
        lambda: DailyLoss(max_fraction=1.01),
        lambda: DailyLoss(max_fraction=0.0),
        lambda: MaxPositionUnits(max_units=1, per="account"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(make):
    with pytest.raises(InputError):
        make()
