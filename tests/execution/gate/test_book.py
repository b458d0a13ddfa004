"""The book itself: what it holds is what Nautilus holds, whatever came in between."""

import math

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.currencies import EUR, USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderType
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    PositionId,
    StrategyId,
    TradeId,
    TraderId,
    VenueOrderId,
)
from nautilus_trader.model.objects import Money, Price, Quantity

from nautilus_lab.execution.gate import Book
from nautilus_lab.risk.limits import MaxGrossExposure
from tests.execution.gate.stand import AAPL, CASH, Stand, equity

MSFT = equity("MSFT")
NO_FEE = Money(0, USD)


@pytest.fixture
def stand():
    with Stand(MaxGrossExposure(max_notional=1e12), instruments=(AAPL, MSFT), hands=2) as stand:
        yield stand


def test_a_fill_counts_once_whatever_topics_there_were_before(stand):
    # Nautilus' bus calls a handler twice for a new topic when the handler's text has changed.
    stand.do(lambda s: s.market(10), hand=0)
    stand.do(lambda s: s.market(20), hand=1)
    stand.do(lambda s: s.market(-5), hand=0)
    assert (stand.held(), stand.held(hand=0), stand.held(hand=1)) == (25, 5, 20)
    subscribed = stand.engine.kernel.msgbus.subscriptions("events.order.*")
    assert len(subscribed) == len(set(map(id, subscribed)))


def test_its_sums_are_those_of_the_account(stand):
    stand.do(lambda s: [s.market(100), s.market(-30, on=MSFT)])
    stand.quote("110.00", "110.02")
    stand.quote("90.00", "90.02", on=MSFT)
    book = stand.book
    assert book.net == pytest.approx(100 * 110.01 - 30 * 90.01)
    assert book.gross == pytest.approx(100 * 110.01 + 30 * 90.01)
    # bought at 100.00, sold at 99.98
    assert book.equity == pytest.approx(CASH + 100 * 10.01 + 30 * (99.98 - 90.01))
    assert book.equity_at("PAPER") == book.equity
    assert math.isnan(book.equity_at("NOWHERE"))
    assert book.gross_at("NOWHERE") == 0


def test_it_is_the_same_when_it_is_rebuilt_from_the_cache(stand):
    stand.do(lambda s: s.market(100), lambda s: s.limit(-50, "120"), hand=0)
    stand.do(lambda s: s.market(-30, on=MSFT), hand=1)
    stand.do(lambda s: s.bracket(20, stop="90", profit="130"), hand=1)
    before = _picture(stand)
    stand.book.rebuild(stand.cache)
    assert _picture(stand) == before
    stand.do(lambda s: s.cancel_all_orders(AAPL.id), hand=0)
    stand.do(lambda s: s.cancel_all_orders(AAPL.id), hand=1)
    assert stand.queued() == (0, 0)


def test_what_is_on_its_way_stays_when_it_is_rebuilt():
    with Stand(latency_ns=10**12) as stand:
        first = stand.do(lambda s: s.limit(10, "90"))
        order = stand.hands[0].limit(5, "90", send=False)
        stand.cache.add_order(order)
        stand.gate._cross(_command(order), lambda sent: None, True)
        assert (stand.status(first), stand.status(order)) == ("SUBMITTED", "INITIALIZED")
        stand.book.rebuild(stand.cache)
        assert stand.queued() == (15, 0)


def test_a_change_on_its_way_stays_when_it_is_rebuilt():
    with Stand(latency_ns=2 * 10**9) as stand:
        order = stand.do(lambda s: s.limit(10, "90"))
        for _ in range(3):
            stand.quote()
        stand.do(lambda s: s.change(order, units=70))
        stand.book.rebuild(stand.cache)
        assert stand.queued() == (70, 0)
        for _ in range(3):
            stand.quote()
        assert stand.queued() == (70, 0)
        stand.do(lambda s: s.cancel_order(order))
        for _ in range(3):
            stand.quote()
        assert stand.queued() == (0, 0)


def test_thousands_of_changes_leave_no_rounding_behind(stand):
    for cent in range(4_200):
        stand.book.mark(stand.book.of(AAPL.id, AAPL), _tick(100 + cent % 7 / 100))
    stand.do(lambda s: s.market(100))
    for _ in range(30):
        stand.do(lambda s: [s.market(n) for n in (33, -33, 7, -7)])
    stand.quote("100.00", "100.00")
    assert stand.book.gross == pytest.approx(10_000, abs=1e-9)
    stand.do(lambda s: s.market(-100))
    assert (stand.book.gross, stand.book.net) == (pytest.approx(0, abs=1e-9),) * 2


