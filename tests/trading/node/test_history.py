"""What of a trader's past is told again, and what it only carries on."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from nautilus_trader.model.enums import PositionSide
from nautilus_trader.model.position import Position
from nautilus_trader.test_kit.providers import TestInstrumentProvider

from nautilus_lab.platform.messages import OrderFilled, OrderUpdated, envelope
from nautilus_lab.trading.node._carrying import carried_fill
from nautilus_lab.trading.node._execution import account_id_of
from nautilus_lab.trading.node._history import History

MINUTE = 60 * 10**9


def told(body, ts):
    sent = envelope(body, "trading.order.T-1.S-1", trader="T-1", writer="node")
    return type(sent)(**{**{f: getattr(sent, f) for f in sent.__struct_fields__}, "ts": ts})


def order(name, status, ts, **facts):
    return told(
        OrderUpdated(
            client_order_id=name,
            strategy="S-1",
            instrument="AAPL.PAPER",
            side="BUY",
            order_type="LIMIT",
            quantity=Decimal(100),
            status=status,
            **facts,
        ),
        ts,
    )


def fill(name, side, quantity, price, ts, strategy="S-1"):
    return told(
        OrderFilled(
            trade_id=f"T-{ts}",
            client_order_id=name,
            strategy=strategy,
            instrument="AAPL.PAPER",
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
        ),
        ts,
    )


def test_what_is_over_is_history_and_its_position_is_carried_at_average_cost():
    history = History.of(
        [order("A", "FILLED", 10 * MINUTE), order("B", "FILLED", 11 * MINUTE)],
        [
            fill("A", "BUY", 100, "10.00", 10 * MINUTE),
            fill("B", "BUY", 50, "13.00", 11 * MINUTE),
            fill("B", "SELL", 30, "20.00", 12 * MINUTE),
        ],
    )
    assert history.orders == {"A", "B"}
    (held,) = history.positions
    # (100 x 10 + 50 x 13) / 150; a sale leaves the average as it is.
    assert (held.quantity, held.average_price) == (120, Decimal(11))
    assert history.since_ns == 10 * MINUTE  # a minute before the last that was told


def test_what_works_is_told_again_with_all_its_fills():
    history = History.of(
        [order("A", "FILLED", 10 * MINUTE), order("B", "PARTIALLY_FILLED", 30 * MINUTE)],
        [
            fill("A", "BUY", 100, "10.00", 10 * MINUTE),
            fill("B", "BUY", 40, "12.00", 20 * MINUTE),
        ],
    )
    assert history.orders == {"A"}
    assert [(p.quantity, p.average_price) for p in history.positions] == [(100, Decimal(10))]
    assert history.since_ns == 19 * MINUTE  # its first fill


def test_what_an_order_hangs_on_or_is_linked_to_is_needed_with_it():
    history = History.of(
        [
            order("ENTRY", "FILLED", 10 * MINUTE),
            order("PROFIT", "ACCEPTED", 11 * MINUTE, parent="ENTRY", linked=("LOSS",)),
            order("LOSS", "CANCELED", 12 * MINUTE, parent="ENTRY"),
            order("OTHER", "FILLED", 13 * MINUTE),
        ],
        [fill("ENTRY", "BUY", 100, "10.00", 10 * MINUTE)],
    )
    assert history.orders == {"OTHER"}
    assert history.positions == ()


def test_an_intent_without_an_outcome_is_newer_than_history():
    orders = [order("A", "FILLED", 50 * MINUTE)]
    assert History.of(orders, [], open_since_ns=20 * MINUTE).since_ns == 19 * MINUTE
    assert History.of(orders, []).since_ns == 49 * MINUTE


def test_a_position_that_turned_costs_what_it_was_turned_at():
    history = History.of(
        [order("A", "FILLED", MINUTE)],
        [fill("A", "BUY", 100, "10.00", MINUTE), fill("A", "SELL", 150, "12.50", 2 * MINUTE)],
    )
    (held,) = history.positions
    assert (held.quantity, held.average_price) == (-50, Decimal("12.50"))


TRADES = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C", "D"]),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 500),
        st.decimals("0.01", "900.00", places=2),
    ),
    max_size=40,
)


@given(TRADES, st.sets(st.sampled_from(["A", "B", "C", "D"])))
def test_what_is_carried_and_what_is_told_again_make_the_whole_position(trades, working):
    fills = [fill(*trade, ts=n) for n, trade in enumerate(trades, 1)]
    orders = [order(n, "ACCEPTED" if n in working else "FILLED", 100) for n in "ABCD"]
    history = History.of(orders, fills)
    signed = {"BUY": 1, "SELL": -1}
    again = sum(signed[s] * q for name, s, q, _ in trades if name in working)
    carried = sum(held.quantity for held in history.positions)
    assert carried + again == sum(signed[s] * q for _, s, q, _ in trades)


@given(TRADES)
def test_a_carried_position_is_what_nautilus_makes_of_the_same_fills(trades):
    fills = [fill(*trade, ts=n) for n, trade in enumerate(trades, 1)]
    history = History.of([order(n, "FILLED", 100) for n in "ABCD"], fills)
    aapl = TestInstrumentProvider.equity("AAPL", "PAPER")
    held, cost = Decimal(0), None  # as Nautilus counts, one lot after the other
    for _, side, quantity, price in trades:
        signed = Decimal(quantity if side == "BUY" else -quantity)
        if held * signed >= 0:
            cost = (
                price if not held else (cost * abs(held) + price * abs(signed)) / abs(held + signed)
            )
        elif abs(signed) > abs(held):
            cost = price
        held += signed
    if not held:
        assert history.positions == ()
        return
    (carried,) = history.positions
    made = Position(aapl, carried_fill(carried, trader="T-1", account_id=account_id_of("PAPER")))
    assert Decimal(str(made.signed_qty)) == held
    assert made.side == (PositionSide.LONG if held > 0 else PositionSide.SHORT)
    assert abs(made.avg_px_open - float(cost)) < 1e-6
    assert made.id.value == "AAPL.PAPER-S-1"
