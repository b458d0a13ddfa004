"""Whatever is asked and however the market moves: money and units add up, and limits hold."""

import dataclasses
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import (
    WORKING,
    CancelAll,
    CancelOrder,
    ModifyOrder,
    NewOrder,
    NewOrderList,
    PaperBook,
    VenueTerms,
)
from tests.execution.paper.orders import SECOND

SYMBOLS = ("A", "B")
CASH = VenueTerms(depth=20, levels=3, maker_fee_bps=1, taker_fee_bps=10)
LENT = dataclasses.replace(CASH, leverage=40)
SLOW = dataclasses.replace(LENT, latency_ms=1_500)
CONTINGENCIES = ("", "OCO", "OUO")

# Near the market, so that most of what is asked is reached by some quote.
cents = st.integers(9_700, 10_300).map(lambda n: Decimal(n) / 100)
offsets = st.integers(1, 300).map(lambda n: Decimal(n) / 100)
names = st.integers(0, 12).map("o{}".format)
rarely = st.integers(0, 5).map(lambda n: n == 5)
sides = st.sampled_from(("BUY", "SELL"))


@dataclasses.dataclass(frozen=True)
class Quote:
    symbol: str
    bid: Decimal
    spread: Decimal


@dataclasses.dataclass(frozen=True)
class NewDay:
    number: int


@st.composite
def orders(draw, name=names, symbol=None):
    kind = draw(
        st.sampled_from(
            (
                "MARKET",
                "LIMIT",
                "STOP_MARKET",
                "STOP_LIMIT",
                "MARKET_TO_LIMIT",
                "MARKET_IF_TOUCHED",
                "LIMIT_IF_TOUCHED",
                "TRAILING_STOP_MARKET",
                "TRAILING_STOP_LIMIT",
            )
        )
    )
    trails, limited = kind.startswith("TRAILING"), "LIMIT" in kind
    terms = {}
    if limited and not trails and kind != "MARKET_TO_LIMIT":
        terms["limit_price"] = draw(cents)
    if kind.startswith("STOP") or kind.endswith("TOUCHED"):
        terms["trigger_price"] = draw(cents)
    if trails:
        terms["trailing_offset"] = draw(offsets)
        terms["activation_price"] = draw(st.none() | cents)
        if limited:
            terms["limit_offset"] = draw(offsets)
    good = draw(st.sampled_from(("GTC", "GTC", "GTC", "IOC", "FOK", "GTD", "DAY")))
    if good == "GTD":
        terms["expire_ns"] = draw(st.integers(5, 80)) * SECOND
    return NewOrder(
        client_order_id=draw(name),
        symbol=symbol or draw(st.sampled_from(SYMBOLS)),
        side=draw(sides),
        order_type=kind,
        quantity=Decimal(draw(st.integers(1, 90))),
        time_in_force=good,
        post_only=draw(rarely) and kind == "LIMIT" and good not in ("IOC", "FOK"),
        reduce_only=draw(rarely),
        parent=draw(names) if draw(rarely) else "",
        **terms,
    )


@st.composite
def brackets(draw):
    """An entry and two exits, of which one is enough or both share."""
    stem, symbol = draw(names), draw(st.sampled_from(SYMBOLS))
    entry, *exits = (
        draw(orders(name=st.just(f"{stem}-{part}"), symbol=symbol)) for part in ("e", "x", "y")
    )
    how = draw(st.sampled_from(CONTINGENCIES))
    return NewOrderList(
        orders=[
            msgspec.structs.replace(entry, parent="", contingency="OTO", list_id=stem),
            *(
                msgspec.structs.replace(
                    one,
                    side="SELL" if entry.side == "BUY" else "BUY",
                    parent=entry.client_order_id,
                    quantity=entry.quantity,
                    contingency=how,
                    linked=(other.client_order_id,) if how else (),
                    list_id=stem,
                )
                for one, other in zip(exits, reversed(exits), strict=True)
            ),
        ]
    )


quotes = st.builds(Quote, st.sampled_from(SYMBOLS), cents, offsets)
changes = st.builds(
    ModifyOrder,
    client_order_id=names,
    quantity=st.none() | st.integers(1, 60).map(Decimal),
    limit_price=st.none() | cents,
    trigger_price=st.none() | cents,
)
actions = st.lists(
    orders()
    | brackets()
    | brackets()
    | quotes
    | quotes
    | quotes
    | changes
    | st.builds(CancelOrder, client_order_id=names)
    | st.builds(CancelAll, symbol=st.sampled_from(("", *SYMBOLS)))
    | st.builds(NewDay, st.integers(1, 9)),
    min_size=20,
    max_size=80,
)