def test_a_crazy_tick_leaves_nothing_of_itself_in_the_sums():
    stocks = (AAPL, equity("MSFT"), equity("IBM"))
    with Stand(instruments=stocks) as stand:
        for stock, units in zip(stocks, (100, 1_000, 10), strict=True):
            stand.quote("100.00", "100.00", on=stock)
            stand.do(lambda s, on=stock, units=units: s.market(units, on=on))
        held = stand.book.total.squares, stand.book.total.gross, stand.book.equity
        stand.quote("9000000000.00", "9000000000.00", on=stocks[1])
        assert stand.book.total.squares > 1e25
        stand.quote("100.00", "100.00", on=stocks[1])
        now = stand.book.total.squares, stand.book.total.gross, stand.book.equity
        assert now == pytest.approx(held, rel=1e-9)


def test_what_another_hand_sent_is_counted_as_soon_as_it_is_heard_of(stand):
    # Sent around the gate: as reconciliation brings in what somebody did at the venue itself.
    order = stand.hands[0].limit(25, "90", send=False)
    stand.cache.add_order(order)
    client = stand.engine.kernel.exec_engine._find_client_for_command(_command(order))
    stand.do(lambda s: client.submit_order(_command(order)))
    assert stand.status(order) == "ACCEPTED"
    assert stand.queued() == (25, 0)


def test_a_fill_of_an_unknown_order_is_held_and_valued(stand):
    stand.engine.kernel.msgbus.publish("events.order.EXTERNAL", _fill(AAPL, 40))
    assert stand.held() == 40
    assert stand.book.net == pytest.approx(40 * 99.99)


def test_a_fee_in_another_currency_leaves_the_cash_unknown_until_it_is_stated(stand):
    stand.engine.kernel.msgbus.publish("events.order.EXTERNAL", _fill(AAPL, 40, Money(1, EUR)))
    assert math.isnan(stand.book.equity)
    stand.book.set_cash("PAPER", 5_000)
    assert stand.book.equity == pytest.approx(5_000 + 40 * 99.99)


def test_a_fill_before_any_quote_is_valued_at_its_price():
    with Stand(MaxGrossExposure(max_notional=1e12), quotes=False) as stand:
        stand.engine.kernel.msgbus.publish("events.order.EXTERNAL", _fill(AAPL, 40))
        assert stand.book.gross == pytest.approx(40 * 123.45)


def test_what_is_flat_needs_no_mark(stand):
    stand.do(lambda s: s.market(10, on=MSFT))
    stand.quote("0.00", "0.00", on=MSFT)
    assert math.isnan(stand.book.equity)
    stand.do(lambda s: s.market(-10, on=MSFT), on=MSFT, bid="99.98")
    stand.quote("0.00", "0.00", on=MSFT)
    assert stand.book.equity == pytest.approx(CASH - 0.2)


def test_an_empty_book_says_so():
    book = Book()
    assert repr(book) == "Book(0 instruments, 0 orders)"
    assert (book.gross, book.net) == (0, 0)
    assert math.isnan(book.equity)
    assert book.line("AAPL.PAPER").worst == 0
    assert book.symbol("AAPL").worst == 0
    assert not book.has("O-1")


def _picture(stand):
    book = stand.book
    return (
        [stand.held(i, h) for i in (AAPL, MSFT) for h in (None, 0, 1)],
        [stand.queued(i, h) for i in (AAPL, MSFT) for h in (None, 0, 1)],
        round(book.gross, 6),
        round(book.net, 6),
        round(book.equity, 6),
    )


def _command(order):
    return SubmitOrder(order.trader_id, order.strategy_id, order, UUID4(), 0)


def _tick(price):
    at, size = Price.from_str(f"{price:.2f}"), Quantity.from_int(1)
    return QuoteTick(AAPL.id, at, at, size, size, 0, 0)


def _fill(instrument, units, fee=NO_FEE):
    return OrderFilled(
        trader_id=TraderId("T-1"),
        strategy_id=StrategyId("EXTERNAL"),
        instrument_id=instrument.id,
        client_order_id=ClientOrderId("O-LEG-1"),
        venue_order_id=VenueOrderId("V-1"),
        account_id=AccountId("PAPER-001"),
        trade_id=TradeId("T-1"),
        position_id=PositionId("P-1"),
        order_side=OrderSide.BUY,
        order_type=OrderType.MARKET,
        last_qty=Quantity.from_int(units),
        last_px=Price.from_str("123.45"),
        currency=USD,
        commission=fee,
        liquidity_side=LiquiditySide.TAKER,
        event_id=UUID4(),
        ts_event=0,
        ts_init=0,
    )