def act(book, action, ts):
    match action:
        case Quote():
            return book.quote(action.symbol, action.bid, action.bid + action.spread, ts)
        case NewOrder():
            return book.submit(action, ts)
        case NewOrderList():
            return book.submit_list(action.orders, ts)
        case ModifyOrder():
            return book.modify(action, ts)
        case CancelOrder():
            return book.cancel(action.client_order_id, ts)
        case CancelAll():
            return book.cancel_all(ts, symbol=action.symbol)
        case NewDay():
            return book.open_session(f"2020-01-0{action.number}", ts)


@pytest.mark.parametrize(
    ("terms", "deposit"),
    [(CASH, Decimal(20_000)), (LENT, Decimal(400)), (SLOW, Decimal(400))],
    ids=["cash", "margin", "latency"],
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=actions)
def test_nothing_is_made_and_nothing_is_lost(terms, deposit, actions):
    book = PaperBook(starting_cash=deposit, terms=terms)
    events = []
    for symbol in SYMBOLS:
        book.quote(symbol, Decimal("99.90"), Decimal("100.10"), 0)
    for second, action in enumerate(actions, 1):
        now, fresh = second * SECOND, []
        for step in (
            lambda now=now: book.pass_time(now),
            lambda now=now, action=action: act(book, action, now),
            lambda now=now: book.close_out(now),
        ):
            seq = book.seq
            try:
                fresh += step()
            except InputError:
                assert book.seq == seq  # what is refused leaves no trace
        require_sound(book, deposit, events, fresh)
        events += fresh
    again = PaperBook(starting_cash=deposit, terms=terms)
    again.restore(events)
    for symbol in SYMBOLS:
        again._depth[symbol] = book._depth[symbol]
    assert again.orders() == book.orders()
    assert again.orders(working_only=True) == book.orders(working_only=True)
    assert again.fills == book.fills
    assert again.account == book.account
    assert again.balances == book.balances


def require_sound(book, deposit, before, fresh):
    last = {e.order.client_order_id: e.order for e in before}
    held = dict.fromkeys(SYMBOLS, 0)
    for event in before:
        if event.fill is not None:
            held[event.fill.symbol] += signed(event.fill)
    for number, event in enumerate(fresh, len(before) + 1):
        order, fill = event.order, event.fill
        earlier = last.get(order.client_order_id)
        assert event.seq == number
        assert earlier is None or earlier.status in WORKING  # what is done stays as it is
        assert 0 <= order.filled <= order.quantity
        assert (order.status == "FILLED") == (order.filled == order.quantity)
        if fill is not None:
            assert order.filled - earlier.filled == fill.quantity > 0
            require_fair(order, fill, held)
            held[fill.symbol] += signed(fill)
        last[order.client_order_id] = order
    require_one_of_each_pair(last)
    fills = book.fills
    spent = sum((signed(f) * f.price + f.commission for f in fills), Decimal(0))
    assert book.cash == deposit - spent
    assert {p.symbol: p.quantity for p in book.positions} == {s: q for s, q in held.items() if q}
    statement = book.account
    if not book.terms.has_margin:
        assert book.cash >= 0
        assert all(quantity >= 0 for quantity in held.values())
    open_result = sum(
        p.quantity * (mark(book, p) - p.average_price) for p in book.positions
    )  # the average price is rounded to a hundredth of a cent
    assert abs(statement.equity - statement.balance - open_result) < Decimal("0.05")
    assert [o for o in last.values() if o.status in WORKING] == sorted(
        book.orders(working_only=True), key=list(last.values()).index
    )


def require_fair(order, fill, held):
    """A fill is within its order's limit, and of a reduce-only order, only reduces."""
    if order.limit_price is not None:
        beyond = fill.price - order.limit_price
        assert (beyond if fill.side == "BUY" else -beyond) <= 0
    if order.reduce_only:
        position = held[fill.symbol]
        assert signed(fill) * position < 0
        assert fill.quantity <= abs(position)


def require_one_of_each_pair(orders):
    for order in orders.values():
        for name in order.linked:
            other = orders.get(name)
            if other is None:
                continue
            if order.contingency == "OCO":
                assert not (order.filled and other.filled)
            if order.contingency == "OUO":
                assert order.filled + other.filled <= orders[order.parent].filled


def signed(fill):
    return fill.quantity if fill.side == "BUY" else -fill.quantity


def mark(book, position):
    depth = book._depth[position.symbol]
    return depth.bid if position.quantity > 0 else depth.ask
